"""An SQL condition in a policy: refused unless allowed, unless it is one condition; then counted and deleted alike."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import TITAN, drop_database, login, make_database

RAW = "length(body) > 3 AND body NOT LIKE '%keep%'"


def rule(raw: str | None, **changes: Any) -> dict[str, Any]:
    where = {"sql_condition": raw, **changes.pop("where", {})}
    return {"table": "logs", "column": "at", "keep": "1 day", "allow_sql_condition": True, "where": where, **changes}


@pytest.fixture(scope="module")
def guarded(server: Any) -> Any:
    """One database for all refusals; canary is what a break-out would go for."""
    made = make_database(server)
    with connect(made, fixed_settings=False) as database:
        database.execute("CREATE TABLE public.logs (id int, at timestamptz, body text, level text)")
        database.execute("CREATE TABLE public.canary (n int); INSERT INTO public.canary VALUES (1)")
        database.execute("CREATE FUNCTION public.mine(text) RETURNS bool LANGUAGE sql AS 'SELECT true'")
    yield made
    drop_database(server, made.database)


@pytest.mark.parametrize(
    "raw",
    [
        "true) OR (true",
        "1=1) OR true OR (1=1",
        "true); DROP TABLE public.canary; SELECT (true",
        "true); COMMIT; DROP TABLE public.canary; SELECT (true",
        "true THEN true END; COMMIT; DROP TABLE public.canary; SELECT CASE WHEN true",
        "true; DROP TABLE public.canary",
        "true THEN true END, CASE WHEN true",
        "true) --",
        "true /*",
        "body = '",
        "body = ') AND CASE WHEN true THEN true END; DROP TABLE public.canary; --",
        "body = $x$",
        'true AND "',
        "true) UNION SELECT FROM public.canary WHERE (true",
        "true ORDER BY 1",
        "length(body)",
        "SELECT true",
        "count(*) > 1",
        "no_such_column = 1",
        "logs.body = 'x'",
        "mine(body)",
        "id IN (SELECT n FROM canary)",
        "$1",
        "%s",
    ],
)
def test_what_is_not_one_condition_is_refused(guarded: Any, call_module: Any, raw: str) -> None:
    for check_mode in (True, False):
        result = call_module("retention_policy", check_mode=check_mode, policies=[rule(raw)], **login(guarded))
        assert result["failed"] and "policies[0]: The SQL in where.sql_condition cannot be used" in result["msg"], (
            result
        )
    with connect(guarded) as database:
        assert database.value("SELECT count(*) FROM public.canary") == 1
        assert database.value("SELECT to_regnamespace('titan_ops') IS NULL")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (rule("true", allow_sql_condition=False), ["policies[0].where.sql_condition", "allow_sql_condition: true"]),
        (rule(" \n"), ["policies[0].where.sql_condition", "condition"]),
        (rule(None), ["policies[0].where", "Name the column"]),
        (rule("true", where={"equals": "a"}), ["policies[0].where", "Name the column"]),
        (rule("true", where={"column": "level"}), ["exactly one of in, equals and is_null"]),
    ],
)
def test_the_wrong_shape_is_refused(guarded: Any, call_module: Any, policy: Any, words: list[str]) -> None:
    result = call_module("retention_policy", policies=[policy], **login(guarded))
    assert result["failed"] and all(word in result["msg"] for word in words), result


@pytest.mark.parametrize(
    "raw",
    [
        "true -- a remark",
        "body IS NULL OR body = ')'",
        "body = '(' /* ( */",
        "body ~ E'\\\\('",
        "public.mine(body)",
        "id IN (SELECT n FROM public.canary)",
        "body = $$;$$ OR ((true))",
        "CASE WHEN id > 1 THEN true END",
        "body LIKE '100%' OR body = '{}'",
    ],
)
def test_awkward_conditions_are_conditions(guarded: Any, call_module: Any, raw: str) -> None:
    result = call_module("retention_policy", check_mode=True, policies=[rule(raw)], **login(guarded))
    assert result["changed"] and result["policies"][0]["where"] == {"sql_condition": raw}, result


@pytest.mark.parametrize("shape", ["plain", "index", "partitioned"])
def test_counted_stored_and_deleted_alike(
    settings: Any, user_sql: Any, call_module: Any, freely: Any, shape: str
) -> None:
    parts = " PARTITION BY HASH (id)" if shape == "partitioned" else ""
    user_sql.execute(f"CREATE TABLE logs (id int, at timestamptz, body text, level text){parts}")
    if parts:
        user_sql.execute("CREATE TABLE l0 PARTITION OF logs FOR VALUES WITH (MODULUS 2, REMAINDER 0)")
        user_sql.execute("CREATE TABLE l1 PARTITION OF logs FOR VALUES WITH (MODULUS 2, REMAINDER 1)")
    user_sql.execute(
        "INSERT INTO logs SELECT i, now() - interval '2 days' * (i % 2), (ARRAY['a', NULL, 'keep', 'long enough'])[1 + i / 2 % 4], "
        "(ARRAY['info', 'debug'])[1 + i % 3 % 2] FROM generate_series(1, 4000) i"
    )
    if shape == "index":
        user_sql.execute("CREATE INDEX ON logs (at); INSERT INTO logs SELECT i, now() FROM generate_series(1, 20000) i")
    user_sql.execute("ANALYZE logs")
    user_sql.execute(f"SELECT count(*) FROM logs WHERE at < now() - interval '1 day' AND level = 'info' AND {RAW}")
    expected = user_sql.fetchone()[0]
    assert 200 < expected < 600
    info = rule(f"{RAW} -- a remark", where={"column": "level", "in": ["info"]}, name="long")
    debug = {"table": "logs", "column": "at", "keep": "1 year", "where": {"column": "level", "equals": "debug"}}
    stored = call_module("retention_policy", policies=[info, debug], **login(settings))
    assert stored["changed"] and "and SQL (length(body) > 3" in stored["diff"]["after"]
    assert not call_module("retention_policy", policies=[info, debug], **login(settings))["changed"]
    again = [{key: value for key, value in one.items() if value is not None} for one in stored["policies"]]
    assert not call_module("retention_policy", policies=again, **login(settings))["changed"], "what it returns it takes"
    planned = call_module("cleanup", check_mode=True, **freely, **login(settings))
    assert {one["policy"]: one["due"] for one in planned["results"]}["long"] == expected
    done = call_module("cleanup", **freely, **login(settings))
    assert {one["policy"]: one["deleted"] for one in done["results"]}["long"] == expected
    user_sql.execute("SELECT count(*) FROM logs")
    assert user_sql.fetchone()[0] == 4000 - expected + (20000 if shape == "index" else 0)


def test_two_of_one_table_are_told_apart_by_values_only(guarded: Any, call_module: Any) -> None:
    one, other = rule("id = 1", name="a"), rule("id <> 1", name="b")
    result = call_module("retention_policy", policies=[one, other], **login(guarded))
    assert result["failed"] and "overlap" in result["msg"]
    apart = [{**one, "where": {"column": "level", "equals": "x", "sql_condition": "id = 1"}},
             {**other, "where": {"column": "level", "equals": "y", "sql_condition": "id = 1"}}]  # fmt: skip
    assert call_module("retention_policy", check_mode=True, policies=apart, **login(guarded))["changed"]


def test_a_condition_that_no_longer_fits_deletes_nothing(
    settings: Any, user_sql: Any, call_module: Any, freely: Any
) -> None:
    user_sql.execute("CREATE TABLE logs (id int, at timestamptz, body text)")
    user_sql.execute("INSERT INTO logs SELECT i, now() - interval '9 days', 'long' FROM generate_series(1, 10) i")
    call_module("retention_policy", policies=[rule("body = 'long'")], **login(settings))
    user_sql.execute("UPDATE titan_ops.retention_policy SET filter_sql = 'false) OR (true'")
    result = call_module("cleanup", **freely, **login(settings))
    assert result["failed"] and "where.sql_condition cannot be used" in result["msg"] and not result["changed"]
    user_sql.execute("SELECT count(*) FROM logs")
    assert user_sql.fetchone() == (10,)


def test_the_sql_functions_agree_to_the_row(titan: Any, call_module: Any, freely: Any) -> None:
    policies = [
        {"table": "audit_logs", "column": "created_at", "keep": "90 days", "allow_sql_condition": True,
         "where": {"sql_condition": "md5(id::text) < '6' OR user_id IS NULL -- not all"}},
        {"table": "system_logs", "column": "created_at", "keep": "30 days", "allow_sql_condition": True,
         "where": {"column": "level", "in": ["info"], "ignore_case": True, "sql_condition": r"message !~ '\\' AND md5(id::text) > '7'"}},
    ]  # fmt: skip
    assert call_module("retention_policy", policies=policies, **login(titan))["changed"]
    planned = call_module("cleanup", check_mode=True, **freely, **login(titan))
    due = {one["table"].split(".")[1]: one["due"] for one in planned["results"]}
    assert min(due.values()) > 100
    connection = psycopg2.connect(**titan.parameters())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute((TITAN / "migrations" / "0011_add_data_retention_functions.sql").read_text())
        cursor.execute("SET standard_conforming_strings = off; SET datestyle = 'SQL, DMY'")
        cursor.execute("SELECT table_name, rows_to_delete FROM cleanup_statistics WHERE rows_to_delete > 0")
        assert dict(cursor.fetchall()) == due
        cursor.execute("SELECT cleanup_type, deleted_count FROM run_all_cleanups()")
        assert dict(cursor.fetchall()) == due
    connection.close()
    assert not call_module("cleanup", **freely, **login(titan))["changed"]
