# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting (or marking) the due rows of one relation in small committed batches.

Each batch is one statement in autocommit: what is gone is committed, and a run that is cut off keeps its work. A batch
that meets a locked row gives up within lock_timeout and is repeated stepping around locked rows, so that nobody queues
up behind it; what it left is looked for again at the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

from ..database import Database, sql
from ..errors import DatabaseError
from ..steps import step
from .archive import Archive
from .count import Dated
from .planner import FIRST_BATCH, LARGEST_BATCH, SMALLEST_BATCH, Strategy, next_batch, page_bounds
from .predicate import change, due
from .tables import Leaf, Table

_PASSES = 4
_LOCKED = ("55P03", "40P01")


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
    """What has been done so far; partial when max_runtime or the throttle ended it, with the reason."""

    rows: int = 0
    batches: int = 0
    longest: float = 0.0
    stepped_around: int = 0
    partial: bool = False
    ended_by: str = ""


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

    @property
    def condition(self) -> Any:
        return due(self.dated.policy, self.table, self.dated.cut, self.dated.clock)

    @property
    def change(self) -> Any:
        return change(self.dated.policy, self.table, self.leaf, self.dated.clock)

    def execute(self, query: Any) -> int:
        """Run one batch's statement, through the archive if there is one; return its rows."""
        return self.archive.delete(self.database, query) if self.archive else self.database.execute(query)

    @property
    def relation(self) -> Any:
        return sql.Identifier(self.leaf.schema, self.leaf.name)


def run(work: Work, strategy: Strategy) -> None:
    """Work through the relation until nothing is due, the time is up, or only locked rows are left."""
    if strategy.kind == "keyset":
        _keyset(work)
    else:
        _sweep(work, 0, _pages(work))
    for attempt in range(_PASSES):
        first, last = _remaining(work)
        if last < 0 or work.tally.partial:
            return
        time.sleep(min(0.1 * 2**attempt, max(0.0, work.limits.deadline - time.monotonic())))
        _sweep(work, first, last + 1)


def _pages(work: Work) -> int:
    size = "SELECT pg_relation_size(%s::oid) / current_setting('block_size')::bigint"
    return int(work.database.value(size, (work.leaf.oid,)))


def _remaining(work: Work) -> tuple[int, int]:
    """First and last page that holds a due row; -1 if there is none."""
    row = work.database.row(
        sql.SQL(
            "SELECT coalesce(min(page), -1) AS first, coalesce(max(page), -1) AS last "
            "FROM (SELECT ((ctid::text)::point)[0]::bigint AS page FROM ONLY {} WHERE {}) left_over"
        ).format(work.relation, work.condition)
    )
    return (int(row["first"]), int(row["last"])) if row else (-1, -1)


def _sweep(work: Work, first: int, end: int) -> None:
    """Visit the pages from first to end (exclusive) in order of their place."""
    smallest, size, largest = page_bounds(work.rows, _pages(work))
    page = first
    while page < end:
        if _stop(work):
            return
        upto = min(page + size, end)
        place = sql.SQL("ctid >= {}::tid AND ctid < {}::tid").format(
            sql.Literal(f"({page},0)"), sql.Literal(f"({upto},0)")
        )
        plain = sql.SQL("{} WHERE {} AND {}").format(work.change, place, work.condition)
        around = sql.SQL(
            "{change} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ONLY {relation} WHERE {place} AND {due} {lock})) AND {due}"
        ).format(
            change=work.change,
            relation=work.relation,
            place=place,
            due=work.condition,
            lock=sql.SQL("FOR UPDATE SKIP LOCKED"),
        )
        _rows, seconds = _batch(work, plain, around, work.execute)
        page, size = upto, next_batch(upto - page, seconds, work.limits.target, smallest, largest)


_KEYSET = """
WITH batch AS MATERIALIZED (
    SELECT ctid AS place, {column} AS at FROM ONLY {relation} WHERE {due} AND {after} ORDER BY {column}, ctid LIMIT {size} {lock}),
gone AS ({change} WHERE ctid = ANY (ARRAY(SELECT place FROM batch)) AND {due} RETURNING 1)
SELECT (SELECT count(*) FROM gone) AS rows, (SELECT count(*) FROM batch) AS seen,
       (SELECT at::text FROM batch ORDER BY at DESC, place DESC LIMIT 1) AS at,
       (SELECT place::text FROM batch ORDER BY at DESC, place DESC LIMIT 1) AS place
"""


def _keyset(work: Work) -> None:
    """Walk the index on the time column from the oldest row, remembering the place."""
    column, kind = sql.Identifier(work.dated.policy.column), work.table.columns[work.dated.policy.column].type
    after: Any = sql.SQL("true")
    size = FIRST_BATCH
    while not _stop(work):
        plain, around = (
            sql.SQL(_KEYSET).format(
                column=column, relation=work.relation, due=work.condition, after=after, size=sql.Literal(size),
                change=work.change, lock=sql.SQL(lock),
            )
            for lock in ("", "FOR UPDATE SKIP LOCKED")
        )  # fmt: skip
        found: dict[str, Any] = {}
        _rows, seconds = _batch(work, plain, around, partial(_fetch, work, found))
        if not found.get("seen"):
            return
        after = sql.SQL("{c} >= {at}::{kind} AND ({c}, ctid) > ({at}::{kind}, {place}::tid)").format(
            c=column, at=sql.Literal(found["at"]), kind=sql.SQL(kind), place=sql.Literal(found["place"])
        )
        size = next_batch(int(found["seen"]), seconds, work.limits.target, SMALLEST_BATCH, LARGEST_BATCH)


def _fetch(work: Work, found: dict[str, Any], query: Any) -> int:
    """Run the query, keep its row in found, and return how many rows went."""
    found.update(work.database.row(query) or {})
    return int(found["rows"])


def _stop(work: Work) -> bool:
    tally = work.tally
    if time.monotonic() >= work.limits.deadline:
        tally.ended_by = "max_runtime is over"
    else:
        tally.ended_by = work.limits.throttle(work.limits.deadline)
    tally.partial = bool(tally.ended_by)
    return tally.partial


def _batch(work: Work, plain: Any, around: Any, execute: Callable[[Any], int]) -> tuple[int, float]:
    """Run one batch, commit it, pause; return its rows and seconds."""
    step("cleanup.batch")
    rows, seconds = 0, 0.0
    for query in _forms(work, plain, around):
        begun = time.monotonic()
        try:
            rows = execute(query)
            break
        except DatabaseError as error:
            if error.sqlstate not in _LOCKED:
                raise
            work.tally.stepped_around += 1
        finally:
            seconds = time.monotonic() - begun
            work.tally.longest = max(work.tally.longest, seconds)
    step("cleanup.batched")
    work.tally.rows += rows
    work.tally.batches += 1 if rows else 0
    time.sleep(min(work.limits.pause * seconds, 1.0))
    return rows, seconds


def _forms(work: Work, plain: Any, around: Any) -> Iterator[Any]:
    if not work.dated.policy.contended:
        yield plain
    yield around
