"""The module migration against a real server: check mode, for real, and again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.migration import checksum
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect

from tests.conftest import TITAN, login

Module = Callable[..., dict[str, Any]]

TWINS = {
    "idx_audit_logs_user_timestamp": "idx_audit_logs_user_created",
    "idx_system_logs_level_timestamp": "idx_system_logs_level_created",
}


def files(**texts: str) -> list[dict[str, str]]:
    """m1_a="..." becomes the file 1_a.sql; a double underscore before "down" makes the way back."""
    return [{"name": f"{key[1:].replace('__down', '.down')}.sql" if key[0] == "m" else f"{key}.sql", "content": text}
            for key, text in texts.items()]  # fmt: skip


def schema_exists(db: Database) -> bool:
    return bool(db.value("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'titan_ops')"))


def test_the_nine_indexes_build_seven_and_skip_two_duplicates(titan: ConnectionSettings, call_module: Module) -> None:
    options = {**login(titan), "path": str(TITAN / "migrations"), "target": "0010"}
    with connect(titan) as db:
        count = "SELECT count(*) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = 'public'::regnamespace"
        before = db.value(count)
        predicted = call_module("migration", check_mode=True, **options)
        assert predicted["changed"] and not schema_exists(db) and db.value(count) == before
        assert {item["index"]: item["duplicate_of"] for item in predicted["skipped_indexes"]} == TWINS
        assert "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_market_id" in predicted["diff"]["after"]

        done = call_module("migration", **options)
        assert done["changed"] and done["diff"] == predicted["diff"]
        outcomes = {item["name"]: item for item in done["applied"][0]["indexes"]}
        assert {name: item["duplicate_of"] for name, item in outcomes.items() if item["outcome"] == "skipped"} == TWINS
        built = [item for item in outcomes.values() if item["outcome"] == "built"]
        assert len(built) == 7 and all(item["bytes"] > 0 for item in built)
        assert [(i["name"], i["outcome"]) for i in predicted["pending"][0]["indexes"]] == [
            (i["name"], i["outcome"]) for i in done["applied"][0]["indexes"]
        ]
        assert db.value(count) == before + 7
        assert db.value("SELECT bool_and(indisvalid) FROM pg_index")

        again = call_module("migration", **options)
        assert not again["changed"] and again["diff"] == {"before": "", "after": ""} and again["applied"] == []
        row = db.row("SELECT * FROM titan_ops.migration_history")
        assert (
            row and row["outcome"] == "applied" and row["version"] == "0010" and row["operating_user"] and row["host"]
        )


def test_check_mode_first_then_all_of_titan(titan: ConnectionSettings, call_module: Module) -> None:
    options = {**login(titan), "path": str(TITAN / "migrations")}
    predicted = call_module("migration", check_mode=True, **options)
    done = call_module("migration", **options)
    assert [item["version"] for item in predicted["pending"]] == [item["version"] for item in done["applied"]]
    info = call_module("migration_info", **options)
    assert {item["status"] for item in info["migrations"]} == {"applied"} and info["pending"] == []
    assert not call_module("migration", **options)["changed"]


def test_with_apply_pending_false_pending_files_wait_and_a_run_without_any_is_whole(
    titan: ConnectionSettings, call_module: Module, tmp_path: Path
) -> None:
    options = {
        **login(titan),
        "path": str(TITAN / "migrations"),
        "record": str(tmp_path / "record.json"),
        "read_back": True,
    }
    for check in (True, False):
        waits = call_module("migration", check_mode=check, apply_pending=False, **options)
        assert not waits["changed"] and [item["version"] for item in waits["pending"]] == ["0010", "0011"]
        assert waits["status"]["pending"] and not waits["applied"] and not list(tmp_path.iterdir())
    with connect(titan) as database:
        assert not schema_exists(database)
    done = call_module("migration", **options)
    again = call_module("migration_info", **login(titan), path=options["path"])
    seen = {key: done["status"][key] for key in ("pending", "tampered", "drift", "summary")}
    assert seen == {key: again[key] for key in seen} and seen["pending"] == []
    (tmp_path / "record.json").unlink()
    for check, changed in ((True, True), (False, True), (False, False)):
        settled = call_module("migration", check_mode=check, apply_pending=False, **options)
        assert settled["changed"] is changed and settled["pending"] == []
        assert settled["status"]["summary"] == again["summary"]
    assert (tmp_path / "record.json").exists()


def test_with_apply_pending_false_what_the_run_would_refuse_is_refused(
    settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    call_module("migration", **login(settings), files=files(m2_a="CREATE TABLE a (id int);"))
    edited = files(m2_a="CREATE TABLE b (id int);", m3_c="SELECT 1;")
    for sent in (edited, files(m1_late="SELECT 1;", m2_a="CREATE TABLE a (id int);")):
        refused = call_module("migration", **login(settings), files=sent)
        held = call_module("migration", **login(settings), files=sent, apply_pending=False)
        assert refused["failed"] and held["msg"] == refused["msg"]


def test_a_transactional_file_is_all_or_nothing_and_leaves_a_failed_row(
    settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    sent = files(m1_a="CREATE TABLE a (id int);\nINSERT INTO a VALUES (1);\nSELECT 1/0;\n")
    result = call_module("migration", **login(settings), files=sent)
    assert result["failed"] and "1_a.sql" in result["msg"] and result["sqlstate"] == "22012"
    assert db.value("SELECT to_regclass('public.a')") is None
    assert db.rows("SELECT outcome FROM titan_ops.migration_history") == [{"outcome": "failed"}]
    fixed = call_module("migration", **login(settings), files=files(m1_a="CREATE TABLE a (id int);"))
    assert (
        fixed["changed"]
        and db.value("SELECT outcome FROM titan_ops.migration_history ORDER BY id DESC LIMIT 1") == "applied"
    )


def test_the_error_names_line_and_statement(settings: ConnectionSettings, call_module: Module) -> None:
    sent = files(
        m1_a="-- \u00e4\u00f6\u00fc\nCREATE TABLE a (id int);\n\nALTER TABLE nowhere ADD b int;\n",
        m2_b="ALTER TABLE a ADD x nosuchtype;",
    )
    result = call_module("migration", **login(settings), files=sent)
    assert "ALTER TABLE nowhere" in result["msg"] and "42P01" in result["msg"]
    sent[0]["content"] = "CREATE TABLE a (id int);"
    result = call_module("migration", **login(settings), files=sent)
    assert result["line"] == 1 and "nosuchtype" in result["msg"] and "Done before it in this run: 1." in result["msg"]


def test_percent_and_colon_names_are_text(settings: ConnectionSettings, db: Database, call_module: Module) -> None:
    sent = files(m1_a="CREATE TABLE public.a AS SELECT '%s :name %(x)s'::text AS t, 7 % 4 AS m;")
    assert call_module("migration", **login(settings), files=sent)["changed"]
    assert db.row("SELECT t, m FROM public.a") == {"t": "%s :name %(x)s", "m": 3}


def test_an_edited_file_fails_in_check_mode_too_and_a_comment_is_harmless(
    settings: ConnectionSettings, call_module: Module
) -> None:
    def run(text: str, **more: Any) -> dict[str, Any]:
        return call_module("migration", **login(settings), files=files(m1_a=text), **more)

    run("CREATE TABLE a (id int);\n")
    assert not run("\ufeffCREATE TABLE a (id int);  \r\n")["changed"]
    for check in (True, False):
        result = run("CREATE TABLE a (id bigint);\n", check_mode=check)
        assert (
            result["failed"]
            and "-CREATE TABLE a (id int);" in result["msg"]
            and "+CREATE TABLE a (id bigint);" in result["msg"]
        )
    assert run("-- why\nCREATE TABLE a (id int);\n", check_mode=True)["changed"]
    assert (
        run("-- why\nCREATE TABLE a (id int);\n")["changed"]
        and not run("-- why\nCREATE TABLE a (id int);\n")["changed"]
    )
    assert run("CREATE TABLE a (id bigint);\n", accept_edited=["1"])["changed"]
    assert not run("CREATE TABLE a (id bigint);\n")["changed"]
    with connect(settings) as db:
        rows = db.rows(
            "SELECT body, details, operating_user, host, started FROM titan_ops.migration_history WHERE action = 'amend' ORDER BY id"
        )
    assert [row["details"]["edit"] for row in rows] == ["harmless", "accepted"]
    assert (
        rows[1]["details"]["previous"] == checksum(rows[0]["body"])
        and rows[1]["body"] == "CREATE TABLE a (id bigint);\n"
    )
    assert all(row["operating_user"] and row["host"] and row["started"] for row in rows)


def test_a_late_version_is_refused_unless_it_is_named(settings: ConnectionSettings, call_module: Module) -> None:
    call_module("migration", **login(settings), files=files(m2_b="CREATE TABLE b ();"))
    both = files(m2_b="CREATE TABLE b ();", m1_a="CREATE TABLE a ();")
    refused = call_module("migration", **login(settings), files=both)
    assert refused["failed"] and "1_a.sql" in refused["msg"] and refused["late"] == ["1"]
    assert call_module("migration", **login(settings), files=both, allow_out_of_order=["1"])["changed"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["1_a.sql", "01_b.sql"], "have the same version 1: give each a number of its own"),
        (["a.sql"], "'a.sql' does not fit NNNN_name.sql"),
        (["1_a.down.sql"], "rollback of a migration that is not there"),
    ],
)
def test_bad_names_are_refused_before_anything_runs(
    names: list[str], said: str, settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    sent = [{"name": name, "content": "CREATE TABLE public.x ();"} for name in names]
    result = call_module("migration", **login(settings), files=sent)
    assert result["failed"] and said in result["msg"] and not schema_exists(db)


def test_a_mixed_file_is_refused_with_its_lines(
    settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    sent = files(m1_a="CREATE TABLE a (id int);\n\nCREATE INDEX CONCURRENTLY ai ON a (id);")
    result = call_module("migration", **login(settings), files=sent)
    assert result["failed"] and "line 3" in result["msg"] and "line 1" in result["msg"] and not schema_exists(db)
    assert call_module("migration", **login(settings), files=sent, mixed="steps")["changed"]
    assert db.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.ai'::regclass")
