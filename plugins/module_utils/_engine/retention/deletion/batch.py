# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One batch: committed at once, given up when it takes too long, and with an eye on who waits for it.

A batch that meets a locked row gives up within lock_timeout and is repeated stepping around locked rows, so that nobody
queues up behind it. A batch that takes longer than the target is cancelled, so that its locks go, and is repeated
smaller; only the smallest may take its time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Callable

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ...postgres.sqlstates import FOREIGN_KEY_VIOLATION, LOCK_CONFLICTS, QUERY_CANCELED
from ...steps import step
from ..plan.count import Dated
from ..plan.pages import PageRange
from ..policies.predicate import change, due
from ..policies.references import own_paths
from ..policies.tables import Leaf, Table
from .along import NotDueError, Witness
from .archive import Archive

# Few sessions wait for a lock at any time, and only these are asked for whom they wait.
_WAITING = """
SELECT count(*) FROM (SELECT DISTINCT pid FROM pg_locks WHERE NOT granted LIMIT 20) w
 WHERE pg_backend_pid() = ANY (pg_blocking_pids(w.pid))
"""
_COUNT_WAITING_EVERY = 0.2  # seconds; counting them costs about a millisecond, while the batch holds its locks


@dataclass(frozen=True)
class Limits:
    """How gently and how long.

    Attributes:
        target: Seconds that no batch should exceed.
        pause: After each batch, as a share of the batch's time.
        deadline: On the monotonic clock; no batch begins later.
        throttle: Called before each batch with the deadline; returns why the run has to end, or an empty string.
    """

    target: float
    pause: float
    deadline: float
    throttle: Callable[[float], str] = lambda deadline: ""


@dataclass
class Tally:
    """What has been done so far; partial when max_runtime or the throttle ended it, with the reason.

    Attributes:
        stepped_around: Batches that met a locked row.
        cut_short: Batches that were cancelled because they took too long.
        waited_for: Batches that blocked another session.
        dropped: Partitions that were dropped whole.
    """

    rows: int = 0
    batches: int = 0
    longest: float = 0.0
    stepped_around: int = 0
    cut_short: int = 0
    waited_for: int = 0
    partial: bool = False
    ended_by: str = ""
    dropped: list[str] = field(default_factory=list)
    waiting_counted: float = float("-inf")


@dataclass(frozen=True)
class Work:
    """One policy on one relation."""

    database: Database
    table: Table
    leaf: Leaf
    dated: Dated
    limits: Limits
    tally: Tally
    rows: int
    archive: Archive | None = None
    page_range: PageRange | None = None
    witness: Witness | None = None

    @property
    def rows_refer(self) -> bool:
        """Whether rows of the table refer to others of it."""
        return bool(own_paths(self.table.references))

    @property
    def condition(self) -> Any:
        return due(self.dated.policy, self.table, self.dated.cut, self.dated.clock)

    @property
    def change(self) -> Any:
        return change(self.dated.policy, self.table, self.leaf, self.dated.clock)

    @property
    def relation(self) -> Any:
        return sql.Identifier(self.leaf.schema, self.leaf.name)


@dataclass(frozen=True)
class Batched:
    """What became of a batch: its rows and seconds; cut_short when it was cancelled; waited when somebody waited for it."""

    rows: int = 0
    seconds: float = 0.0
    cut_short: bool = False
    waited: bool = False


def run_batch(work: Work, plain: Any, around: Any, bounded: bool, fetch: Callable[[Any], int] | None = None) -> Batched:
    """Run one batch, commit it, pause.

    Args:
        work: On what.
        plain, around: The statement, and the one that steps around locked rows.
        bounded: Cancel it when it takes longer than the target.
        fetch: Runs a statement and returns its rows; without it the statement's own count is taken.
    """
    step("cleanup.batch")
    done = _attempts(work, plain, around, bounded, fetch or work.database.execute)
    step("cleanup.batched")
    tally = work.tally
    tally.rows += done.rows
    tally.batches += 1 if done.rows else 0
    tally.cut_short += done.cut_short
    tally.waited_for += done.waited
    time.sleep(min(max(work.limits.pause, 1.0 if done.waited else 0.0) * done.seconds, 1.0))
    return done


def _attempts(work: Work, plain: Any, around: Any, bounded: bool, fetch: Callable[[Any], int]) -> Batched:
    seconds, refused = 0.0, False
    for query in _variants(work, plain, around):
        begun = time.monotonic()
        try:
            rows, waiting = _committed(work, query, bounded, fetch)
            seconds = time.monotonic() - begun
            return Batched(rows, seconds, waited=waiting > 0)
        except NotDueError:
            if refused:
                raise
            refused = True  # the next statement sees the row that came
            work.tally.stepped_around += 1
        except DatabaseError as error:
            seconds = time.monotonic() - begun
            if bounded and error.sqlstate == QUERY_CANCELED and seconds >= 0.9 * work.limits.target:
                return Batched(0, seconds, cut_short=True)
            if error.sqlstate == FOREIGN_KEY_VIOLATION and not refused and work.table.references:
                refused = True  # a row that refers has come since the statement began; the next statement sees it
            elif error.sqlstate not in LOCK_CONFLICTS:
                raise
            work.tally.stepped_around += 1
        finally:
            work.tally.longest = max(work.tally.longest, time.monotonic() - begun)
    return Batched(0, seconds)


def _variants(work: Work, plain: Any, around: Any) -> Iterator[Any]:
    if not work.dated.policy.contended:
        yield plain
    yield around


def _committed(work: Work, query: Any, bounded: bool, fetch: Callable[[Any], int]) -> tuple[int, int]:
    """The rows of the committed statement, and how many sessions were waiting for it just before the commit."""
    waiting: list[int] = []

    def count_waiting() -> None:
        work.tally.waiting_counted = time.monotonic()
        waiting.append(int(work.database.value(_WAITING)))

    # Two statements in one message are one transaction, so the limit goes with it and costs no round trip of its own.
    limit = f"SET LOCAL statement_timeout = {int(work.limits.target * 1000)}; " if bounded else ""
    counting = time.monotonic() - work.tally.waiting_counted >= _COUNT_WAITING_EVERY
    if work.witness and work.witness.needed:
        rows = _witnessed(work, query, f"BEGIN; {limit}", fetch, count_waiting if counting else None)
    elif work.archive:
        last = (lambda _rows: count_waiting()) if counting else None
        rows = work.archive.delete(work.database, query, f"BEGIN; {limit}", last)
    elif counting:
        with work.database.transaction(f"BEGIN; {limit}"):
            rows = fetch(query)
            count_waiting()
    else:
        rows = fetch(sql.SQL(limit) + query)
    return rows, sum(waiting)


def _witnessed(
    work: Work, query: Any, begin: str, fetch: Callable[[Any], int], before_commit: Callable[[], None] | None
) -> int:
    """Run the statement in a transaction in which the server's counters say what else it has deleted or changed.

    Raises:
        NotDueError: rows that are not due went along; nothing was committed.
    """
    database, witness = work.database, work.witness
    if witness is None:
        return fetch(query)
    found: Counter[tuple[str, str]] = Counter()
    before: dict[int, tuple[int, int]] = {}

    def judge(rows: int) -> None:
        found.update(witness.judge(database, before, rows))
        if before_commit:
            before_commit()

    if work.archive:
        rows = work.archive.delete(database, query, begin, judge, lambda: before.update(witness.read(database)))
    else:
        with database.transaction(begin):
            before.update(witness.read(database))
            rows = fetch(query)
            judge(rows)
    witness.add(found)
    return rows
