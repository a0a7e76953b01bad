"""The same on PostgreSQL 15: catalog queries must not need a newer server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import login, make_database

from .test_corpus import HISTORY


def test_apply_compare_drift_and_take_back(server15: Cluster, call_module: Callable[..., dict[str, Any]]) -> None:
    settings = make_database(server15)
    sent = [{"name": f"{n}_step.sql", "content": text} for n, text in enumerate(HISTORY, 1)]
    sent.append(
        {"name": "99_i.sql", "content": "CREATE INDEX CONCURRENTLY IF NOT EXISTS twin ON log (b) WHERE b <> ';';"}
    )
    sent.append({"name": "99_i.down.sql", "content": "DROP INDEX CONCURRENTLY IF EXISTS twin;"})
    done = call_module("migration", **login(settings), files=sent)
    assert not done.get("failed"), done["msg"]
    assert len(done["applied"]) == len(HISTORY) + 1
    assert [item["duplicate_of"] for item in done["skipped_indexes"] if item["index"] == "twin"] == ["log_b"]
    assert not call_module("migration", **login(settings), files=sent)["changed"]
    assert not _drift_after_a_restore(server15, settings, call_module, sent)
    with connect(settings) as db:
        db.execute("DROP INDEX public.log_b")
    assert call_module("migration_info", **login(settings), files=sent)["drift"] == [
        {"object": "index public.log_b", "change": "dropped"}
    ]
    back = call_module(
        "migration", **login(settings), files=sent, state="rolled_back", target=str(len(HISTORY)), allow_rollback=True
    )
    assert [item["version"] for item in back["rolled_back"]] == ["99"], back


def _drift_after_a_restore(
    server15: Cluster,
    settings: ConnectionSettings,
    call_module: Callable[..., dict[str, Any]],
    sent: list[dict[str, str]],
) -> list[Any]:
    """What the servers number anew in each database (from 15.20 on, the forms of a table in its columns' options) is no change."""
    restored = make_database(server15)
    at = ["-h", settings.host, "-p", str(settings.port), "-U", settings.user]
    dump = subprocess.run([f"{server15.programs}/pg_dump", *at, settings.database], check=True, capture_output=True)
    psql = [f"{server15.programs}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *at, restored.database]
    subprocess.run(psql, check=True, input=dump.stdout, stdout=subprocess.DEVNULL)
    found = call_module("migration_info", **login(restored), files=sent)
    assert found["drift_known"], found
    return list(found["drift"])
