"""Hostile names and search paths, other kinds of tables, locked rows, old snapshots, missing rights."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, load_titan, login

HOSTILE = [
    'Robert"); DROP TABLE x; --',
    "it's 100% $HOME \\n; -x",
    "-leading",
    " space and\nnewline ",
    "ünïcödé.with.dots",
    "%s %(x)s {} {0}",
    "x" * 63,
]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_values_are_ordinary(
    settings: Any, user_sql: Any, call_module: Any, freely: Any, name: str
) -> None:
    q = quoted(name)
    user_sql.execute("SET client_encoding = 'UTF8'")
    user_sql.execute(f"CREATE SCHEMA {q}")
    user_sql.execute(f"CREATE TABLE {q}.{q} ({q} timestamptz, other text)")
    user_sql.execute(f"CREATE INDEX ON {q}.{q} ({q})")
    user_sql.execute(
        f"INSERT INTO {q.replace('%', '%%')}.{q.replace('%', '%%')} SELECT now() - n * interval '1 hour', "
        "CASE n %% 2 WHEN 0 THEN %s ELSE 'x' END FROM generate_series(1, 480) n",
        (name,),
    )
    user_sql.execute(f"ANALYZE {q}.{q}")
    policy = {
        "table": f"{q}.{q}",
        "column": name,
        "keep": "19 days 1 hour",
        "name": name,
        "where": {"column": "other", "equals": name},
    }
    stored = call_module("retention_policy", policies=[policy], **login(settings))
    assert stored["changed"], stored
    assert not call_module("retention_policy", policies=[policy], **login(settings))["changed"]
    result = call_module("cleanup", **freely, **login(settings))
    assert not result.get("failed"), result
    user_sql.execute(f"SELECT count(*), count(*) FILTER (WHERE other = 'x') FROM {q}.{q}")
    assert user_sql.fetchone() == (468, 240) and result["results"][0]["deleted"] == 12
    assert result["results"][0]["strategy"] == "keyset"


def test_decoys_on_the_roles_search_path_change_nothing(
    settings: Any, user_sql: Any, call_module: Any, freely: Any
) -> None:
    user_sql.execute(
        "CREATE TABLE public.logs (at timestamptz); INSERT INTO public.logs SELECT now() - interval '9 days' FROM generate_series(1, 50)"
    )
    user_sql.execute("CREATE SCHEMA evil; CREATE TABLE evil.logs AS TABLE public.logs")
    user_sql.execute("CREATE FUNCTION evil.lt(timestamptz, timestamptz) RETURNS bool LANGUAGE sql AS 'SELECT true'")
    user_sql.execute("CREATE OPERATOR evil.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.lt)")
    user_sql.execute(f'ALTER DATABASE "{settings.database}" SET search_path = evil, public')
    user_sql.execute("INSERT INTO public.logs SELECT now() FROM generate_series(1, 7)")
    call_module(
        "retention_policy", policies=[{"table": "public.logs", "column": "at", "keep": "1 day"}], **login(settings)
    )
    result = call_module("cleanup", **freely, **login(settings))
    assert result["results"][0]["deleted"] == 50
    user_sql.execute("SELECT (SELECT count(*) FROM public.logs), (SELECT count(*) FROM evil.logs)")
    assert user_sql.fetchone() == (7, 50)


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("partitioned", "CREATE TABLE t (id int, at timestamptz) PARTITION BY HASH (id);"
         "CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
         "CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY HASH (id);"
         "CREATE TABLE t10 PARTITION OF t1 FOR VALUES WITH (MODULUS 1, REMAINDER 0)"),
        ("inherited", "CREATE TABLE t (id int, at timestamptz); CREATE TABLE t0 () INHERITS (t)"),
        ("timestamp", "CREATE TABLE t (id int, at timestamp)"),
        ("date", "CREATE TABLE t (id int, at date)"),
        ("domain", "CREATE DOMAIN moment AS timestamptz; CREATE TABLE t (id int, at moment)"),
        ("unlogged", "CREATE UNLOGGED TABLE t (id int, at timestamptz)"),
    ],
)  # fmt: skip
def test_kinds_of_tables(settings: Any, user_sql: Any, call_module: Any, freely: Any, kind: str, make: str) -> None:
    user_sql.execute(make)
    user_sql.execute(
        "SET TimeZone = 'UTC'; INSERT INTO t SELECT n, now() - n * interval '1 day' - interval '1 second' FROM generate_series(0, 199) n"
    )
    if kind == "inherited":
        user_sql.execute(
            "INSERT INTO t0 SELECT n, now() - n * interval '1 day' - interval '1 second' FROM generate_series(0, 199) n"
        )
    call_module(
        "retention_policy",
        policies=[{"table": "t", "column": "at", "keep": "100 days", "time_zone": "UTC"}],
        **login(settings),
    )
    planned = call_module("cleanup", check_mode=True, **freely, **login(settings))
    user_sql.execute(
        "SELECT count(*) FROM t WHERE at < now() - interval '100 days'"
        if kind != "date"
        else "SELECT count(*) FROM t WHERE at < current_date - 100"
    )
    expected = user_sql.fetchone()[0]
    assert planned["results"][0]["due"] == expected >= 99
    result = call_module("cleanup", **freely, **login(settings))
    assert result["results"][0]["deleted"] == expected and result["results"][0]["left"] == 0
    user_sql.execute("SELECT count(*), max(id) FROM t")
    assert user_sql.fetchone() == ((400 if kind == "inherited" else 200) - expected, 99 if kind != "date" else 100)


def test_mark_keeps_the_rows_and_a_trail(titan: Any, call_module: Any, freely: Any) -> None:
    policy = {"table": "user_sessions", "column": "expires_at", "keep": "0 seconds", "mode": "mark"}
    with connect(titan) as database:
        rows, active = database.row(
            "SELECT count(*) AS a, count(*) FILTER (WHERE is_active AND expires_at < now()) AS b FROM public.user_sessions"
        ).values()
        database.execute("ALTER TABLE public.user_sessions ADD ended_at timestamptz")
        expired = database.value("SELECT count(*) FROM public.user_sessions WHERE expires_at < now()")
        database.execute("UPDATE public.user_sessions SET is_active = true")
    call_module(
        "retention_policy", policies=[{**policy, "mark": {"column": "is_active", "value": False}}], **login(titan)
    )
    result = call_module("cleanup", **freely, **login(titan))
    assert result["results"][0]["marked"] == expired > 300 and result["results"][0]["deleted"] == 0
    assert not call_module("cleanup", **freely, **login(titan))["changed"]
    call_module("retention_policy", policies=[{**policy, "mark": {"column": "ended_at"}}], **login(titan))
    stamped = call_module("cleanup", **freely, **login(titan))
    assert stamped["results"][0]["marked"] == expired
    assert not call_module("cleanup", **freely, **login(titan))["changed"]
    with connect(titan) as database:
        assert database.value("SELECT count(*) FROM public.user_sessions") == rows
        assert (
            database.value(
                "SELECT count(*) FROM public.user_sessions WHERE NOT is_active AND expires_at < now() AND ended_at IS NOT NULL"
            )
            == expired
        )
        assert (
            database.value(
                "SELECT count(*) FROM public.user_sessions WHERE (NOT is_active OR ended_at IS NOT NULL) AND expires_at > now()"
            )
            == 0
        )
        assert database.value("SELECT count(DISTINCT ended_at) FROM public.user_sessions") == 1


@pytest.fixture
def logs(settings: Any, user_sql: Any, call_module: Any) -> dict[str, Any]:
    user_sql.execute("CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, n int DEFAULT 0)")
    user_sql.execute(
        "INSERT INTO logs SELECT i, now() - interval '10 days' * (i % 2) - i * interval '1 millisecond' FROM generate_series(1, 20000) i"
    )
    call_module("retention_policy", policies=[{"table": "logs", "column": "at", "keep": "1 day"}], **login(settings))
    return login(settings)


@pytest.mark.parametrize("strategy", ["tid_sweep", "keyset"])
def test_rows_locked_by_others_are_stepped_around_and_named(
    settings: Any, user_sql: Any, logs: Any, call_module: Any, freely: Any, strategy: str
) -> None:
    if strategy == "keyset":
        user_sql.execute(
            "CREATE INDEX ON logs (at); INSERT INTO logs SELECT i, now() + i * interval '1 ms' FROM generate_series(100000, 160000) i; ANALYZE logs"
        )
    holder = psycopg2.connect(**settings.parameters())
    holder.cursor().execute("SELECT FROM logs WHERE id IN (1, 9001, 19999) FOR UPDATE")
    begun = time.monotonic()
    result = call_module("cleanup", **freely, **logs)
    assert time.monotonic() - begun < 20
    assert result["failed"] and result["changed"] and "3 due rows are still there" in result["msg"]
    assert result["results"][0]["deleted"] == 9997 and result["results"][0]["stepped_around"] > 0
    assert result["results"][0]["strategy"] == strategy
    holder.close()
    healed = call_module("cleanup", **freely, **logs)
    assert healed["results"][0]["deleted"] == 3


def test_a_lock_released_meanwhile_is_no_failure(
    settings: Any, user_sql: Any, logs: Any, call_module: Any, freely: Any
) -> None:
    holder = psycopg2.connect(**settings.parameters())
    holder.cursor().execute("UPDATE logs SET n = 1 WHERE id % 1001 = 0")
    timer = threading.Timer(0.5, holder.commit)
    timer.start()
    result = call_module("cleanup", **freely, **logs)
    timer.join()
    holder.close()
    assert not result.get("failed") and result["results"][0]["deleted"] == 10000 and result["results"][0]["left"] == 0


def test_who_holds_the_horizon_is_named(settings: Any, user_sql: Any, logs: Any, call_module: Any, freely: Any) -> None:
    dump = psycopg2.connect(**{**settings.parameters(), "application_name": "nightly dump"})
    dump.set_session(isolation_level="REPEATABLE READ")
    dump.cursor().execute("SELECT 1 FROM logs LIMIT 1")
    result = call_module("cleanup", **freely, **logs)
    dump.close()
    assert result["results"][0]["deleted"] == 10000
    vacuumed = result["vacuumed"][0]
    assert vacuumed["dead_rows_kept"] == 10000 and "nightly dump" in vacuumed["held_by"][0]


def test_a_prepared_transaction_is_named_too(
    settings: Any, user_sql: Any, logs: Any, call_module: Any, freely: Any
) -> None:
    other = psycopg2.connect(**settings.parameters())
    other.cursor().execute("BEGIN; UPDATE logs SET n = 2 WHERE id = 2; PREPARE TRANSACTION 'forgotten'")
    result = call_module("cleanup", **freely, **logs)
    other.rollback()
    other.autocommit = True
    other.cursor().execute("ROLLBACK PREPARED 'forgotten'")
    other.close()
    assert any("forgotten" in who for who in result["vacuumed"][0]["held_by"])


def test_space_is_reported_as_reusable_and_as_returned(
    settings: Any, user_sql: Any, call_module: Any, freely: Any
) -> None:
    user_sql.execute(
        "CREATE TABLE t (at timestamptz, body text);"
        "INSERT INTO t SELECT now() - interval '1 day' * (i / 5000), repeat('x', 100) FROM generate_series(0, 19999) i"
    )
    call_module("retention_policy", policies=[{"table": "t", "column": "at", "keep": "12 hours"}], **login(settings))
    at_front = call_module("cleanup", **freely, **login(settings))["vacuumed"][0]
    assert at_front["returned_bytes"] > 0.7 * at_front["bytes_before"] and at_front["reusable_bytes"] < 65536
    user_sql.execute(
        "TRUNCATE t; INSERT INTO t SELECT now() - interval '1 day' * (3 - i / 5000), repeat('x', 100) FROM generate_series(0, 19999) i"
    )
    user_sql.execute("CREATE EXTENSION pgstattuple")
    at_end = call_module("cleanup", **freely, **login(settings))["vacuumed"][0]
    assert at_end["returned_bytes"] == 0 and at_end["reusable_by"] == "pgstattuple_approx"
    assert 0.6 < at_end["reusable_bytes"] / at_end["bytes_before"] < 0.8


def test_a_skipped_vacuum_is_a_failure(settings: Any, user_sql: Any, logs: Any, call_module: Any, freely: Any) -> None:
    user_sql.execute("DO $$ BEGIN CREATE ROLE retention_guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    user_sql.execute(
        "GRANT SELECT, DELETE, UPDATE ON logs TO retention_guest; GRANT USAGE ON SCHEMA titan_ops TO retention_guest"
    )
    user_sql.execute("GRANT SELECT ON titan_ops.retention_policy TO retention_guest")
    result = call_module("cleanup", **freely, **{**logs, "login_user": "retention_guest"})
    assert result["failed"] and result["changed"] and "skipped" in result["msg"] and "owner" in result["msg"]
    assert result["results"][0]["deleted"] == 10000 and result["results"][0]["state"] == "done"


def test_no_right_to_delete_is_refused_at_converge(settings: Any, user_sql: Any, call_module: Any) -> None:
    user_sql.execute("DO $$ BEGIN CREATE ROLE retention_guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    user_sql.execute("CREATE TABLE theirs (at timestamptz); GRANT SELECT ON theirs TO retention_guest")
    policy = {"table": "theirs", "column": "at", "keep": "1 day"}
    result = call_module("retention_policy", policies=[policy], **{**login(settings), "login_user": "retention_guest"})
    assert result["failed"] and "DELETE on public.theirs" in result["msg"]


def test_two_runs_at_once_the_second_says_who(
    settings: Any, user_sql: Any, logs: Any, call_module: Any, freely: Any
) -> None:
    from ansible_collections.titan.database.plugins.module_utils._engine.postgres.locks import advisory_lock

    with connect(settings, "cleanup") as first, advisory_lock(first, "cleanup", "public.logs"):
        result = call_module("cleanup", **freely, **logs)
    assert result["failed"] and not result["changed"] and "titan-db cleanup" in result["msg"]
    user_sql.execute("SELECT count(*) FROM logs")
    assert user_sql.fetchone() == (20000,)


def test_findings_name_what_no_rule_speaks_about(settings: Any, user_sql: Any, call_module: Any, freely: Any) -> None:
    user_sql.execute("CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, level text)")
    user_sql.execute("CREATE TABLE child (log int REFERENCES logs (id))")
    user_sql.execute("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN old; END $$")
    user_sql.execute("CREATE TRIGGER watch_deletes BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION nothing()")
    user_sql.execute(
        "INSERT INTO logs SELECT i, now() - interval '9 days', (ARRAY['error', 'critical', NULL])[1 + i % 3] FROM generate_series(1, 30) i"
    )
    user_sql.execute("UPDATE logs SET at = NULL WHERE id = 3")
    policy = {
        "table": "logs",
        "column": "at",
        "keep": "1 day",
        "name": "problems",
        "where": {"column": "level", "in": ["error", "fatal"]},
    }
    call_module("retention_policy", policies=[policy], **login(settings))
    result = call_module("cleanup", **freely, **login(settings))
    said = " ".join(result["findings"])
    assert {(one["value"], one["rows"]) for one in result["uncovered"]} == {("critical", 10), (None, 10)}
    assert "10 rows have level = critical" in said and "level = fatal" in said and "1 rows have no at" in said
    assert "public.logs has no usable index on at, which" in said and "0.0 MiB" in said
    assert "public.child (log)" in said and "watch_deletes" in said
    assert "no index starts with the time column" in result["results"][0]["reason"]
    user_sql.execute("CREATE INDEX ON child (log)")
    assert "public.child" not in " ".join(call_module("cleanup", **freely, **login(settings))["findings"])


def test_max_runtime_ends_cleanly_and_the_next_run_finishes(
    settings: Any, user_sql: Any, logs: Any, call_module: Any, freely: Any
) -> None:
    user_sql.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.0003); RETURN old; END $$"
    )
    user_sql.execute("CREATE TRIGGER slow BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION slow()")
    first = call_module("cleanup", **{**freely, "max_runtime": "1s"}, **logs)
    user_sql.execute("DROP TRIGGER slow ON logs")
    assert first["state"] == "partial" and not first.get("failed")
    part = first["results"][0]
    assert 0 < part["deleted"] < 10000 and part["left"] == 10000 - part["deleted"]
    second = call_module("cleanup", **freely, **logs)
    assert second["state"] == "done" and second["results"][0]["deleted"] == part["left"]


def test_on_postgresql_15(server15: Any, call_module: Any, freely: Any, titan_rules: Any) -> None:
    settings = load_titan(server15, 0.2)
    try:
        call_module("retention_policy", policies=titan_rules, **login(settings))
        planned = call_module("cleanup", check_mode=True, **freely, **login(settings))
        result = call_module("cleanup", **freely, **login(settings))
        assert result["state"] == "done" and sum(one["deleted"] for one in result["results"]) > 20000
        assert [one["due"] for one in planned["results"]] == [one["deleted"] for one in result["results"]]
        assert not call_module("cleanup", **freely, **login(settings))["changed"]
        rebuilt = call_module("reindex", min_size_mb=0, **login(settings))
        assert rebuilt["changed"] and not rebuilt.get("failed")
    finally:
        drop_database(server15, settings.database)


@pytest.mark.parametrize("trouble", ["disk", "standby"])
def test_trouble_on_the_server_ends_the_run_cleanly(
    logs: Any, call_module: Any, freely: Any, monkeypatch: Any, trouble: str
) -> None:
    from ansible_collections.titan.database.plugins.module_utils._engine.retention.deletion import throttle

    monkeypatch.setattr(throttle, "PATIENCE", 0.2)
    monkeypatch.setattr(throttle, "EVERY", 0.0)
    looks = iter([0, 0, 0])
    if trouble == "disk":
        monkeypatch.setattr(throttle, "wal_disk_free", lambda database: 1 << 20)
    else:
        monkeypatch.setattr(throttle, "replica_lag", lambda database: next(looks, 1 << 40))
    result = call_module("cleanup", **freely, **logs)
    assert not result.get("failed") and result["state"] == "partial"
    one = result["results"][0]
    assert ("MiB free" if trouble == "disk" else "MiB behind") in one["ended_by"]
    assert one["left"] == 10000 - one["deleted"] > 0


def test_the_disk_and_the_standbys_are_really_looked_at(server: Any, settings: Any, monkeypatch: Any) -> None:
    from ansible_collections.titan.database.plugins.module_utils._engine.retention.deletion import throttle

    with connect(settings) as database:
        free = throttle.wal_disk_free(database)
        assert free and free > 1 << 20
        assert throttle.Throttle(database, 1 << 40, 1)(time.monotonic() + 1) == ""
        monkeypatch.setattr(throttle, "PATIENCE", 0.0)
        assert "MiB free" in throttle.Throttle(database, 0, 1 << 60)(time.monotonic() + 1)
