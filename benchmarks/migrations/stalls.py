"""How long an insert waits while the nine indexes are built on the Titan data, with and without a long write transaction.

python benchmarks/migrations/stalls.py --scale 20
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg2

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.titan.database.plugins.module_utils._engine.migrations import (
    operation,
    options,  # noqa: E402
)
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete  # noqa: E402

from tests.conftest import TITAN, embedded_programs, load_titan, make_database, start_server  # noqa: E402

INSERTS = {
    "orders": "INSERT INTO orders (portfolio_id, order_type, side, quantity) SELECT id, 'market', 'buy', 1 FROM portfolios LIMIT 1",
    "system_logs": "INSERT INTO system_logs (level, service, message) VALUES ('info', 'probe', 'x')",
}


class Writer(threading.Thread):
    """Inserts a row every 2 ms and keeps the time of each insert in milliseconds."""

    def __init__(self, parameters: dict[str, str], statement: str) -> None:
        super().__init__(daemon=True)
        self._connection = psycopg2.connect(**parameters)
        self._connection.autocommit = True
        self._statement, self._ended = statement, threading.Event()
        self.times: list[float] = []

    def run(self) -> None:
        with self._connection.cursor() as cursor:
            while not self._ended.is_set():
                began = time.perf_counter()
                cursor.execute(self._statement)
                self.times.append((time.perf_counter() - began) * 1000)
                time.sleep(0.002)

    def end(self) -> list[float]:
        self._ended.set()
        self.join()
        self._connection.close()
        return sorted(self.times)


def measure(settings: Any, hold: float) -> dict[str, Any]:
    """Apply 0010 while two writers insert and, with hold, a write transaction on orders stays open for so many seconds."""
    parameters = settings.parameters()
    writers = {name: Writer(parameters, statement) for name, statement in INSERTS.items()}
    for writer in writers.values():
        writer.start()
    holder = psycopg2.connect(**parameters)
    release = threading.Timer(hold, holder.commit)
    if hold:
        holder.cursor().execute(INSERTS["orders"])
        release.start()
    began = time.perf_counter()
    given = {"path": str(TITAN / "migrations"), "target": "0010"}
    outcome = operation.migration(Call(complete(given, options.MIGRATION), settings))
    seconds = time.perf_counter() - began
    release.cancel()
    holder.close()
    times = {name: writer.end() for name, writer in writers.items()}
    return {
        "held_s": hold,
        "seconds": round(seconds, 2),
        "built": sum(item["outcome"] == "built" for item in outcome.data["applied"][0]["indexes"]),
        **{
            name: {"inserts": len(t), "p99_ms": round(t[int(len(t) * 0.99)], 1), "max_ms": round(t[-1], 1)}
            for name, t in times.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=20)
    scale = parser.parse_args().scale
    cluster = start_server(embedded_programs(), "max_wal_size=8GB")
    try:
        template = load_titan(cluster, scale)
        for hold in (0.0, 8.0):
            print(json.dumps(measure(make_database(cluster, template.database), hold)), flush=True)
    finally:
        cluster.remove()


if __name__ == "__main__":
    main()
