# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks through one relation in batches: by location on disk, by the time's index, or by the key's.

Each batch is committed, so a run that is cut off keeps its work. What a batch left, because it was locked or was
written meanwhile, is looked for again at the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...postgres.database import Database, Row, sql
from ..plan.pages import PageRange
from ..plan.planner import FIRST_BATCH, LARGEST_BATCH, SMALLEST_BATCH, Strategy, next_batch, page_bounds
from .batch import Work, run_batch

_PASSES = 5  # the first at once: most of what is left was moved by an update, not locked


@dataclass(frozen=True)
class Left:
    """Due rows that are still there, and the first and last page that holds one (-1 without any)."""

    rows: int
    first: int
    last: int


def run(work: Work, strategy: Strategy) -> int:
    """Work through the relation until nothing is due, the time is up, or only locked rows are left; return how many."""
    if strategy.kind == "keyset":
        with _through_indexes(work.database):
            _keyset(work)
    elif strategy.kind == "pk_window" and work.page_range:
        with _through_indexes(work.database):
            _windows(work, work.page_range)
    else:
        before = _pages(work)
        pages = work.page_range or PageRange(0, before - 1)
        _sweep(work, pages.first_page, pages.last_page + 1)
        _sweep(work, max(pages.last_page + 1, before - 1), _pages(work))  # updates move due rows to the relation's end
    if work.tally.partial:  # counting would read the relation again, and the time is over
        return 0
    left, attempt = _remaining(work), 0
    while left.rows and attempt < _PASSES and not work.tally.partial:
        if attempt:
            time.sleep(min(0.05 * 2**attempt, max(0.0, work.limits.deadline - time.monotonic())))
        rows = work.tally.rows
        _sweep(work, left.first, left.last + 1)
        left = _remaining(work)
        freeing = (
            work.rows_refer and work.tally.rows > rows
        )  # a row that went may have been the last that referred to another
        attempt = 0 if freeing else attempt + 1
    return left.rows


def _pages(work: Work) -> int:
    size = "SELECT pg_relation_size(%s::oid) / current_setting('block_size')::bigint"
    return int(work.database.value(size, (work.leaf.oid,)))


def _remaining(work: Work) -> Left:
    """What is still due in the relation."""
    row = find_without_index_scan(
        work.database,
        sql.SQL(
            "SELECT count(*) AS rows, coalesce((min(ctid)::text::point)[0], -1)::bigint AS first, "
            "coalesce((max(ctid)::text::point)[0], -1)::bigint AS last FROM ONLY {} WHERE {}"
        ).format(work.relation, work.condition),
    )
    return Left(row["rows"], row["first"], row["last"])


def find_without_index_scan(database: Database, query: Any) -> Row:
    """The query's row, found by reading pages or a bitmap of them.

    An index scan would mark each entry of a row that has just gone, and with checksums the server writes every page that
    it marks to its log: about an eighth more log than the deletion itself.
    """
    with database.transaction():
        database.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off")
        return database.row(query) or {}


@contextmanager
def _through_indexes(database: Database) -> Iterator[None]:
    """Keep the planner from reading the whole relation for one batch, whatever the statistics say."""
    database.execute("SET enable_seqscan = off")
    try:
        yield
    finally:
        if not database.closed:
            database.execute("RESET enable_seqscan")


def _around(work: Work, location: Any) -> Any:
    """The statement that changes the due rows of a location but those that others hold locked."""
    return sql.SQL(
        "{change} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ONLY {relation} WHERE {location} AND {due} FOR UPDATE SKIP LOCKED)) AND {due}"
    ).format(change=work.change, relation=work.relation, location=location, due=work.condition)


def _plain(work: Work, location: Any) -> Any:
    return sql.SQL("{} WHERE {} AND {}").format(work.change, location, work.condition)


def _sweep(work: Work, first: int, end: int) -> None:
    """Visit the pages from first to end (exclusive) in order of their location."""
    smallest, size, largest = page_bounds(work.rows, _pages(work))
    page = first
    while page < end and not _stop(work):
        upto = min(page + size, end)
        location = sql.SQL("ctid >= {}::tid AND ctid < {}::tid").format(
            sql.Literal(f"({page},0)"), sql.Literal(f"({upto},0)")
        )
        done = run_batch(work, _plain(work, location), _around(work, location), bounded=upto - page > smallest)
        size = next_batch(upto - page, done.seconds, work.limits.target, smallest, largest, done.waited)
        page = page if done.cut_short else upto


def _windows(work: Work, page_range: PageRange) -> None:
    """Walk the key from the first due row's to the last's, so many values at a time."""
    key, low, size = sql.Identifier(page_range.key), page_range.low, FIRST_BATCH
    while not _stop(work):
        window = sql.SQL(
            "SELECT max(k) AS upto, count(*) AS seen FROM (SELECT {k} AS k FROM ONLY {relation} WHERE {k} >= {low} AND {k} <= {high} "
            "ORDER BY {k} LIMIT {size}) w"
        ).format(k=key, relation=work.relation, low=sql.Literal(low), high=sql.Literal(page_range.high), size=sql.Literal(size))  # fmt: skip
        row = work.database.row(window)
        if not row or not row["seen"]:
            return
        within = sql.SQL("{k} >= {low} AND {k} <= {upto}").format(
            k=key, low=sql.Literal(low), upto=sql.Literal(row["upto"])
        )
        done = run_batch(work, _plain(work, within), _around(work, within), bounded=size > SMALLEST_BATCH)
        size = next_batch(size, done.seconds, work.limits.target, SMALLEST_BATCH, LARGEST_BATCH, done.waited)
        low = low if done.cut_short else row["upto"] + 1


_KEYSET = """
WITH batch AS MATERIALIZED (
    SELECT ctid AS location, {column} AS at FROM ONLY {relation} WHERE {due} AND {after} ORDER BY {column}, ctid LIMIT {size} {lock}),
deleted AS ({change} WHERE ctid = ANY (ARRAY(SELECT location FROM batch ORDER BY location)) AND {due} RETURNING 1)
SELECT (SELECT count(*) FROM deleted) AS rows, (SELECT count(*) FROM batch) AS seen,
       (SELECT at::text FROM batch ORDER BY at DESC, location DESC LIMIT 1) AS at,
       (SELECT location::text FROM batch ORDER BY at DESC, location DESC LIMIT 1) AS location
"""


def _keyset(work: Work) -> None:
    """Walk the index on the time column from the oldest row, remembering the location."""
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
        last: Row = {}
        done = run_batch(work, plain, around, size > SMALLEST_BATCH, partial(_fetch, work, last))
        if not done.cut_short:
            if not last.get("seen"):
                return
            after = sql.SQL("{c} >= {at}::{kind} AND ({c}, ctid) > ({at}::{kind}, {location}::tid)").format(
                c=column, at=sql.Literal(last["at"]), kind=sql.SQL(kind), location=sql.Literal(last["location"])
            )
        seen = size if done.cut_short else int(last["seen"])
        size = next_batch(seen, done.seconds, work.limits.target, SMALLEST_BATCH, LARGEST_BATCH, done.waited)


def _fetch(work: Work, last: Row, query: Any) -> int:
    """Run the query, keep its row in last, and return how many rows went."""
    last.update(work.database.row(query) or {})
    return int(last["rows"])


def _stop(work: Work) -> bool:
    tally = work.tally
    if time.monotonic() >= work.limits.deadline:
        tally.ended_by = "max_runtime has passed"
    else:
        tally.ended_by = work.limits.throttle(work.limits.deadline)
    tally.partial = bool(tally.ended_by)
    return tally.partial
