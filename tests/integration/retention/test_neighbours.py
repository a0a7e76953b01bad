"""Clients that insert, update doomed rows and read meanwhile hardly notice; benchmarks/retention has the full size."""

from __future__ import annotations

import threading
from typing import Any

import psycopg2
import pytest

from benchmarks.retention.run import build, snapshot
from benchmarks.retention.workload import Workload
from tests.conftest import login

ROWS = 300_000
# Milliseconds; an order of magnitude below a single DELETE of this size. A busy machine only ever adds to what a client
# waits, so a second and a third try are allowed to show that it was the machine.
STALL, TRIES = 250.0, 3


@pytest.fixture
def logs(settings: Any) -> Any:
    build(settings, ROWS, index=False, partitioned=False)
    return settings


@pytest.mark.parametrize("dump_running", [False, True])
def test_no_neighbour_waits_for_the_clean_up(
    logs: Any, user_sql: Any, call_module: Any, freely: Any, dump_running: bool
) -> None:
    waits: list[float] = []
    while not waits or (min(waits) >= STALL and len(waits) < TRIES):
        if waits:
            user_sql.execute("DROP TABLE logs")
            build(logs, ROWS, index=False, partitioned=False)
        with snapshot(logs, dump_running), Workload(logs.parameters(), ROWS // 2) as clients:
            result = call_module("cleanup", **{**freely, "pause": 0.1, "vacuum": "auto"}, **login(logs))
        assert not result.get("failed"), result
        one = result["results"][0]
        assert one["deleted"] >= ROWS // 2 - 1 and one["left"] == 0 and one["batches"] > 8
        assert all(len(taken) > 10 for taken in clients.latencies.values()), "the clients did not run"
        waits.append(max(clients.worst(), one["longest_ms"]))
    assert min(waits) < STALL, waits


def test_no_neighbour_waits_for_the_rebuild(logs: Any, user_sql: Any, call_module: Any) -> None:
    """Also behind a transaction that has read the table and stays open for a while."""
    user_sql.execute("DELETE FROM logs WHERE id % 4 <> 0")
    user_sql.execute("VACUUM ANALYZE logs")
    reader = psycopg2.connect(**logs.parameters())
    with Workload(logs.parameters(), ROWS // 2) as clients:
        reader.cursor().execute("SELECT count(*) FROM logs WHERE id < 10")
        threading.Timer(1.0, reader.close).start()
        result = call_module("reindex", lock_timeout_ms=5000, **login(logs))
    assert not result.get("failed") and [one["index"] for one in result["reindexed"]] == ["public.logs_pkey"], result
    assert result["reindexed"][0]["seconds"] > 0.5, "the rebuild did not have to wait for the reader"
    assert clients.worst() < 800, "a client waited behind the reader, too"
