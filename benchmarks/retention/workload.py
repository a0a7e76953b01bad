"""Neighbours of a clean-up: clients that insert, update doomed rows and read at a steady rate, each in its own process.

A latency is counted from the moment at which the statement should have started, so a client that had to wait does not
hide the statements that queued up behind it.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg2

STATEMENTS = {
    "insert": "INSERT INTO public.logs (at, level, body) VALUES (now(), 'info', 'a new row')",
    "update doomed": "UPDATE public.logs SET body = 'touched' WHERE id = %(id)s",
    "read": "SELECT body FROM public.logs WHERE id = %(id)s",
}


@dataclass
class Workload:
    """Runs while the block runs; afterwards latencies holds the milliseconds by kind of statement."""

    parameters: dict[str, Any]
    due: int
    rate: float = 50.0
    latencies: dict[str, list[float]] = field(default_factory=dict)

    def __enter__(self) -> Workload:
        context = multiprocessing.get_context("fork")
        self._stop = context.Event()
        self._queue: Any = context.Queue()
        ready = context.Barrier(len(STATEMENTS) + 1)
        self._processes = [
            context.Process(
                target=_client, args=(kind, self.parameters, self.due, self.rate, self._stop, self._queue, ready)
            )
            for kind in STATEMENTS
        ]
        for process in self._processes:
            process.start()
        ready.wait(30)
        time.sleep(0.3)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for _process in self._processes:
            kind, taken = self._queue.get(timeout=60)
            self.latencies[kind] = taken
        for process in self._processes:
            process.join(60)

    def worst(self) -> float:
        """The longest that any client waited, in milliseconds."""
        return max(max(taken, default=0.0) for taken in self.latencies.values())

    def percentile(self, part: float) -> float:
        """A percentile of all statements together, in milliseconds."""
        taken = sorted(one for latencies in self.latencies.values() for one in latencies)
        return taken[min(len(taken) - 1, int(part * len(taken)))] if taken else 0.0


def _client(kind: str, parameters: dict[str, Any], due: int, rate: float, stop: Any, queue: Any, ready: Any) -> None:
    connection = psycopg2.connect(**parameters)
    connection.autocommit = True
    chance = random.Random(kind)  # noqa: S311 (not for secrets)
    taken: list[float] = []
    with connection.cursor() as cursor:
        ready.wait(30)
        planned = time.monotonic()
        while not stop.is_set():
            cursor.execute(STATEMENTS[kind], {"id": chance.randint(1, due)})
            taken.append((time.monotonic() - planned) * 1000)
            planned += 1 / rate
            time.sleep(max(0.0, planned - time.monotonic()))
    connection.close()
    queue.put((kind, taken))
