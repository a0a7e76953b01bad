"""The same on PostgreSQL 15: catalog queries must not need a newer server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
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
    with connect(settings) as db:
        db.execute("DROP INDEX public.log_b")
    assert call_module("migration_info", **login(settings), files=sent)["drift"] == [
        {"object": "index public.log_b", "change": "dropped"}
    ]
    back = call_module(
        "migration", **login(settings), files=sent, state="rolled_back", target=str(len(HISTORY)), allow_rollback=True
    )
    assert [item["version"] for item in back["rolled_back"]] == ["99"], back
