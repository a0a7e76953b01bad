"""What is refused, by name, with nothing written."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, login, make_database

SCHEMA = """
    CREATE TABLE logs (id int PRIMARY KEY, created_at timestamptz, level text, n int, done boolean);
    CREATE TABLE elsewhere (id int, created_at timestamptz);
    CREATE SCHEMA two; CREATE TABLE two.elsewhere (id int, created_at timestamptz);
    CREATE VIEW recent AS SELECT * FROM logs;
    CREATE MATERIALIZED VIEW stale AS SELECT * FROM logs;
"""
GOOD = {"table": "logs", "column": "created_at", "keep": "1 day"}


@pytest.fixture(scope="module")
def untouched(server: Any) -> Any:
    """One database for all refusals: each test shows that nothing was written to it."""
    made = make_database(server)
    with connect(made, fixed_settings=False) as database:
        database.execute(SCHEMA)
    yield made
    drop_database(server, made.database)


def rule(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ([rule(table="log")], ["policies[0]", "no table log", "near it are public.logs"]),
        ([rule(table="two.logs")], ["no table two.logs", "public.logs"]),
        ([rule(table="elsewhere")], ["public.elsewhere", "two.elsewhere"]),
        ([rule(table="recent")], ["public.recent is a view"]),
        ([rule(table="stale")], ["is a materialized view"]),
        ([rule(table="a.b.c")], ["policies[0].table", "schema.table"]),
        ([rule(table='"unclosed')], ["policies[0].table"]),
        ([rule(column="create_at")], ["no column create_at", "near it are created_at"]),
        ([rule(column="n")], ["logs.n is of type integer"]),
        ([rule(keep="90")], ["policies[0].keep", "'90'", "90 days"]),
        ([rule(keep="-1 days")], ["policies[0].keep"]),
        ([rule(keep="soon")], ["policies[0].keep", "soon"]),
        ([rule(where={"column": "level"})], ["exactly one of in, equals and is_null"]),
        ([rule(where={"column": "level", "in": ["a"], "equals": "b"})], ["exactly one"]),
        ([rule(where={"column": "level", "in": []})], ["at least one value"]),
        ([rule(where={"column": "levle", "equals": "a"})], ["no column levle", "level"]),
        ([rule(where={"column": "n", "in": [1, "two"]})], ["'two' is not a valid value of public.logs.n", "integer"]),
        ([rule(where={"column": "n", "in": [1], "ignore_case": True})], ["ignore_case has no meaning for n"]),
        ([rule(mode="mark")], ["mark: {column"]),
        ([rule(mark={"column": "done", "value": True})], ["only with mode: mark"]),
        ([rule(mode="mark", mark={"column": "done", "value": "maybe"})], ["'maybe' is not a valid value", "boolean"]),
        ([rule(mode="mark", mark={"column": "done"})], ["is of type boolean; give a value"]),
        ([rule(mode="mark", mark={"column": "don", "value": True})], ["no column don"]),
        ([rule(max_fraction=1.5)], ["policies[0].max_fraction", "1.5"]),
        ([rule(time_zone="Mars/Olympus")], ["no time zone 'Mars/Olympus'"]),
        ([rule(name="a"), rule(name="a", where={"column": "n", "equals": 1})], ["policies[1].name", "same name"]),
        ([rule(name="a"), rule(name="b")], ["policies[0] (a)", "policies[1] (b)", "overlap"]),
        (
            [rule(where={"column": "level", "in": ["info"], "ignore_case": True}), rule(where={"column": "level", "equals": "INFO"})],
            ["overlap", "public.logs"],
        ),
        ([rule(where={"column": "n", "equals": "1"}), rule(name="x", where={"column": "n", "equals": "01"})], ["overlap"]),
        ([rule(table="nope"), rule(column="nope")], ["policies[0]", "policies[1]"]),
    ],
)  # fmt: skip
def test_refused_by_name(untouched: Any, call_module: Any, policies: Any, words: list[str]) -> None:
    result = call_module("retention_policy", policies=policies, **login(untouched))
    assert result["failed"], result
    assert all(word in result["msg"] for word in words), result["msg"]
    with connect(untouched) as database:
        assert database.value("SELECT to_regnamespace('titan_ops') IS NULL")


def test_two_filters_that_exclude_each_other_are_no_overlap(settings: Any, user_sql: Any, call_module: Any) -> None:
    user_sql.execute(SCHEMA)
    policies = [
        rule(where={"column": "level", "in": ["info", "debug"]}),
        rule(where={"column": "level", "in": ["error"]}),
        rule(where={"column": "level", "is_null": True}),
        rule(table="two.elsewhere"),
        rule(table="public.elsewhere"),
    ]
    result = call_module("retention_policy", policies=policies, **login(settings))
    assert result["changed"] and len({one["name"] for one in result["policies"]}) == 5
    again = call_module("retention_policy", policies=policies, **login(settings))
    assert not again["changed"]


def test_a_policy_that_no_longer_fits_fails_alone(settings: Any, user_sql: Any, call_module: Any, freely: Any) -> None:
    user_sql.execute(SCHEMA)
    user_sql.execute("INSERT INTO logs SELECT n, now() - n * interval '1 hour' FROM generate_series(1, 100) n")
    user_sql.execute("INSERT INTO elsewhere SELECT n, now() - n * interval '1 hour' FROM generate_series(1, 100) n")
    policies = [rule(table="public.elsewhere"), rule(), rule(table="two.elsewhere", name="third")]
    call_module("retention_policy", policies=policies, **login(settings))
    user_sql.execute("ALTER TABLE public.elsewhere RENAME COLUMN created_at TO made_at; DROP TABLE two.elsewhere")
    result = call_module("cleanup", **freely, **login(settings))
    assert result["failed"] and result["changed"]
    assert "no column created_at" in result["msg"] and "no table two.elsewhere" in result["msg"]
    states = {one["table"]: (one["state"], one["deleted"]) for one in result["results"]}
    assert states["public.elsewhere"] == ("failed", 0) and states["two.elsewhere"] == ("failed", 0)
    assert states["public.logs"][0] == "done" and states["public.logs"][1] > 70


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
def test_a_cut_off_in_the_future_deletes_nothing(
    settings: Any, user_sql: Any, call_module: Any, freely: Any, kind: str
) -> None:
    """A stored row that says so is not believed: rows of this moment would be due."""
    user_sql.execute(f"CREATE TABLE logs (id int, created_at {kind})")
    user_sql.execute("INSERT INTO logs SELECT n, now() - interval '1 day' * n FROM generate_series(0, 9) n")
    call_module("retention_policy", policies=[{**GOOD, "keep": "0 seconds", "time_zone": "UTC"}], **login(settings))
    user_sql.execute("UPDATE titan_ops.retention_policy SET keep = '-2 days'")
    for check_mode in (True, False):
        result = call_module("cleanup", check_mode=check_mode, **freely, **login(settings))
        assert result["failed"] and not result["changed"] and "is later than the server's clock" in result["msg"], (
            result
        )
    user_sql.execute("SELECT count(*) FROM logs")
    assert user_sql.fetchone() == (10,)
    user_sql.execute("UPDATE titan_ops.retention_policy SET keep = '0 seconds'")
    assert call_module("cleanup", **freely, **login(settings))["results"][0]["deleted"] >= 8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_fraction": 1.0}, ["backup_dest", "require_backup_within"]),
        ({"require_backup_within": "always"}, ["require_backup_within", "always", "off"]),
        ({"require_backup_within": "off"}, ["76 of 100 rows", "max_fraction", "1.0"]),
        ({"require_backup_within": "off", "max_fraction": 0.0}, ["max_fraction", "0.0"]),
        ({"require_backup_within": "off", "tables": ["lgos"]}, ["tables", "lgos", "public.logs"]),
        ({"require_backup_within": "off", "max_runtime": "forever"}, ["max_runtime", "forever"]),
        ({"require_backup_within": "off", "batch_target_ms": 1}, ["batch_target_ms"]),
    ],
)
def test_cleanup_refuses(settings: Any, user_sql: Any, call_module: Any, options: Any, words: list[str]) -> None:
    user_sql.execute(SCHEMA)
    user_sql.execute(
        "INSERT INTO logs SELECT n, now() - n * interval '1 hour' - interval '1 second' FROM generate_series(1, 100) n"
    )
    user_sql.execute("UPDATE logs SET created_at = now() WHERE id <= 24")
    call_module("retention_policy", policies=[GOOD], **login(settings))
    for check_mode in (True, False):
        result = call_module("cleanup", check_mode=check_mode, **options, **login(settings))
        assert result["failed"] and not result["changed"]
        assert all(word in result["msg"] for word in words), result["msg"]
    user_sql.execute("SELECT count(*) FROM logs")
    assert user_sql.fetchone() == (100,)
