"""The SQL functions of 0011: the same rows as the engine, whatever the session's search_path."""

from __future__ import annotations

import subprocess
from typing import Any

import psycopg2
import pytest

from tests.conftest import TITAN, login

UP = TITAN / "migrations" / "0011_add_data_retention_functions.sql"
DOWN = TITAN / "migrations" / "0011_add_data_retention_functions.down.sql"


@pytest.fixture
def cursor(titan: Any) -> Any:
    connection = psycopg2.connect(**titan.parameters())
    connection.autocommit = True
    with connection.cursor() as made:
        yield made
    connection.close()


def test_they_agree_with_the_engine_to_the_row(
    titan: Any, cursor: Any, call_module: Any, titan_rules: Any, freely: Any
) -> None:
    cursor.execute(UP.read_text())
    call_module("retention_policy", policies=titan_rules, **login(titan))
    planned = call_module("cleanup", check_mode=True, **freely, **login(titan))
    due: dict[str, int] = {}
    for one in planned["results"]:
        name = one["table"].split(".")[1]
        due[name] = due.get(name, 0) + one["due"]
    cursor.execute("SELECT table_name, rows_to_delete FROM cleanup_statistics")
    assert dict(cursor.fetchall()) == due and min(due.values()) > 100
    cursor.execute("SET search_path = pg_catalog")
    cursor.execute("SELECT cleanup_type, deleted_count FROM public.run_all_cleanups()")
    assert dict(cursor.fetchall()) == due
    assert call_module("cleanup", check_mode=True, **freely, **login(titan))["changed"] is False
    cursor.execute("SELECT sum(rows_to_delete) FROM public.cleanup_statistics")
    assert cursor.fetchone() == (0,)


def test_without_policies_they_delete_nothing_and_say_so(titan: Any, cursor: Any) -> None:
    cursor.execute(UP.read_text())
    for function in (
        "cleanup_audit_logs",
        "cleanup_system_logs",
        "cleanup_notifications",
        "cleanup_expired_sessions",
        "run_all_cleanups",
    ):
        cursor.execute(f"SELECT * FROM public.{function}()")
        assert cursor.fetchall() == []
        assert [column.name for column in cursor.description] == ["cleanup_type", "deleted_count", "execution_time"]
    assert any("No retention policies" in notice for notice in cursor.connection.notices)
    cursor.execute("SELECT total_rows, rows_to_delete FROM public.cleanup_statistics WHERE table_name = 'audit_logs'")
    assert cursor.fetchone() == (50000, 0)


def test_decoys_in_front_of_public_are_left_alone(
    titan: Any, cursor: Any, call_module: Any, titan_rules: Any, freely: Any
) -> None:
    call_module("retention_policy", policies=titan_rules, **login(titan))
    planned = call_module("cleanup", check_mode=True, **freely, **login(titan))
    cursor.execute(UP.read_text())
    cursor.execute("CREATE SCHEMA evil; CREATE TABLE evil.audit_logs AS TABLE public.audit_logs")
    cursor.execute("CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $$info$$'")
    cursor.execute(
        "SET search_path = evil, public, pg_catalog; CREATE TEMP TABLE system_logs AS TABLE public.system_logs"
    )
    cursor.execute("SELECT sum(deleted_count) FROM run_all_cleanups()")
    assert cursor.fetchone()[0] == sum(one["due"] for one in planned["results"]) > 100000
    cursor.execute("SELECT (SELECT count(*) FROM evil.audit_logs), (SELECT count(*) FROM pg_temp.system_logs)")
    assert cursor.fetchone() == (50000, 100000)
    cursor.execute("SELECT count(*) FROM public.audit_logs WHERE created_at < now() - interval '90 days'")
    assert cursor.fetchone() == (0,)


def test_one_failing_table_undoes_nothing_of_the_others(
    titan: Any, cursor: Any, call_module: Any, titan_rules: Any
) -> None:
    call_module("retention_policy", policies=titan_rules, **login(titan))
    cursor.execute(UP.read_text())
    cursor.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$")
    cursor.execute("CREATE TRIGGER refuse BEFORE DELETE ON notifications FOR EACH ROW EXECUTE FUNCTION refuse()")
    cursor.execute("ALTER TABLE public.system_logs RENAME TO moved")
    cursor.execute("SELECT cleanup_type, deleted_count FROM run_all_cleanups()")
    deleted = dict(cursor.fetchall())
    assert deleted["notifications"] is None and deleted["system_logs"] is None
    assert deleted["audit_logs"] > 0 and deleted["user_sessions"] > 0
    assert any("notifications failed" in notice for notice in cursor.connection.notices)


def test_nobody_else_may_execute_them(titan: Any, cursor: Any) -> None:
    cursor.execute(UP.read_text())
    cursor.execute(
        "SELECT count(*), count(*) FILTER (WHERE has_function_privilege('pg_read_all_data', oid, 'EXECUTE')) FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace AND proname ~ 'cleanup'"
    )
    assert cursor.fetchone() == (8, 0)


def test_down_leaves_the_schema_as_it_was(server: Any, titan: Any, cursor: Any) -> None:
    def schema() -> str:
        dump = [
            f"{server.programs}/pg_dump",
            "-s",
            "-h",
            "127.0.0.1",
            "-p",
            str(titan.port),
            "-U",
            titan.user,
            titan.database,
        ]
        text = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
        return "\n".join(line for line in text.splitlines() if not line.startswith("\\"))

    before = schema()
    cursor.execute(UP.read_text())
    assert "cleanup_statistics" in schema()
    cursor.execute(DOWN.read_text())
    assert schema() == before
