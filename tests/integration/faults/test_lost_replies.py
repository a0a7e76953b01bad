"""An answer that was lost: what is true is asked before anything is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database

from tests.conftest import drop_database, login
from tests.drill_programs import drill_programs

from .proxy import proxy

Module = Callable[..., dict[str, Any]]


def files(**texts: str) -> list[dict[str, str]]:
    return [{"name": f"{name.lstrip('_')}.sql", "content": text} for name, text in texts.items()]


@pytest.mark.parametrize(
    ("lost", "text", "there", "words"),
    [
        (b"^COMMIT", "CREATE TABLE public.t (id int);", True, "was committed: the file is applied"),
        (b"CREATE TABLE", "CREATE TABLE public.t (id int);", False, "Nothing of this file is in the database"),
        (
            b"^CREATE INDEX CONCURRENTLY", "-- transaction: none\nCREATE INDEX CONCURRENTLY t ON public.base (id);", True,
            "'t' exists and is valid; the next run records it",
        ),
    ],
)  # fmt: skip
def test_a_migration_says_what_is_true(
    lost: bytes, text: str, there: bool, words: str, settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    first = files(_1_base="CREATE TABLE public.base (id int);")
    assert not call_module("migration", **login(settings), files=first).get("failed")
    with proxy(settings) as network:
        network.lose_answer_to, network.lose_after = lost, b"public.t" if lost == b"^COMMIT" else b""
        both = first + files(_2_t=text)
        result = call_module("migration", **login(network.settings), files=both)
        assert network.lost == 1, result
    assert result["failed"] and words in result["msg"], result["msg"]
    assert db.value("SELECT to_regclass('public.t') IS NOT NULL") is there
    again = call_module("migration", **login(settings), files=both)
    assert not again.get("failed"), again
    assert db.value("SELECT to_regclass('public.t') IS NOT NULL")
    assert db.value("SELECT count(*) FROM titan_ops.migration_history WHERE outcome = 'applied'") == 2
    assert call_module("migration", **login(settings), files=both)["changed"] is False


@pytest.mark.parametrize("lost", [b"DELETE FROM", b"VACUUM", b"INSERT INTO titan_ops"])
def test_a_clean_up_goes_on_where_it_was(
    lost: bytes, settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    db.execute("CREATE TABLE public.logs (id int PRIMARY KEY, at timestamptz NOT NULL)")
    db.execute("INSERT INTO public.logs SELECT i, now() - i * interval '1 hour' FROM generate_series(1, 5000) i")
    policy = {"table": "public.logs", "column": "at", "keep": "100d"}
    assert not call_module("retention_policy", **login(settings), policies=[policy]).get("failed")
    options = {"require_backup_within": "off", "max_fraction": 1.0}
    with proxy(settings) as network:
        network.lose_answer_to = lost
        result = call_module("cleanup", **login(network.settings), **options)
        assert network.lost == 1, result
    assert result["failed"] and "connection" in result["msg"], result
    left = db.value("SELECT count(*) FROM public.logs WHERE at < now() - interval '100 days'")
    one = result["results"][0]
    assert one["left"] in (None, left), (one, left)
    again = call_module("cleanup", **login(settings), **options)
    assert not again.get("failed") and again["results"][0]["left"] == 0, again
    assert db.value("SELECT count(*) FROM public.logs") in (2399, 2400)


@pytest.mark.parametrize("lost", [b"^COMMIT", b"COPY (DELETE"])
def test_a_row_is_in_the_database_or_in_its_archive(
    lost: bytes, settings: ConnectionSettings, db: Database, tmp_path: Path, call_module: Module
) -> None:
    """And the archive's manifest is true, whatever became of the batch whose answer was lost."""
    db.execute("CREATE TABLE public.logs (id int PRIMARY KEY, at timestamptz NOT NULL)")
    db.execute("INSERT INTO public.logs SELECT i, now() - i * interval '1 hour' FROM generate_series(1, 5000) i")
    tmp_path.chmod(0o700)
    policy = {"table": "public.logs", "column": "at", "keep": "100d", "archive": str(tmp_path)}
    assert not call_module("retention_policy", **login(settings), policies=[policy]).get("failed")
    options = {"require_backup_within": "off", "max_fraction": 1.0, "allowed_archives": [str(tmp_path)]}
    with proxy(settings) as network:
        network.lose_answer_to, network.lose_after = lost, b"COPY (DELETE"
        result = call_module("cleanup", **login(network.settings), **options)
        assert network.lost == 1 and result["failed"], result
    assert not call_module("cleanup", **login(settings), **options).get("failed")
    kept: set[int] = {row["id"] for row in db.rows("SELECT id FROM public.logs")}
    archived: list[int] = []
    for path in tmp_path.glob("*.copy"):
        lines = path.read_text().splitlines()
        assert json.loads(Path(f"{path}.manifest.json").read_text())["rows"] == len(lines), path
        archived += [int(line.split("\t")[0]) for line in lines]
    assert kept | set(archived) == set(range(1, 5001)) and not kept & set(archived)


