"""Bloat is measured, rebuilt concurrently and read back; leftovers go; superfluous indexes are only named."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from datetime import datetime
from typing import Any

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.reindex import operation
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import login
from tests.processes import ended, forked
from tests.steps import at, killed_at

BLOATED = """
    CREATE TABLE t (id int PRIMARY KEY, body text, n int);
    INSERT INTO t SELECT i, repeat(md5(i::text), 3), i % 7 FROM generate_series(1, 120000) i;
    CREATE INDEX t_body ON t (body);
    DELETE FROM t WHERE id % 10 <> 0;
    VACUUM ANALYZE t;
"""


@pytest.fixture
def bloated(settings: Any, user_sql: Any) -> dict[str, Any]:
    for statement in BLOATED.split(";"):
        if statement.strip():
            user_sql.execute(statement)
    return login(settings)


def size(user_sql: Any, name: str) -> int:
    user_sql.execute("SELECT pg_relation_size(%s::regclass)", (name,))
    return int(user_sql.fetchone()[0])


@pytest.mark.parametrize("measured", [True, False])
def test_bloated_indexes_are_rebuilt_and_only_once(
    user_sql: Any, bloated: Any, call_module: Any, measured: bool
) -> None:
    if measured:
        user_sql.execute("CREATE SCHEMA ext; CREATE EXTENSION pgstattuple SCHEMA ext")
    before = {name: size(user_sql, name) for name in ("t_pkey", "t_body")}
    planned = call_module("reindex", check_mode=True, **bloated)
    assert planned["changed"] and {one["index"] for one in planned["reindexed"]} == {"public.t_pkey", "public.t_body"}
    assert {one["source"] for one in planned["reindexed"]} == {"pgstatindex" if measured else "estimate"}
    assert before == {name: size(user_sql, name) for name in before}, "check mode rebuilt something"

    done = call_module("reindex", **bloated)
    assert done["changed"] and [one["index"] for one in done["reindexed"]] == ["public.t_body", "public.t_pkey"]
    for one in done["reindexed"]:
        name = one["index"].split(".")[1]
        assert one["bytes_after"] == size(user_sql, name) < before[name] * 0.3
    for one, plan in zip(done["reindexed"], planned["reindexed"]):
        assert abs(one["bytes_after"] - plan["bytes_after"]) < 0.1 * one["bytes_before"], "the prediction was far off"
    user_sql.execute("SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass")
    assert user_sql.fetchone() == (True,)
    again = call_module("reindex", **bloated)
    assert not again["changed"] and again["reindexed"] == []


def test_behind_an_open_transaction_it_skips_and_leaves_nothing(
    settings: Any, user_sql: Any, bloated: Any, call_module: Any
) -> None:
    reader = psycopg2.connect(**settings.parameters())
    reader.cursor().execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t")
    time.sleep(0.4)
    result = call_module("reindex", lock_timeout_ms=300, **bloated)
    assert not result["changed"] and len(result["skipped_indexes"]) == 2
    assert (
        "old transactions" in result["skipped_indexes"][0]["reason"]
        and f"session {reader.info.backend_pid}" in result["skipped_indexes"][0]["reason"]
    )
    user_sql.execute("SELECT count(*) FROM pg_class WHERE relname ~ '_cc(new|old)'")
    assert user_sql.fetchone() == (0,)
    reader.close()
    assert call_module("reindex", lock_timeout_ms=300, **bloated)["changed"]


def test_a_writer_that_comes_between_is_no_harm(settings: Any, user_sql: Any, bloated: Any, call_module: Any) -> None:
    """A transaction younger than the wait holds the rebuild itself up: lock_timeout ends that, and the next run heals."""
    writer = psycopg2.connect(**settings.parameters())
    writer.cursor().execute("UPDATE t SET n = 0 WHERE id = 10")
    result = call_module("reindex", lock_timeout_ms=1000, **bloated)
    assert not result.get("failed") and not result["changed"]
    assert (
        "lock timeout" in result["skipped_indexes"][0]["reason"]
        and "next run" in result["skipped_indexes"][0]["reason"]
    )
    user_sql.execute("SELECT count(*) FILTER (WHERE indisvalid) FROM pg_index WHERE indrelid = 't'::regclass")
    assert user_sql.fetchone() == (2,)
    writer.close()
    healed = call_module("reindex", lock_timeout_ms=1000, **bloated)
    assert len(healed["reindexed"]) == 2 and len(healed["dropped_leftovers"]) == 1
    user_sql.execute("SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass")
    assert user_sql.fetchone() == (2, True)


def test_leftovers_are_dropped_toasts_too(server: Any, settings: Any, user_sql: Any, call_module: Any) -> None:
    user_sql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, body text); INSERT INTO t SELECT 1, string_agg(md5(i::text), '') FROM generate_series(1, 5000) i"
    )
    user_sql.execute("CREATE INDEX odd ON t (id)")
    blocker = psycopg2.connect(**settings.parameters())
    blocker.cursor().execute("BEGIN; SELECT count(*) FROM t; LOCK TABLE t IN ACCESS SHARE MODE")
    with contextlib.suppress(psycopg2.Error):
        user_sql.execute("SET lock_timeout = '200ms'")
        user_sql.execute("REINDEX TABLE CONCURRENTLY t")
    blocker.close()
    user_sql.execute("SET lock_timeout = 0")
    # a failed build of somebody else: invalid, but no base index
    user_sql.execute("INSERT INTO t VALUES (2, 'same'), (3, 'same')")
    with contextlib.suppress(psycopg2.Error):
        user_sql.execute("CREATE UNIQUE INDEX CONCURRENTLY theirs_ccnew ON t (left(body, 10))")
    user_sql.execute(
        "SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid WHERE NOT indisvalid ORDER BY 1"
    )
    invalid = [row[0] for row in user_sql.fetchall()]
    assert "theirs_ccnew" in invalid and any(name.startswith("pg_toast") for name in invalid)

    planned = call_module("reindex", check_mode=True, **login(settings))
    done = call_module("reindex", **login(settings))
    assert done["changed"] and planned["dropped_leftovers"] == done["dropped_leftovers"]
    assert sorted(name.split(".")[1] for name in done["dropped_leftovers"]) == sorted(set(invalid) - {"theirs_ccnew"})
    user_sql.execute("SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid WHERE NOT indisvalid")
    assert user_sql.fetchall() == [("theirs_ccnew",)]
    assert not call_module("reindex", **login(settings))["changed"]


def test_not_the_owner_is_a_failure(settings: Any, user_sql: Any, bloated: Any, call_module: Any) -> None:
    user_sql.execute("DO $$ BEGIN CREATE ROLE upkeep_guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    user_sql.execute("GRANT SELECT ON t TO upkeep_guest")
    result = call_module("reindex", **{**bloated, "login_user": "upkeep_guest"})
    assert result["failed"] and "only the owner of public.t" in result["msg"]


def test_too_little_disk_skips(bloated: Any, call_module: Any, monkeypatch: Any) -> None:
    from ansible_collections.titan.database.plugins.module_utils._engine.reindex import rebuild

    monkeypatch.setattr(rebuild, "disk_free", lambda *arguments: 1 << 20)
    result = call_module("reindex", **bloated)
    assert not result["changed"] and "not enough disk" in result["skipped_indexes"][0]["reason"]


def test_superfluous_indexes_are_named_with_their_statement(titan: Any, call_module: Any) -> None:
    with psycopg2.connect(**titan.parameters()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE INDEX idx_positions_portfolio_status ON positions (portfolio_id, status)")
        cursor.execute("CREATE INDEX idx_audit_logs_user_timestamp ON audit_logs (user_id, created_at DESC)")
        cursor.execute("CREATE INDEX partial ON orders (status) WHERE status = 'pending'")
        cursor.execute("CREATE INDEX other_order ON trades (order_id DESC)")
        cursor.execute("CREATE INDEX other_class ON system_logs (level varchar_pattern_ops)")
    result = call_module("reindex", check_mode=True, **login(titan))
    found = {one["index"].split(".")[1]: (one["kind"], one["keeper"].split(".")[1]) for one in result["duplicates"]}
    assert found == {
        "idx_users_email": ("unique_duplicate", "users_email_key"),
        "idx_users_username": ("unique_duplicate", "users_username_key"),
        "idx_user_sessions_token": ("unique_duplicate", "user_sessions_session_token_key"),
        "idx_markets_symbol": ("unique_duplicate", "markets_symbol_key"),
        "idx_positions_portfolio_id": ("prefix", "idx_positions_portfolio_status"),
        "idx_audit_logs_user_timestamp": ("exact", "idx_audit_logs_user_created"),
    }
    with connect(titan) as database:
        for one in result["duplicates"]:
            database.execute(one["sql"])
    assert call_module("reindex", check_mode=True, **login(titan))["duplicates"] == []


@pytest.mark.parametrize("name", ['a"; DROP TABLE t; --', "100% %s {0} $x", "ünï.cödé\n", "x" * 63])
def test_hostile_names_are_rebuilt_too(settings: Any, user_sql: Any, call_module: Any, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    user_sql.execute(f"CREATE SCHEMA {quoted}")
    user_sql.execute(
        f"CREATE TABLE {quoted}.{quoted} (id int); INSERT INTO {quoted}.{quoted} SELECT generate_series(1, 60000)"
    )
    short = '"' + name[:55].replace('"', '""') + ' i"'
    user_sql.execute(f"CREATE INDEX {short} ON {quoted}.{quoted} (id); CREATE INDEX ON {quoted}.{quoted} (id)")
    user_sql.execute(f"DELETE FROM {quoted}.{quoted} WHERE id > 100")
    user_sql.execute(f"VACUUM (ANALYZE) {quoted}.{quoted}")
    result = call_module(
        "reindex", tables=[f"{name}.{name}"] if "." not in name else None, min_size_mb=0, **login(settings)
    )
    assert not result.get("failed") and len(result["reindexed"]) == 2, result
    with connect(settings) as database:
        for one in result["duplicates"]:
            database.execute(one["sql"])
    assert len(result["duplicates"]) == 1


def test_a_role_that_can_measure_nothing_is_told_so(
    settings: Any, user_sql: Any, bloated: Any, call_module: Any
) -> None:
    user_sql.execute("DO $$ BEGIN CREATE ROLE upkeep_stranger LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    result = call_module("reindex", **{**bloated, "login_user": "upkeep_stranger"})
    assert result["failed"] and "'upkeep_stranger' is neither the owner of public.t" in result["msg"]


def test_a_role_that_maintains_rebuilds_without_owning(
    settings: Any, user_sql: Any, bloated: Any, call_module: Any
) -> None:
    user_sql.execute("DO $$ BEGIN CREATE ROLE upkeep_keeper LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    user_sql.execute("GRANT SELECT ON t TO upkeep_keeper; GRANT pg_maintain TO upkeep_keeper")
    result = call_module("reindex", **{**bloated, "login_user": "upkeep_keeper"})
    assert not result.get("failed"), result
    assert result["reindexed"]


OPTIONS = {"tables": None, "min_reclaimable": 0.3, "min_size_mb": 0, "max_runtime": "1h", "lock_timeout_ms": 20_000}
INDEXES = "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = 't'::regclass ORDER BY 1"


def make_leftover(settings: Any, user_sql: Any) -> None:
    """What a rebuild that was cut off leaves: an invalid copy of t_body."""
    blocker = psycopg2.connect(**settings.parameters())
    blocker.cursor().execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")
    with contextlib.suppress(psycopg2.Error):
        user_sql.execute("SET lock_timeout = '200ms'")
        user_sql.execute("REINDEX INDEX CONCURRENTLY t_body")
    blocker.close()
    user_sql.execute("SET lock_timeout = 0")
    user_sql.execute(INDEXES)
    assert [name[:9] for name, valid in user_sql.fetchall() if not valid] == ["t_body_cc"]


def healed(user_sql: Any) -> bool:
    user_sql.execute(INDEXES)
    return user_sql.fetchall() == [("t_body", True), ("t_pkey", True)]


@pytest.mark.parametrize("how", ["killed", "terminated"])
def test_cut_off_at_every_step(settings: Any, user_sql: Any, how: str) -> None:
    """Dropping a leftover and rebuilding two indexes, cut off before each step; the next run does what is missing."""

    def terminate() -> None:
        user_sql.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'titan-db reindex'"
        )

    for number in itertools.count(1):
        user_sql.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, body text)")
        user_sql.execute("INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, 9000) i")
        user_sql.execute("CREATE INDEX t_body ON t (body)")
        make_leftover(settings, user_sql)
        user_sql.execute("DELETE FROM t WHERE id % 10 <> 0")
        user_sql.execute("VACUUM ANALYZE t")
        finished = True
        if how == "killed":
            status = killed_at(number, lambda: operation.reindex(Call(OPTIONS, settings)))
            finished = status == 0
            assert finished or status == -signal.SIGKILL
        else:
            with observed(at(number, terminate)):
                try:
                    operation.reindex(Call(OPTIONS, settings))
                except TitanError:
                    finished = False
        user_sql.execute(INDEXES)
        assert {("t_body", True), ("t_pkey", True)} <= set(user_sql.fetchall()), f"after step {number}"
        if finished:
            break
        operation.reindex(Call(OPTIONS, settings))
        assert healed(user_sql), f"after step {number}"
        assert not operation.reindex(Call(OPTIONS, settings)).changed
    assert healed(user_sql) and number == 6, "five steps: the leftover, and before and after each rebuild"


@pytest.mark.parametrize("how", ["killed", "terminated"])
def test_cut_off_in_the_middle_of_a_rebuild(settings: Any, user_sql: Any, bloated: Any, how: str) -> None:
    """The rebuild waits for a young transaction when it is cut off; the next run drops what it left and rebuilds."""

    def child() -> None:
        with contextlib.suppress(TitanError):
            operation.reindex(Call(OPTIONS, settings))

    writer = psycopg2.connect(**settings.parameters())
    writer.cursor().execute("UPDATE t SET n = 0 WHERE id = 10")
    building = "SELECT pid FROM pg_stat_progress_create_index WHERE relid = 't'::regclass"
    with forked(child) as pid:
        deadline, pids = time.monotonic() + 60, []
        while not pids and time.monotonic() < deadline:
            time.sleep(0.05)
            user_sql.execute("SELECT pid FROM pg_stat_progress_create_index p WHERE relid = 't'::regclass AND EXISTS "
                             "(SELECT FROM pg_class WHERE relname ~ '_ccnew')")  # fmt: skip
            pids = [row[0] for row in user_sql.fetchall()]
        assert pids, "the rebuild did not begin"
        if how == "killed":
            os.kill(pid, signal.SIGKILL)
        user_sql.execute("SELECT pg_terminate_backend(%s, 30000)", (pids[0],))
        ended(pid)
    writer.close()
    user_sql.execute(building)
    assert user_sql.fetchall() == [] and not healed(user_sql)
    planned = operation.reindex(Call(OPTIONS, settings, check_mode=True))
    assert len(planned.data["dropped_leftovers"]) == 1
    done = operation.reindex(Call(OPTIONS, settings))
    assert done.data["dropped_leftovers"] == planned.data["dropped_leftovers"] and len(done.data["reindexed"]) == 2
    assert healed(user_sql)


def test_an_invalid_index_whose_base_is_invalid_too_is_left_alone(
    settings: Any, user_sql: Any, call_module: Any
) -> None:
    """Neither can be shown to be the good one, so nothing is dropped."""
    user_sql.execute("CREATE TABLE t (id int); INSERT INTO t SELECT i % 5 FROM generate_series(1, 100) i")
    for name in ("odd", "odd_ccnew"):
        with contextlib.suppress(psycopg2.Error):
            user_sql.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON t (id)")
    user_sql.execute(INDEXES)
    both = [("odd", False), ("odd_ccnew", False)]
    assert user_sql.fetchall() == both
    result = call_module("reindex", **login(settings))
    assert result["dropped_leftovers"] == [] and not result["changed"]
    user_sql.execute(INDEXES)
    assert user_sql.fetchall() == both


def test_unused_indexes_are_named_with_the_age_of_the_statistics(
    settings: Any, user_sql: Any, call_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_sql.execute("CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int UNIQUE)")
    user_sql.execute("INSERT INTO t SELECT i, i, i, i FROM generate_series(1, 2000) i")
    user_sql.execute("CREATE INDEX t_used ON t (a); CREATE INDEX t_unused ON t (b); CREATE INDEX t_b_too ON t (b)")
    user_sql.execute("VACUUM ANALYZE t")
    user_sql.execute("SELECT pg_stat_reset()")
    user_sql.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM t WHERE a = 7")
    user_sql.execute("SELECT pg_stat_force_next_flush()")
    user_sql.execute("SELECT pg_stat_get_numscans('t_used'::regclass), now()")
    scans, now = user_sql.fetchone()
    assert scans == 1
    assert call_module("reindex", check_mode=True, **login(settings))["unused"] == [], "a minute says nothing"
    monkeypatch.setattr(operation, "STATISTICS_DAYS", 0)
    result = call_module("reindex", check_mode=True, **login(settings))
    (one,) = result["unused"]  # t_used is used, the others are unique, or named as a duplicate
    assert one["index"] == "public.t_unused" and one["table"] == "public.t" and one["bytes"] > 8192
    since = datetime.fromisoformat(result["unused_since"].replace("Z", "+00:00"))
    assert abs((now - since).total_seconds()) < 120
    user_sql.execute(one["sql"])
    assert call_module("reindex", check_mode=True, **login(settings))["duplicates"] == []


def test_failed_builds_are_rebuilt_or_dropped(settings: Any, user_sql: Any, call_module: Any) -> None:
    """What a build left invalid: rebuilt when it can be, dropped when nobody needs it, named with the reason otherwise."""
    user_sql.execute(
        "CREATE TABLE t (id int, d text); INSERT INTO t SELECT g % 1000, 'x' FROM generate_series(1, 20000) g"
    )
    user_sql.execute("CREATE TABLE u AS TABLE t; CREATE INDEX ud ON u (d)")
    for name, table in (("index_16402", "t"), ("t_id", "t"), ('"u id"', "u")):
        with pytest.raises(psycopg2.errors.UniqueViolation):
            user_sql.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} (id)")
    user_sql.execute(
        "CREATE INDEX twin ON u (d); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'twin'::regclass"
    )
    user_sql.execute("DELETE FROM u WHERE ctid NOT IN (SELECT min(ctid) FROM u GROUP BY id)")
    health = call_module("health_info", **login(settings), thresholds={"invalid_indexes": [0, 9]})
    check = next(each for each in health["checks"] if each["name"] == "invalid_indexes")
    assert (check["value"], "titan-db reindex" in check["fix"]) == (4, True), check
    planned = call_module("reindex", check_mode=True, **login(settings))
    done = call_module("reindex", **login(settings))
    assert planned["dropped_leftovers"] == done["dropped_leftovers"] == ["public.index_16402", "public.twin"]
    assert done["rebuilt_invalid"] == ["public.u id"] and done["changed"]
    assert [one["index"] for one in done["skipped_indexes"] if "have the same key" in one["reason"]] == ["public.t_id"]
    user_sql.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    assert user_sql.fetchall() == [("t_id",)], "nothing of the failed attempts is left"
    user_sql.execute("DELETE FROM t WHERE ctid NOT IN (SELECT min(ctid) FROM t GROUP BY id)")
    assert call_module("reindex", **login(settings))["rebuilt_invalid"] == ["public.t_id"]
    health = call_module("health_info", **login(settings))
    assert next(each for each in health["checks"] if each["name"] == "invalid_indexes")["status"] == "ok"


def test_a_duplicate_on_a_partitioned_table_can_be_dropped_as_printed(
    settings: Any, user_sql: Any, call_module: Any
) -> None:
    user_sql.execute("CREATE TABLE ev (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at)")
    user_sql.execute("CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    user_sql.execute("INSERT INTO ev SELECT g, '2026-05-01' FROM generate_series(1, 5000) g")
    user_sql.execute("CREATE INDEX ev_at ON ev (at); CREATE INDEX ev_at_again ON ev (at)")
    (one,) = call_module("reindex", check_mode=True, **login(settings))["duplicates"]
    assert (one["index"], one["bytes"] > 8192) == ("public.ev_at_again", True)
    user_sql.execute(one["sql"])
    assert call_module("reindex", check_mode=True, **login(settings))["duplicates"] == []
