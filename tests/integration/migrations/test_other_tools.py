"""Files as pg_dump and other tools write them, run on a real server; psql is the judge."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.client_environment import (
    child_environment,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import drop_database, embedded_programs, login, make_database

Module = Callable[..., dict[str, Any]]
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(settings: ConnectionSettings, call_module: Module) -> Run:
    def go(texts: dict[str, str], module: str = "migration", **options: Any) -> dict[str, Any]:
        sent = [{"name": name, "content": text} for name, text in texts.items()]
        result = call_module(module, **{**login(settings), **options}, files=sent)
        assert not result.get("failed"), result["msg"]
        return result

    return go


def program(settings: ConnectionSettings, *arguments: str, text: str = "") -> str:
    with child_environment(settings) as env:
        path = f"{embedded_programs()}/{arguments[0]}"
        done = subprocess.run([path, *arguments[1:]], env=env, check=True, capture_output=True, text=True, input=text)
    return done.stdout


def content(settings: ConnectionSettings) -> str:
    """Schema and rows, without our own schema and without the random key."""
    text = program(settings, "pg_dump", "--exclude-schema=titan_ops")
    return "\n".join(line for line in text.splitlines() if "restrict " not in line)


SOURCE = r"""
CREATE TABLE t (id int PRIMARY KEY, a text, b bytea, d date DEFAULT '2020-01-01');
INSERT INTO t VALUES (1, E'tab\tnew\nline \\ back', '\x00ff'), (2, NULL, ''), (3, '\.', NULL), (4, 'it''s $$ /* ;', 'x');
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '
\restrict abc
copy t from stdin;
'::text $$;
CREATE TABLE u (x int); CREATE VIEW v AS SELECT id FROM t; COMMENT ON TABLE u IS 'none';
CREATE INDEX ta ON t (a);
"""


@pytest.mark.parametrize("head", ["", "-- transaction: none\n"])
@pytest.mark.parametrize("form", ["", "--inserts"])
def test_what_pg_dump_writes_is_a_migration(server: Cluster, call_module: Module, head: str, form: str) -> None:
    source, target = make_database(server), make_database(server)
    try:
        program(source, "psql", "-qX", "-v", "ON_ERROR_STOP=1", text=SOURCE)
        text = program(source, "pg_dump", *filter(None, [form]))
        assert text.count("\\restrict ") >= 2 and ("FROM stdin" in text) is not bool(form)
        files = [
            {"name": "1_a.sql", "content": head + text},
            {"name": "2_b.sql", "content": "CREATE TABLE b (); DROP TABLE b;"},
        ]
        result = call_module("migration", **login(target), files=files)
        assert len(result.get("applied", [])) == 2, result.get("msg")
        assert content(target) == content(source)
    finally:
        for made in (source, target):
            drop_database(server, made.database)


def test_both_ways_of_goose_are_applied_and_taken_back(run: Run, user_sql: Any) -> None:
    text = (
        "-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;\n"
        "-- +goose StatementEnd\nCREATE TABLE g (a int);\n\n-- +goose Down\nDROP FUNCTION f;\nDROP TABLE g;\n"
    )
    alone = "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY ga ON g (a);\n-- +goose Down\nDROP INDEX CONCURRENTLY ga;"
    texts = {"00001_a.sql": text, "00002_b.sql": alone}
    assert [item["transaction"] for item in run(texts, naming="goose")["applied"]] == [True, False]
    assert not run(texts, naming="goose")["changed"]
    run(texts, naming="goose", state="rolled_back", target="0", allow_rollback=True)
    user_sql.execute("SELECT to_regclass('public.g'), to_regproc('public.f')")
    assert user_sql.fetchone() == (None, None)


def test_an_empty_rollback_takes_back_and_flyways_files_are_as_flyway_has_them(run: Run, user_sql: Any) -> None:
    texts = {
        "1_a.sql": "CREATE TABLE a (id int);",
        "1_a.down.sql": "DROP TABLE a;",
        "2_b.sql": "INSERT INTO a VALUES (1);",
        "2_b.down.sql": "",
    }
    run(texts)
    run(texts, state="rolled_back", target="0", allow_rollback=True)
    flyway = {
        "V1__a.sql": "create table ${s}.a(t text default '${flyway:filename}');",
        "x/V2__b.sql": "insert into ${s}.a default values;",
    }
    run(flyway, naming="flyway", placeholders={"s": "public"})
    user_sql.execute("SELECT t FROM public.a")
    assert user_sql.fetchall() == [("V1__a.sql",)]


def test_a_baseline_file_is_the_first_in_an_empty_database(run: Run) -> None:
    texts = {
        "V1__a.sql": "CREATE TABLE a ();",
        "V2__b.sql": "CREATE TABLE b ();",
        "B2__ab.sql": "CREATE TABLE a (); CREATE TABLE b ();",
    }
    assert [item["file"] for item in run(texts, naming="flyway")["applied"]] == ["B2__ab.sql"]
    texts["V3__c.sql"] = "CREATE TABLE c ();"
    assert [item["file"] for item in run(texts, naming="flyway")["applied"]] == ["V3__c.sql"]
    assert not run(texts, naming="flyway")["changed"]


PLAN = "".join(
    f"{name} 2024-01-0{day}T00:00:00Z T <t@e.org>\n" for day, name in enumerate(("tables", "seed [tables]"), 1)
)
SQITCH = {
    "sqitch.plan": "%syntax-version=1.0.0\n%project=p\n\n" + PLAN,
    "deploy/tables.sql": "-- Deploy p:tables to pg\n\nBEGIN;\n\nCREATE TABLE t (a int);\n\nCOMMIT;\n",
    "revert/tables.sql": "-- Revert p:tables from pg\n\nBEGIN;\n\nDROP TABLE t;\n\nCOMMIT;\n",
    "deploy/seed.sql": "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\nCREATE INDEX CONCURRENTLY ta ON t (a);\n",
    "revert/seed.sql": "DROP INDEX CONCURRENTLY ta;",
}
LIQUIBASE = {
    "db/changelog-2.sql": "--liquibase formatted sql\n\n--changeset me:view runOnChange:true\nCREATE OR REPLACE VIEW v AS SELECT a FROM t;\n",
    "db/changelog-1.sql": "--liquibase formatted sql\n\n--changeset me:tables\nCREATE TABLE t (a int);\n--rollback DROP TABLE t;\n\n"
    "--changeset me:seed\nINSERT INTO t VALUES (1);\n--rollback not required\n\n--changeset me:index runInTransaction:false\n"
    "CREATE INDEX CONCURRENTLY ta ON ${name} (a);\n--rollback DROP INDEX CONCURRENTLY ta;\n",
}


@pytest.mark.parametrize(("naming", "texts", "first"), [("sqitch", SQITCH, "0001"), ("liquibase", LIQUIBASE, "1.1")])
def test_changes_whose_version_is_their_place_are_applied_and_taken_back(
    run: Run, user_sql: Any, naming: str, texts: dict[str, str], first: str
) -> None:
    options = {"naming": naming, "placeholders": {"name": "t"}}
    applied = run(texts, **options)["applied"]
    assert applied[0]["version"] == first and [item["transaction"] for item in applied][:2] == [
        True,
        naming != "sqitch",
    ]
    user_sql.execute("SELECT a, to_regclass('public.ta')::text FROM t")
    assert user_sql.fetchall() == [(1, "ta")]
    assert not run(texts, **options)["changed"] and not run(texts, check_mode=True, **options)["changed"]
    if naming == "liquibase":
        assert run(
            {**texts, "db/changelog-2.sql": texts["db/changelog-2.sql"].replace("SELECT a", "SELECT a, 1 AS b")},
            **options,
        )["changed"]
        user_sql.execute("SELECT b FROM v; DROP VIEW v")
    back = run(texts, state="rolled_back", target="0", allow_rollback=True, **options)
    assert len(back["rolled_back"]) == len([item for item in applied if item["version"]])
    user_sql.execute("SELECT to_regclass('public.t')")
    assert user_sql.fetchone() == (None,)
