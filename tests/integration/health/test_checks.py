"""Each check of the table fires on a real server, and the command that it prints, typed as it is, mends it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.health.checks.run import place_of, run_checks
from ansible_collections.titan.database.plugins.module_utils._engine.health.checks.server import (
    REQUESTED_CHECKPOINTS,
    UNENCRYPTED,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect

from tests.conftest import embedded_programs, login

Look = Callable[..., dict[str, Any]]
FAR = 1e9


@pytest.fixture
def look(call_module: Any, settings: ConnectionSettings) -> Look:
    """Run health with limits for one check; return that check, or the whole result with name ""."""

    def run(name: str, warning: float = 0, critical: float = FAR, user: str = "") -> dict[str, Any]:
        result = call_module(
            "health_info",
            **{**login(settings), **({"login_user": user} if user else {})},
            thresholds={name: [warning, critical]},
        )
        assert not result.get("failed"), result
        return next(each for each in result["checks"] if each["name"] == name)

    return run


def typed(fix: str, user: str = "postgres") -> None:
    """Run what the check advises, from the first psql on, in a shell."""
    env = {"PATH": f"{embedded_programs()}:{os.environ['PATH']}", "PGHOST": "127.0.0.1", "PGUSER": user}
    command = fix[fix.index("psql ") :]
    done = subprocess.run(["sh", "-c", f"set -e; {command}"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)


PARTITIONS = """
CREATE TABLE "ev ents" (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
DO $$ BEGIN FOR n IN 1..3 LOOP EXECUTE format('CREATE TABLE p%s PARTITION OF "ev ents" FOR VALUES FROM (%L) TO (%L)', n,
  date_trunc('month', now()) - make_interval(months => 4 - n), date_trunc('month', now()) - make_interval(months => 3 - n)); END LOOP; END $$;
"""
PREPARED = "BEGIN; CREATE TABLE prepared_here (n int); PREPARE TRANSACTION 'for gotten''s'; "
NUMBERS = "CREATE TABLE t AS SELECT n, repeat('x', 80) AS pad FROM generate_series(1, 100000) n;"

# name of the check, limits, what brings it about, what the message must name
CASES = {
    "key fed by a bigint sequence": (
        "integer_keys", 75, 'CREATE SEQUENCE s AS bigint; CREATE TABLE "in voices" (id int PRIMARY KEY DEFAULT nextval(\'s\'));'
        "SELECT setval('s', 2147400000)", '"in voices".id',
    ),
    "identity": (
        "integer_keys", 75, "CREATE TABLE t (id smallint GENERATED ALWAYS AS IDENTITY); SELECT setval('t_id_seq', 32000)", "t.id is of type smallint",
    ),
    "a key narrower than what it refers to": (
        "integer_keys", 75, "CREATE TABLE p (id bigserial PRIMARY KEY); CREATE TABLE c (p_id int REFERENCES p); "
        "SELECT setval('p_id_seq', 2000000000)",
        "c.p_id",
    ),
    "a key that the application numbers": (
        "integer_keys", 75, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT 2000000000 + n FROM generate_series(1, 500) n; "
        "ANALYZE t", "t.id",
    ),
    "sequence": ("sequences", 85, "CREATE SEQUENCE s AS smallint; SELECT setval('s', 30000)", "public.s"),
    "downward sequence": (
        "sequences", 85, "CREATE SEQUENCE s AS smallint INCREMENT -1; SELECT setval('s', -32000)", "public.s",
    ),
    "prepared transaction": ("prepared_transactions", 0, PREPARED, "for gotten's"),
    "horizon held by a prepared transaction": (
        "xmin_horizon", 0.0000025, PREPARED + "CREATE TABLE a (); CREATE TABLE b (); CREATE TABLE c ()", "prepared transaction for gotten's",
    ),
    "disabled trigger": (
        "disabled_triggers", 0, "CREATE TABLE t (n int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        'CREATE TRIGGER "tri gger" AFTER INSERT ON t EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER "tri gger"', "tri gger of public.t",
    ),
    "disabled foreign keys": (
        "disabled_triggers", 0, "CREATE TABLE p (n int PRIMARY KEY); CREATE TABLE c (n int REFERENCES p); ALTER TABLE c DISABLE TRIGGER ALL",
        "foreign keys, foreign keys of public.c",
    ),
    "disabled rule and event trigger": (
        "disabled_triggers", 1, "CREATE TABLE t (n int); CREATE RULE r AS ON DELETE TO t DO ALSO NOTHING; ALTER TABLE t DISABLE RULE r;"
        "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION f();"
        "ALTER EVENT TRIGGER e DISABLE", "rule r of public.t",
    ),
    "constraint not valid": (
        "unvalidated_constraints", 0, "CREATE TABLE t (n int); ALTER TABLE t ADD CONSTRAINT \"n > 0\" CHECK (n > 0) NOT VALID", '"n > 0" on public.t',
    ),
    "foreign key without index": (
        "foreign_keys_without_index", 0, f"{NUMBERS} CREATE TABLE p AS SELECT DISTINCT n FROM t; ALTER TABLE p ADD PRIMARY KEY (n);"
        "ALTER TABLE t ADD CONSTRAINT to_p FOREIGN KEY (n) REFERENCES p; CREATE INDEX ON t (pad, n); "
        "CREATE INDEX ON t (n) WHERE n > 5", "to_p on public.t",
    ),
    "autovacuum off": ("autovacuum_off", 0, "CREATE TABLE t (n int) WITH (autovacuum_enabled = off)", "public.t"),
    "never analyzed": (
        "stale_statistics", 0, f"{NUMBERS.replace('t AS', 't WITH (autovacuum_enabled = off) AS')}", "public.t",
    ),
    "dead rows": (
        "dead_rows", 40, f"{NUMBERS.replace('t AS', 't WITH (autovacuum_enabled = off) AS')} DELETE FROM t WHERE n > 20000; "
        "SELECT pg_stat_force_next_flush()",
        "public.t, 80000 dead rows",
    ),
    "next partition": ("partitions_ahead", 0, PARTITIONS, 'public."ev ents" ends at'),
    "rows in the default partition": (
        "default_partition_rows", 0, f"""{PARTITIONS} CREATE TABLE rest PARTITION OF "ev ents" DEFAULT;
        INSERT INTO "ev ents" VALUES (1, now())""", "public.rest",
    ),
    "extension": ("extensions_behind", 0, "CREATE EXTENSION hstore VERSION '1.4'", "hstore 1.4"),
    "collation": (
        "collation_versions", 0, "CREATE COLLATION c (provider = builtin, locale = 'C.UTF-8'); CREATE TABLE t (x text COLLATE c); "
        "CREATE INDEX ti ON t (x);"
        "UPDATE pg_collation SET collversion = '1.2' WHERE collname = 'c'", "collation c",
    ),
    "inactive slot": ("inactive_slots", 0, "SELECT pg_create_physical_replication_slot('behind', true)", "behind"),
    "replication slot": (
        "replication_slots", 0.0001, "SELECT pg_create_physical_replication_slot('behind', true); "
        "CREATE TABLE t AS SELECT n FROM generate_series(1, 50000) n", "behind",
    ),
}  # fmt: skip


@pytest.fixture
def clean_server(settings: ConnectionSettings) -> Iterator[None]:
    """What concerns the whole server is gone after the test, also when it failed."""
    yield
    with connect(settings) as database:
        for row in database.rows("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            database.execute("ROLLBACK PREPARED %s", (row["gid"],))
        database.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")


@pytest.mark.parametrize("case", CASES)
def test_it_fires_and_its_command_mends_it(
    case: str, look: Look, settings: ConnectionSettings, clean_server: None
) -> None:
    name, limit, harm, named = CASES[case]
    assert look(name, limit)["status"] == "ok"
    with closing(psycopg2.connect(**settings.parameters())) as session:
        session.autocommit = True
        cursor = session.cursor()
        for statement in [harm] if "$$" in harm or "LANGUAGE" in harm else harm.split(";"):
            if statement.strip():
                cursor.execute(statement)
    found = look(name, limit)
    assert (found["status"], named in found["message"]) == ("warning", True), found
    typed(found["fix"])
    assert look(name, limit)["status"] == "ok", look(name, limit)


def test_an_index_for_a_foreign_key_may_have_its_columns_in_any_order(look: Look, user_sql: Any) -> None:
    user_sql.execute(
        f"{NUMBERS} ALTER TABLE t ADD m int DEFAULT 1; CREATE TABLE p (m int, n int, PRIMARY KEY (n, m)); INSERT INTO p SELECT 1, n FROM t;"
        "ALTER TABLE t ADD FOREIGN KEY (n, m) REFERENCES p (n, m); CREATE INDEX ON t (m, n, pad)"
    )
    assert look("foreign_keys_without_index")["status"] == "ok"


def test_a_slow_statement_is_ended_by_its_command(call_module: Any, settings: ConnectionSettings) -> None:
    def slow() -> dict[str, Any]:
        result = call_module(
            "health_info", **login(settings), slow_query_seconds=0.2, thresholds={"slow_queries": [0, 10]}
        )
        return next(each for each in result["checks"] if each["name"] == "slow_queries")

    with closing(psycopg2.connect(**settings.parameters())) as session, connect(settings) as database:
        ended: list[str] = []

        def run() -> None:
            try:
                session.cursor().execute("SELECT pg_sleep(60)")
            except psycopg2.Error as error:
                ended.append(str(error.pgcode))

        thread = threading.Thread(target=run)
        thread.start()
        there = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%pg_sleep(60)%%' AND query_start < now() - interval '0.3 s' AND pid = %s"
        while not database.value(there, (session.info.backend_pid,)):
            time.sleep(0.02)
        found = slow()
        assert found["status"] == "warning"
        typed(found["fix"])
        thread.join(30)
        assert ended == ["57014"] and slow()["status"] == "ok"


def test_sessions(look: Look, settings: ConnectionSettings) -> None:
    """Too many sessions, one that waits, one that is idle in a transaction: each fires by itself, and its command ends it."""

    def session() -> Any:
        return psycopg2.connect(**settings.parameters(), application_name="the application")

    with connect(settings) as database:
        database.execute(f'ALTER DATABASE "{settings.database}" CONNECTION LIMIT 4; CREATE TABLE public.t (n int)')
    idle = [session() for _other in range(5)]
    for each in idle:
        each.autocommit = True
        each.cursor().execute("SELECT 1")
    found = look("connections", 80)
    assert (found["status"], f"6 of 4 that the database {settings.database} allows" in found["message"]) == (
        "warning",
        True,
    ), found
    typed(found["fix"])
    assert look("connections", 80)["value"] < 80
    with connect(settings) as database:
        database.execute(f'ALTER DATABASE "{settings.database}" CONNECTION LIMIT -1')
        holder, waiter = session(), session()
        holder.cursor().execute("LOCK TABLE t")
        failed: list[BaseException] = []

        def wait() -> None:
            try:
                waiter.cursor().execute("SELECT * FROM t")
            except psycopg2.Error as error:
                failed.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        while not database.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            time.sleep(0.02)
        assert look("idle_in_transaction", 0)["status"] == "warning"
        idle_one = look("idle_in_transaction", 0)
        assert (
            f"session {holder.info.backend_pid} of" in idle_one["message"]
            and "(the application)" in idle_one["message"]
        )
        assert f"session {holder.info.backend_pid}" in look("oldest_transaction", 0)["message"], (
            "it has not been idle for long"
        )
        found = look("waiting_locks", 0)
        assert found["message"] == f"1: {waiter.info.backend_pid} waits for {holder.info.backend_pid}"
        typed(found["fix"])
        thread.join(30)
        assert not failed and look("waiting_locks", 0)["status"] == "ok"
        found = look("idle_in_transaction", 0)
        assert f"session {waiter.info.backend_pid}" in found["message"]
        typed(found["fix"])
        assert look("idle_in_transaction", 0)["status"] == look("oldest_transaction", 0)["status"] == "ok"


def test_a_role_that_may_not_see_is_never_told_ok(
    look: Look, call_module: Any, settings: ConnectionSettings, user_sql: Any
) -> None:
    """Each check that needs a right is unknown without it; with what it advises, granted by its command, it is ok."""
    user_sql.execute(
        "CREATE SEQUENCE s; CREATE TABLE t AS SELECT n, repeat('x', 80) AS pad FROM generate_series(1, 100000) n"
    )
    user_sql.execute("VACUUM ANALYZE t")
    user_sql.execute('CREATE ROLE "see\'s nothing" LOGIN')
    user = "see's nothing"
    blind = ["active_connections", "waiting_locks", "slow_queries", "oldest_transaction", "idle_in_transaction", "xmin_horizon",
             "replication_lag", "standbys_missing", "bloat", "integer_keys", "sequences"]  # fmt: skip
    limits = {"disk": [100, 100], "wraparound": [FAR, FAR]}
    try:
        result = call_module("health_info", **{**login(settings), "login_user": user}, thresholds=limits)
        found = {each["name"]: each for each in result["checks"]}
        assert {name: found[name]["status"] for name in blind} == dict.fromkeys(blind, "unknown"), result["report"]
        assert (result["status"], result["exit_status"]) == ("unknown", 3)
        for name, grant in (("idle_in_transaction", "pg_monitor"), ("sequences", "pg_read_all_data")):
            assert f'grant {grant} to "{user}"' in found[name]["message"]
            typed(found[name]["fix"])
            result = call_module("health_info", **{**login(settings), "login_user": user}, thresholds=limits)
            status = {each["name"]: each["status"] for each in result["checks"]}
            needs_more = {"bloat", "integer_keys", "sequences"} if grant == "pg_monitor" else set()
            assert {each for each in status if status[each] == "unknown"} == needs_more, "as the guide says"
        assert {name: status[name] for name in blind} == dict.fromkeys(blind, "ok"), result["report"]
    finally:
        user_sql.execute('DROP ROLE "see\'s nothing"')


def test_what_a_blind_role_sees_may_be_too_much_already(
    look: Look, user_sql: Any, settings: ConnectionSettings
) -> None:
    user_sql.execute("CREATE ROLE half_blind LOGIN")
    try:
        with closing(psycopg2.connect(**settings._replace(user="half_blind").parameters())) as session:
            session.cursor().execute("SELECT 1")
            found = look("idle_in_transaction", 0, user="half_blind")
            assert (found["status"], "does not see all" in found["message"]) == ("warning", True), found
            assert "pg_terminate_backend" in found["fix"]
    finally:
        user_sql.execute("DROP ROLE half_blind")


def test_a_damaged_page(look: Look, settings: ConnectionSettings, user_sql: Any) -> None:
    user_sql.execute(
        "CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n; CREATE EXTENSION pg_buffercache; CHECKPOINT"
    )
    user_sql.execute("SELECT current_setting('data_directory') || '/' || pg_relation_filepath('t')")
    path = user_sql.fetchone()[0]
    assert look("checksum_failures")["status"] == "ok"
    user_sql.execute(
        "SELECT pg_buffercache_evict(bufferid) FROM pg_buffercache WHERE relfilenode = pg_relation_filenode('t')"
    )
    with open(path, "r+b") as stream:
        stream.seek(5000)
        stream.write(b"damage")
    with closing(psycopg2.connect(**settings.parameters())) as session, pytest.raises(psycopg2.errors.DataCorrupted):
        session.cursor().execute("SELECT count(*) FROM t")
    found = look("checksum_failures", 0, 0)
    assert (found["status"], settings.database in found["message"]) == ("critical", True), found
    user_sql.execute("DROP TABLE t")
    typed(found["fix"])
    assert look("checksum_failures")["status"] == "ok"


def test_checkpoints_and_statistics_that_are_too_young(
    db: Database, call_module: Any, settings: ConnectionSettings
) -> None:
    limits = {"requested_checkpoints": (50.0, 90.0)}

    def judged(days: int) -> Any:
        return run_checks(db, [REQUESTED_CHECKPOINTS], limits, place_of(db), days)

    db.execute("SELECT pg_stat_reset_shared('checkpointer')")
    for _other in range(11):
        db.execute("CHECKPOINT")
    (found,), _other = judged(0)
    assert found.status == 2, found
    none, (silent,) = judged(7)
    assert not none and "less than 7 days ago" in silent.reason, "no advice from a day's statistics"
    result = call_module("health_info", **login(settings))
    assert "requested_checkpoints" in result["not_checked"] and "Not checked:" in result["report"]
    try:
        typed(found.fix)
        assert judged(0)[0][0].status == 0
    finally:
        db.execute("ALTER SYSTEM RESET max_wal_size")
        db.execute("SELECT pg_reload_conf()")


def test_what_a_clean_up_left_free_is_no_alarm(look: Look, user_sql: Any) -> None:
    user_sql.execute(
        f"{NUMBERS.replace('t AS', 't WITH (autovacuum_enabled = off) AS')}; DELETE FROM t WHERE n % 10 > 0"
    )
    user_sql.execute("VACUUM ANALYZE t")
    assert look("bloat", 30, 50)["status"] == "critical", "nobody has said that this is how it is meant"
    user_sql.execute(
        "CREATE SCHEMA titan_ops; CREATE TABLE titan_ops.retention_policy (table_schema text, table_name text)"
    )
    user_sql.execute("INSERT INTO titan_ops.retention_policy VALUES ('public', 't')")
    found = look("bloat", 30, 50)
    assert (found["status"], "its clean-up leaves space that new rows use" in found["message"]) == ("warning", True), (
        found
    )


def test_a_slot_whose_log_is_gone(look: Look, db: Database, clean_server: None) -> None:
    db.execute("SELECT pg_create_physical_replication_slot('lost', true)")
    db.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    try:
        db.execute("SELECT pg_reload_conf()")
        for _other in range(4):
            db.execute("SELECT pg_logical_emit_message(false, 'a', 'b')")
            db.execute("SELECT pg_switch_wal()")
        deadline = time.monotonic() + 60
        while db.value("SELECT wal_status FROM pg_replication_slots") != "lost" and time.monotonic() < deadline:
            db.execute("CHECKPOINT")
        found = look("lost_slots", 0, 0)
        assert (found["status"], found["message"]) == ("critical", "1: lost"), found
        typed(found["fix"])
        assert look("lost_slots", 0, 0)["status"] == "ok"
    finally:
        db.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        db.execute("SELECT pg_reload_conf()")


def test_a_synchronous_standby_that_is_not_there(look: Look, db: Database) -> None:
    db.execute("ALTER SYSTEM SET synchronous_standby_names = 'ANY 2 (a, b, c)'")
    try:
        db.execute("SELECT pg_reload_conf()")
        while not db.value("SELECT current_setting('synchronous_standby_names')"):
            time.sleep(0.02)
        found = look("standbys_missing", 0, 0)
        assert (found["status"], found["value"], "0 of 2 asked for" in found["message"]) == ("critical", 2, True), found
        typed(found["fix"])
        while db.value("SELECT current_setting('synchronous_standby_names')"):
            time.sleep(0.02)
        assert look("standbys_missing", 0, 0)["status"] == "ok"
    finally:
        db.execute("ALTER SYSTEM RESET synchronous_standby_names")
        db.execute("SELECT pg_reload_conf()")


def test_a_connection_over_a_network_without_encryption(db: Database) -> None:
    """Asked with other addresses than those of this test, which never leaves the host."""

    def judged(client: str, server: str) -> Any:
        query = UNENCRYPTED.query.replace("inet_client_addr()", f"'{client}'::inet").replace(
            "inet_server_addr()", f"'{server}'::inet"
        )
        limits = {"unencrypted_connection": (0.0, 1.0)}
        (found,), _silent = run_checks(db, [replace(UNENCRYPTED, query=query)], limits, place_of(db), 7)
        return found

    found = judged("10.1.2.3", "10.1.2.4")
    assert (found.status, found.message) == (1, "1: from 10.1.2.3 to 10.1.2.4") and "sslmode=verify-full" in found.fix
    assert judged("10.1.2.3", "10.1.2.3").status == judged("::1", "127.0.0.1").status == 0
