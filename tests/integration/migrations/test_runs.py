"""Locks, other runners, poolers, headers, the way back, baselines, repeatable files, placeholders, drift, standbys."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.client_environment import (
    child_environment,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.locks import advisory_lock

from tests.conftest import TITAN, embedded_programs, free_port, login

Module = Callable[..., dict[str, Any]]
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(settings: ConnectionSettings, call_module: Module) -> Run:
    """Run the module with files given as name=text pairs in a dictionary."""

    def go(texts: dict[str, str], module: str = "migration", **options: Any) -> dict[str, Any]:
        sent = [{"name": name, "content": text} for name, text in texts.items()]
        return call_module(module, **{**login(settings), **options}, files=sent)

    return go


def ok(result: dict[str, Any]) -> dict[str, Any]:
    assert not result.get("failed"), result["msg"]
    return result


def dump(settings: ConnectionSettings) -> str:
    """The schema as pg_dump writes it, without our own schema and without its random key line."""
    with child_environment(settings) as env:
        arguments = [f"{embedded_programs()}/pg_dump", "--schema-only", "--exclude-schema=titan_ops"]
        text = subprocess.run(arguments, env=env, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


# --- locks ---------------------------------------------------------------------------------------------------------


def test_a_blocked_statement_gives_way_and_names_who_is_in_the_way(
    settings: ConnectionSettings, db: Database, run: Run
) -> None:
    db.execute("CREATE TABLE public.t (a int)")
    with connect(settings, "long reader") as reader, connect(settings) as other:
        reader.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SELECT FROM public.t")
        stalls: list[float] = []
        ended = threading.Event()

        def read() -> None:
            while not ended.is_set():
                began = time.monotonic()
                other.execute("SELECT FROM public.t")
                stalls.append(time.monotonic() - began)
                time.sleep(0.005)

        thread = threading.Thread(target=read)
        thread.start()
        result = run({"1_a.sql": "ALTER TABLE t ADD b int;"}, lock_retries=2, lock_timeout=1000)
        ended.set()
        thread.join()
    assert result["failed"] and result["sqlstate"] == "55P03" and "tried 3 times" in result["msg"]
    assert "titan-db long reader" in result["msg"] and result["blockers"][0]["relations"] == "public.t"
    assert 0.5 < max(stalls) < 2.0, "an unrelated read waits no longer than lock_timeout"


def test_it_succeeds_when_the_blocker_ends_meanwhile(settings: ConnectionSettings, db: Database, run: Run) -> None:
    db.execute("CREATE TABLE public.t (a int)")
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    with connect(settings) as reader, connect(settings) as watcher:
        reader.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SELECT FROM public.t")

        def let_go() -> None:
            """When it has waited in vain once."""
            for wanted in (True, False):
                while watcher.value(waits) is not wanted:
                    time.sleep(0.01)
            reader.execute("COMMIT")

        release = threading.Thread(target=let_go, daemon=True)
        release.start()
        result = ok(run({"1_a.sql": "ALTER TABLE t ADD b int; ALTER TABLE t ADD c int;"}, lock_timeout=200))
        release.join()
    assert result["applied"] and any("trying again" in line for line in result["progress"])


def test_the_second_runner_says_who_is_first(settings: ConnectionSettings, run: Run, db: Database) -> None:
    with connect(settings, "migration") as first, advisory_lock(first, "migrations"):
        result = run({"1_a.sql": "CREATE TABLE a ();"}, wait=0)
    assert result["failed"] and "'titan-db migration'" in result["msg"] and "since" in result["msg"]
    assert db.value("SELECT to_regnamespace('titan_ops') IS NULL")


# --- headers -------------------------------------------------------------------------------------------------------


def test_require_is_asked_first_and_names_an_unknown_column(run: Run, db: Database) -> None:
    db.execute("CREATE TABLE public.t (a int)")
    text = "-- require: SELECT count(nosuch) >= 0 FROM t\nINSERT INTO t VALUES (1);"
    for check in (True, False):
        result = run({"1_a.sql": text}, check_mode=check)
        assert result["failed"] and 'column "nosuch" does not exist' in result["msg"] and "line 1" in result["msg"]
    result = run({"1_a.sql": "-- a note\n-- require: SELECT false \\\n--   OR false\nINSERT INTO t VALUES (1);"})
    assert result["failed"] and "line 2" in result["msg"] and "not true" in result["msg"]
    assert db.value("SELECT count(*) FROM public.t") == 0


def test_verify_is_asked_in_the_same_transaction(run: Run, db: Database) -> None:
    result = run(
        {"1_a.sql": "-- verify: SELECT count(*) = 2 FROM t\nCREATE TABLE t (a int); INSERT INTO t VALUES (1);"}
    )
    assert result["failed"] and "verify" in result["msg"] and db.value("SELECT to_regclass('public.t')") is None
    ok(run({"1_a.sql": "-- verify: SELECT count(*) = 1 FROM t\nCREATE TABLE t (a int); INSERT INTO t VALUES (1);"}))


def test_a_hidden_commit_is_an_error_and_an_own_block_is_taken_over(run: Run, db: Database) -> None:
    result = run({"1_a.sql": "CREATE TABLE a ();\nCOMMIT;\nCREATE TABLE b ();"})
    assert result["failed"] and "line 2" in result["msg"] and db.value("SELECT to_regclass('public.a')") is None
    assert run({"1_a.sql": "CREATE TABLE a ();\nROLLBACK;"})["failed"]
    ok(run({"1_a.sql": "BEGIN;\nCREATE TABLE a ();\nCOMMIT;\n"}))
    assert db.value("SELECT to_regclass('public.a') IS NOT NULL")
    two = {
        "1_a.sql": "BEGIN;\nCREATE TABLE a ();\nCOMMIT;\n",
        "2_b.sql": "BEGIN; CREATE TABLE b (); COMMIT; BEGIN; CREATE TABLE c (); END;",
    }
    assert run(two)["failed"]
    assert len(ok(run(two, mixed="steps"))["applied"][0]["steps"]) == 2


def test_what_a_file_sets_ends_with_it(run: Run, db: Database) -> None:
    db.execute("CREATE SCHEMA other; CREATE ROLE plain_titan_role; GRANT ALL ON SCHEMA other TO plain_titan_role")
    try:
        ok(run({"1_a.sql": "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.a ();",
                "2_b.sql": "CREATE TABLE b (); SET ROLE plain_titan_role; CREATE TABLE other.c (); SET lock_timeout = '7s'",
                "3_d.sql": "CREATE TEMP TABLE x (); CREATE TABLE d AS SELECT current_user::text AS who, current_setting('lock_timeout') AS wait",
                "4_e.sql": "CREATE TABLE x ()"}))  # fmt: skip
        assert db.row("SELECT who, wait FROM public.d") == {"who": "postgres", "wait": "500ms"}
        assert db.value("SELECT to_regclass('public.x') IS NOT NULL AND to_regclass('public.b') IS NOT NULL")
    finally:
        db.execute("DROP OWNED BY plain_titan_role; DROP ROLE plain_titan_role")


def test_what_a_file_sets_holds_for_its_steps_and_not_for_their_records(run: Run, db: Database) -> None:
    db.execute("CREATE ROLE step_titan_role; GRANT ALL ON SCHEMA public TO step_titan_role")
    text = (
        "SET ROLE step_titan_role;\nSET statement_timeout = '20s';\nCREATE TABLE a (x int);\nCREATE INDEX CONCURRENTLY a_x ON a (x);\n"
        "CREATE TABLE b AS SELECT current_setting('statement_timeout') AS t;\nRESET ROLE;\nCREATE TABLE c ();\n"
    )
    try:
        result = ok(run({"1_a.sql": text}, mixed="steps"))
        assert [step["outcome"] for step in result["applied"][0]["steps"]] == ["done"] * 7
        owners = {row["name"]: row["owner"] for row in db.rows(
            "SELECT relname::text AS name, relowner::regrole::text AS owner FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )}  # fmt: skip
        assert owners == {"a": "step_titan_role", "a_x": "step_titan_role", "b": "step_titan_role", "c": "postgres"}
        assert db.value("SELECT t FROM public.b") == "20s"
        ok(
            run(
                {
                    "1_a.sql": text,
                    "2_b.sql": "SET SESSION AUTHORIZATION step_titan_role;\nSET default_transaction_read_only = on;\nVACUUM;",
                },
                accept_superuser=True,
            )
        )
        assert not ok(
            run(
                {
                    "1_a.sql": text,
                    "2_b.sql": "SET SESSION AUTHORIZATION step_titan_role;\nSET default_transaction_read_only = on;\nVACUUM;",
                },
                accept_superuser=True,
            )
        )["changed"]
    finally:
        db.execute("DROP OWNED BY step_titan_role; DROP ROLE step_titan_role")


def test_an_event_trigger_sees_the_files_and_not_the_runner(run: Run, db: Database) -> None:
    text = (
        "CREATE TABLE seen (tag text);\nCREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO seen VALUES (tg_tag); END $$;\nCREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl();"
    )
    ok(
        run(
            {
                "1_a.sql": text,
                "2_b.sql": "CREATE TABLE b (x int);",
                "3_c.sql": "CREATE INDEX CONCURRENTLY b_x ON b (x);",
            }
        )
    )
    assert [row["tag"] for row in db.rows("SELECT tag FROM public.seen")] == ["CREATE TABLE", "CREATE INDEX"]


HELD = """DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted) THEN RAISE 'not held'; END IF;
END $$;"""


@pytest.mark.parametrize(
    "gone", ["DISCARD ALL;", "SELECT pg_advisory_unlock_all();", "ALTER ROLE CURRENT_USER RESET ALL;"]
)
def test_a_file_cannot_give_the_lock_away(gone: str, run: Run) -> None:
    assert len(ok(run({"1_a.sql": gone, "2_b.sql": HELD, "3_c.sql": HELD}))["applied"]) == 3


def test_backslashes_under_old_rules_are_refused_and_others_are_not(run: Run, db: Database) -> None:
    off = "SET standard_conforming_strings = off;\nCREATE TABLE a (x text);\n"
    result = run({"1_a.sql": off + "INSERT INTO a VALUES ('c:\\new');"})
    assert result["failed"] and "line 3" in result["msg"] and "E'...'" in result["msg"]
    assert db.value("SELECT to_regclass('public.a') IS NULL")
    ok(run({"1_a.sql": off + "INSERT INTO a VALUES (E'c:\\\\new'), ('b');"}))


def test_a_statement_that_must_stand_alone_is_told_how(run: Run, db: Database) -> None:
    text = (
        "CREATE TABLE a (x int);\nCREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO a VALUES (1); COMMIT; "
        "INSERT INTO a VALUES (2); END $$;\nCALL fill();"
    )
    result = run({"1_a.sql": text})
    assert result["failed"] and "transaction: none" in result["msg"] and "without_transaction" in result["msg"]
    assert db.value("SELECT to_regclass('public.a') IS NULL")
    ok(run({"1_a.sql": f"-- transaction: none\n{text}"}))
    assert db.value("SELECT count(*) FROM public.a") == 2


# --- the way back --------------------------------------------------------------------------------------------------

TWO_INDEXES = "CREATE INDEX idx_orders_created_at ON orders (created_at DESC); CREATE INDEX idx_orders_market_id ON orders (market_id);"
OWN_FUNCTION = """
CREATE FUNCTION cleanup_audit_logs() RETURNS text LANGUAGE sql AS $$ SELECT 'mine' $$;
COMMENT ON FUNCTION cleanup_audit_logs() IS 'my own'; REVOKE ALL ON FUNCTION cleanup_audit_logs() FROM PUBLIC;
"""
REPLACED = """
CREATE FUNCTION helper(n int) RETURNS int LANGUAGE sql AS $$ SELECT n $$;
COMMENT ON FUNCTION helper(int) IS 'my own';
CREATE VIEW seen AS SELECT 1 AS a;
CREATE TABLE kept (a int);
"""


@pytest.mark.parametrize("prepared", ["", TWO_INDEXES])
def test_the_way_back_of_titan_gives_the_schema_from_before(
    prepared: str, titan: ConnectionSettings, call_module: Module
) -> None:
    options = {**login(titan), "path": str(TITAN / "migrations")}
    with connect(titan, fixed_settings=False) as db:
        if prepared:
            db.execute(prepared)
        before = dump(titan)
        ok(call_module("migration", **options))
        assert dump(titan) != before
        refused = call_module("migration", **options, state="rolled_back", target="0")
        assert refused["failed"] and "allow_rollback" in refused["msg"]
        predicted = call_module("migration", check_mode=True, **options, state="rolled_back", target="0")
        assert predicted["changed"] and "DROP INDEX" in predicted["diff"]["after"]
        done = ok(call_module("migration", **options, state="rolled_back", target="0", allow_rollback=True))
        assert done["changed"] and dump(titan) == before
        again = ok(call_module("migration", **options, state="rolled_back", target="0", allow_rollback=True))
        assert not again["changed"]
        ok(call_module("migration", **options))


OUR_SIGNATURE = """
CREATE FUNCTION cleanup_audit_logs() RETURNS TABLE (cleanup_type text, deleted_count bigint, execution_time interval)
LANGUAGE sql AS $$ SELECT 'mine', 0::bigint, '1 s'::interval $$;
COMMENT ON FUNCTION cleanup_audit_logs() IS 'my own'; REVOKE ALL ON FUNCTION cleanup_audit_logs() FROM PUBLIC;
"""


def test_a_users_own_function_that_ours_replaces_comes_back(titan: ConnectionSettings, call_module: Module) -> None:
    """Also where the way back drops it in one statement with functions that are ours."""
    options = {**login(titan), "path": str(TITAN / "migrations")}
    with connect(titan, fixed_settings=False) as db:
        db.execute(OUR_SIGNATURE)
    before = dump(titan)
    ok(call_module("migration", **options))
    assert "'mine'" not in dump(titan)
    done = ok(call_module("migration", **options, state="rolled_back", target="0", allow_rollback=True))
    assert dump(titan) == before and "cleanup_audit_logs" in str(done)


@pytest.mark.parametrize("spared", ["a", "b", "c", "d", "ab", "ad", "bc", "cd", "abd", "bcd", "abcd"])
def test_what_stays_is_taken_out_of_a_list_of_names(spared: str, settings: ConnectionSettings, run: Run) -> None:
    with connect(settings, fixed_settings=False) as db:
        for name in spared:
            db.execute(f"CREATE TABLE {name} (x int)")
    before = dump(settings)
    texts = {
        "1_a.sql": "".join(f"CREATE TABLE IF NOT EXISTS {name} (x int);\n" for name in "abcd"),
        "1_a.down.sql": "DROP TABLE IF EXISTS a /* , */ , b, -- ,\n c,d CASCADE;\n",
    }
    ok(run(texts))
    ok(run(texts, state="rolled_back", target="0", allow_rollback=True))
    assert dump(settings) == before


def test_a_users_own_function_of_one_of_our_names_survives(titan: ConnectionSettings, call_module: Module) -> None:
    options = {**login(titan), "path": str(TITAN / "migrations")}
    with connect(titan, fixed_settings=False) as db:
        db.execute(OWN_FUNCTION)
    before = dump(titan)
    result = call_module("migration", **options)
    call_module("migration", **options, state="rolled_back", target="0", allow_rollback=True)
    assert "'mine'" in dump(titan)
    if not result.get("failed"):  # the file replaces it; else the whole file is refused and nothing of it is there
        assert dump(titan) == before


def test_what_a_file_replaces_comes_back_and_what_it_finds_stays(settings: ConnectionSettings, run: Run) -> None:
    with connect(settings, fixed_settings=False) as db:
        db.execute(REPLACED)
    before = dump(settings)
    texts = {
        "1_a.sql": "CREATE OR REPLACE FUNCTION helper(n int) RETURNS int LANGUAGE sql AS $$ SELECT n + 1 $$;\n"
        "COMMENT ON FUNCTION helper(int) IS 'ours';"
        "CREATE OR REPLACE FUNCTION helper(n text) RETURNS text LANGUAGE sql AS $$ SELECT n $$;\n"
        "CREATE OR REPLACE VIEW seen AS SELECT 2 AS a;\nCREATE TABLE IF NOT EXISTS kept (a int);\nCREATE TABLE made (a int);",
        "1_a.down.sql": "DROP TABLE made;\nDROP TABLE IF EXISTS kept;\nDROP VIEW seen;\nDROP FUNCTION IF EXISTS helper(IN n int);\n"
        "DROP FUNCTION helper(n text);",
    }
    ok(run(texts))
    assert dump(settings) != before
    done = ok(run(texts, state="rolled_back", target="0", allow_rollback=True))
    assert dump(settings) == before and done["rolled_back"]


def test_dependent_objects_stop_the_way_back_by_name(titan: ConnectionSettings, call_module: Module) -> None:
    options = {**login(titan), "path": str(TITAN / "migrations")}
    ok(call_module("migration", **options))
    with connect(titan, fixed_settings=False) as db:
        db.execute("CREATE VIEW my_report AS SELECT * FROM cleanup_statistics")
        before = dump(titan)
        result = call_module("migration", **options, state="rolled_back", target="0010", allow_rollback=True)
        assert result["failed"] and "my_report" in result["msg"] and dump(titan) == before
        db.execute("DROP VIEW my_report")
    ok(call_module("migration", **options, state="rolled_back", target="0010", allow_rollback=True))


def test_a_missing_way_back_is_named_before_anything_is_done(run: Run, db: Database) -> None:
    texts = {"1_a.sql": "CREATE TABLE a ();", "2_b.sql": "CREATE TABLE b ();", "2_b.down.sql": "DROP TABLE b;"}
    ok(run(texts))
    result = run(texts, state="rolled_back", target="0", allow_rollback=True)
    assert (
        result["failed"]
        and "no rollback file: 1" in result["msg"]
        and db.value("SELECT to_regclass('public.b') IS NOT NULL")
    )
    assert run(texts, state="rolled_back", target="7", allow_rollback=True)["failed"]
    ok(run(texts, state="rolled_back", target="1", allow_rollback=True))
    assert db.value("SELECT to_regclass('public.b')") is None


# --- repeatable files, placeholders, rehearsal ---------------------------------------------------------------------


def test_repeatable_files_run_last_and_again_when_they_change(run: Run, db: Database) -> None:
    texts = {"R__v.sql": "CREATE OR REPLACE VIEW v AS SELECT a FROM t;", "1_t.sql": "CREATE TABLE t (a int, b int);"}
    assert [item["file"] for item in ok(run(texts))["applied"]] == ["1_t.sql", "R__v.sql"]
    assert not run(texts)["changed"]
    texts["R__v.sql"] = "CREATE OR REPLACE VIEW v AS SELECT a, b FROM t;"
    assert run(texts, check_mode=True)["changed"]
    assert [item["file"] for item in ok(run(texts))["applied"]] == ["R__v.sql"]
    assert (
        not run(texts)["changed"]
        and db.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.v'::regclass") == 2
    )


def test_placeholders_are_quoted_by_their_kind(run: Run, db: Database) -> None:
    nasty = 'it\'s "odd"; \\ % $1'
    text = "CREATE TABLE :\"name\" (a text);\nINSERT INTO :\"name\" VALUES (:'value'), (':''value'''), (E'x'::\"char\"::text);"
    missing = run({"1_a.sql": text}, placeholders={"name": nasty})
    assert missing["failed"] and ":'value'" in missing["msg"] and "line 2" in missing["msg"]
    ok(run({"1_a.sql": text}, placeholders={"name": nasty, "value": nasty}))
    assert (
        db.value("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace") == nasty
    )
    from psycopg2 import sql

    rows = db.rows(sql.SQL("SELECT a FROM public.{}").format(sql.Identifier(nasty)))
    assert [row["a"] for row in rows] == [nasty, ":'value'", "x"]
    assert not run({"1_a.sql": text}, placeholders={"name": "other", "value": "other"})["changed"]


def test_a_rehearsal_finds_the_failure_and_leaves_nothing(run: Run, db: Database) -> None:
    texts = {"1_a.sql": "CREATE TABLE a (x int);", "2_b.sql": "INSERT INTO a VALUES ('x');"}
    result = run(texts, rehearse=True)
    assert result["failed"] and "2_b.sql, line 1" in result["msg"] and "rehearsal" in result["msg"]
    texts["2_b.sql"] = "INSERT INTO a VALUES (1);"
    texts["3_c.sql"] = "CREATE INDEX CONCURRENTLY ax ON a (x);"
    result = ok(run(texts, rehearse=True))
    assert [item["file"] for item in result["rehearsed"]] == list(texts) and not result["changed"]
    assert db.value("SELECT to_regclass('public.a') IS NULL AND to_regnamespace('titan_ops') IS NULL")


def test_a_rehearsal_says_when_its_one_transaction_may_be_the_cause(run: Run, db: Database) -> None:
    files = {"1_a.sql": "BEGIN;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nCREATE TYPE s AS ENUM ('a');\nCOMMIT;"}
    assert ok(run(files, rehearse=True))["rehearsed"][0]["outcome"] == "ran and was rolled back"
    ok(run(files))
    files |= {"2_b.sql": "ALTER TYPE s ADD VALUE 'b';", "3_c.sql": "CREATE TABLE t AS SELECT 'b'::s AS x;"}
    result = run(files, rehearse=True)
    assert result["failed"] and "3_c.sql" in result["msg"] and "one transaction" in result["msg"]
    assert "transaction: none" not in result["msg"]
    ok(run(files))


def test_check_mode_tells_locks_and_sizes(run: Run, db: Database) -> None:
    db.execute("CREATE TABLE public.t (a int); INSERT INTO public.t SELECT generate_series(1, 1000); ANALYZE public.t")
    result = run({"1_a.sql": "ALTER TABLE t ADD b int;\nCREATE INDEX ON t (a);\nUPDATE t SET a = 2;"}, check_mode=True)
    said = [(item["lock"], item["table"], item["rows"]) for item in result["pending"][0]["statements"]]
    assert said == [("ACCESS EXCLUSIVE", "t", 1000), ("SHARE", "t", 1000), ("ROW EXCLUSIVE", "t", 1000)]


# --- drift, standby ------------------------------------------------------------------------------------------------


def test_drift_names_what_was_changed_by_hand(run: Run, settings: ConnectionSettings) -> None:
    texts = {
        "1_a.sql": "CREATE TABLE t (a int PRIMARY KEY, b int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    }
    ok(run(texts))
    assert run(texts, "migration_info")["drift"] == []
    with connect(settings, fixed_settings=False) as db:
        db.execute("CREATE INDEX tb ON t (b); ALTER TABLE t ALTER b SET DEFAULT 7; DROP FUNCTION f()")
    drift = run(texts, "migration_info")["drift"]
    assert drift == [
        {"object": "column public.t.b", "change": "changed"},
        {"object": "function public.f()", "change": "dropped"},
        {"object": "index public.tb", "change": "added"},
    ]
    ok(run({**texts, "2_b.sql": "CREATE TABLE u ();"}))
    assert run({**texts, "2_b.sql": "CREATE TABLE u ();"}, "migration_info")["drift"] == []


def test_a_standby_is_left_alone(server: Cluster, call_module: Module, workdir: Path) -> None:
    standby = Cluster(server.programs, str(workdir / "standby"), port=free_port(), listen=True)
    from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import unprivileged_user

    owner = unprivileged_user()
    for folder in (workdir, Path(standby.folder), Path(standby.socket)):
        folder.mkdir(exist_ok=True)
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
    standby.run_program(
        "pg_basebackup", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-R", "-c", "fast", "-X", "stream"
    )
    standby.start(
        [
            "hot_standby=on",
            "max_connections=200",
            "max_prepared_transactions=4",
            "wal_level=replica",
            "max_wal_senders=4",
        ]
    )
    try:
        result = call_module(
            "migration", **login(standby.settings()), files=[{"name": "1_a.sql", "content": "SELECT 1"}]
        )
        assert not result.get("failed") and not result["changed"] and "standby" in result["reason"]
    finally:
        standby.remove()