def test_a_policy_that_was_stored_is_no_failure_twice(
    settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    db.execute("CREATE TABLE public.logs (id int PRIMARY KEY, at timestamptz NOT NULL)")
    policy = {"table": "public.logs", "column": "at", "keep": "100d"}
    with proxy(settings) as network:
        network.lose_answer_to = b"COMMIT"
        result = call_module("retention_policy", **login(network.settings), policies=[policy])
    stored = db.value("SELECT count(*) FROM titan_ops.retention_policy")
    assert stored == 1 and result["changed"] is True and not result.get("failed"), result


def test_a_restore_that_took_its_place_is_no_failure(
    settings: ConnectionSettings, db: Database, server: Any, tmp_path: Path, call_module: Module
) -> None:
    """The answer to the COMMIT that renames both databases is lost."""
    db.execute("CREATE TABLE public.t (id int PRIMARY KEY)")
    tmp_path.chmod(0o700)
    options = {"dest": str(tmp_path), "name": "t", "programs": drill_programs()}
    assert not call_module("backup", **login(settings), **options).get("failed")
    db.execute("CREATE TABLE public.only_in_the_live_one ()")
    db.close()
    with proxy(settings) as network:
        network.lose_answer_to, network.lose_after = b"^COMMIT", b"RENAME TO"
        result = call_module("restore", **login(network.settings), **options, into=settings.database, swap=True)
        assert network.lost == 1, result
    assert not result.get("failed") and result["changed"], result
    previous = result["previous_database"]
    db.reconnect()
    try:
        assert db.value("SELECT to_regclass('public.t') IS NOT NULL")
        assert db.value("SELECT to_regclass('public.only_in_the_live_one') IS NULL")
        names = db.rows(
            "SELECT datname::text AS name FROM pg_database WHERE starts_with(datname, %s)", (settings.database,)
        )
        assert {row["name"] for row in names} == {settings.database, previous}
        assert db.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'titan%%load%%'") == 0
    finally:
        drop_database(server, previous)


@pytest.mark.parametrize("lost", [b"^CREATE ROLE", b"^CREATE DATABASE", b"^COMMENT ON DATABASE", b"^ALTER DATABASE"])
def test_a_restore_that_lost_its_connection_leaves_nothing(
    lost: bytes, settings: ConnectionSettings, db: Database, tmp_path: Path, call_module: Module
) -> None:
    """Whatever it was about to make on the server is gone; the next one restores."""
    db.execute(f"CREATE TABLE public.t (id int PRIMARY KEY); ALTER DATABASE {settings.database} SET work_mem = '8MB'")
    tmp_path.chmod(0o700)
    options = {"dest": str(tmp_path), "name": "t", "programs": drill_programs(), "into": f"{settings.database}_new"}
    taken = {name: options[name] for name in ("dest", "name", "programs")}
    assert not call_module("backup", **login(settings), **taken, verify="checksum").get("failed")
    with proxy(settings) as network:
        network.lose_answer_to = lost
        result = call_module("restore", **login(network.settings), **options)
        assert network.lost == 1, result
    assert result["failed"] and "connection" in result["msg"], result
    names = "SELECT count(*) FROM pg_database WHERE starts_with(datname, %s) AND datname <> %s"
    assert db.value(names, (settings.database, settings.database)) == 0, result
    assert not call_module("restore", **login(settings), **options).get("failed")
    assert db.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'titan%%restore%%'") == 0
    db.execute(f"DROP DATABASE {settings.database}_new")


@pytest.mark.parametrize("lose_after", [b"SELECT pg_catalog.setval", b"REASSIGN OWNED"])
def test_tables_that_were_restored_beside_are_no_failure(
    lose_after: bytes, settings: ConnectionSettings, db: Database, tmp_path: Path, call_module: Module
) -> None:
    """The answer to the COMMIT of the tables is lost, or to that which gives them their owner and schema."""
    db.execute("CREATE TABLE public.t (id serial PRIMARY KEY); INSERT INTO public.t SELECT FROM generate_series(1, 50)")
    tmp_path.chmod(0o700)
    options = {"dest": str(tmp_path), "name": "t", "programs": drill_programs()}
    assert not call_module("backup", **login(settings), **options, verify="checksum").get("failed")
    with proxy(settings) as network:
        network.lose_answer_to, network.lose_after = b"^COMMIT", lose_after
        result = call_module("restore", **login(network.settings), **options, tables=["public.t"])
        assert network.lost == 1, result
    assert not result.get("failed") and result["changed"], result
    found = db.rows(
        "SELECT relname::text AS name, pg_get_userbyid(relowner)::text AS owner FROM pg_class WHERE relname LIKE 't%%restored%%'"
    )
    (beside,) = [row for row in found if "pkey" not in row["name"] and "seq" not in row["name"]]
    assert beside["owner"] == settings.user and db.value(f"SELECT count(*) FROM public.{beside['name']}") == 50
    assert db.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'titan%%restoring%%'") == 0


@pytest.mark.parametrize(
    "lose_after", [b"INSERT INTO titan_ops.migration_history", b"INSERT INTO titan_ops.migration_fingerprint"]
)
def test_a_baseline_that_was_recorded_is_no_failure(
    lose_after: bytes, settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    """The answer to the COMMIT of the records, or to that of the schema's fingerprint, is lost."""
    texts = files(_1_t="CREATE TABLE public.t (id int);", _2_u="CREATE TABLE public.u (id int);")
    db.execute("CREATE TABLE public.t (id int); CREATE TABLE public.u (id int)")
    with proxy(settings) as network:
        network.lose_answer_to, network.lose_after = b"^COMMIT", lose_after
        result = call_module(
            "migration", **login(network.settings), files=texts, state="baselined", accept_unproven=["1", "2"]
        )
        assert network.lost == 1, result
    assert not result.get("failed") and result["changed"], result
    recorded = db.value("SELECT count(*) FROM titan_ops.migration_history WHERE outcome = 'applied'")
    assert recorded == 2, (result, db.rows("SELECT * FROM titan_ops.migration_history"))
    assert call_module("migration", **login(settings), files=texts)["changed"] is False


@pytest.mark.parametrize("arrives", [True, False])
def test_what_another_tool_recorded_is_taken_over_once(
    arrives: bool, settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    """The answer to the COMMIT is lost, or the one before it, so that there is none."""
    text = "-- migrate:up\nCREATE TABLE public.t (id int);\n-- migrate:down\nDROP TABLE public.t;\n"
    db.execute(
        "CREATE TABLE public.t (id int); CREATE TABLE public.schema_migrations (version varchar(128) PRIMARY KEY)"
    )
    db.execute("INSERT INTO public.schema_migrations VALUES ('1')")
    options = {
        "files": files(_1_t=text), "naming": "dbmate", "state": "adopted", "from": "dbmate"
    }  # fmt: skip
    with proxy(settings) as network:
        network.lose_answer_to = b"^COMMIT" if arrives else b"pg_current_xact_id"
        network.lose_after = b"INSERT INTO titan_ops.migration_history"
        result = call_module("migration", **login(network.settings), **options)
        assert network.lost == 1, result
    assert result.get("failed", False) is not arrives, result
    recorded = db.value("SELECT count(*) FROM titan_ops.migration_history WHERE outcome = 'applied'")
    assert recorded == (1 if arrives else 0)
    again = call_module("migration", **login(settings), **options)
    assert not again.get("failed") and again["changed"] is not arrives, again


def test_an_index_that_was_rebuilt_is_not_said_to_have_failed(
    settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    db.execute("CREATE TABLE public.t (id int, v text)")
    db.execute(
        "INSERT INTO public.t SELECT i, md5(i::text) FROM generate_series(1, 20000) i; CREATE INDEX t_v ON public.t (v)"
    )
    db.execute("DELETE FROM public.t WHERE id % 10 <> 0")
    db.execute("VACUUM ANALYZE public.t")
    before = db.value("SELECT 'public.t_v'::regclass::oid")
    with proxy(settings) as network:
        network.lose_answer_to = b"^REINDEX INDEX CONCURRENTLY"
        result = call_module("reindex", **login(network.settings), min_size_mb=0)
        assert network.lost == 1, result
    after = db.value("SELECT 'public.t_v'::regclass::oid")
    assert result["failed"] and result["changed"] is (before != after), result
    assert [one["index"] for one in result["reindexed"]] == (["public.t_v"] if before != after else []), result
    assert ("after it was rebuilt" if before != after else "It was not rebuilt") in result["msg"], result["msg"]
    again = call_module("reindex", **login(settings), min_size_mb=0)
    assert not again.get("failed") and again["changed"] is (before == after), again
