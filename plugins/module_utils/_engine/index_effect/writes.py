# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What writers pay for an index: rows inserted and updated with it and without, in transactions that are rolled back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any, NamedTuple

from ..errors import DatabaseError
from ..postgres.database import Database, sql
from ..postgres.server_process import server_process
from .indexes import Index, absent
from .stopwatch import Spent, Stopwatch, least_of, timed
from .verdict import Verdict, judge

_ROWS, _REPEATS = 100, 3  # rows that one statement writes, and how often in one phase
_FEWEST = 20  # rows below which a table says nothing about the many
NEVER_WRITTEN = "its rows are not written"  # of a materialized view
_SAMPLE = "titan_written_rows"


class Cost(NamedTuple):
    """What one row's insert, or update, takes.

    Attributes:
        without, present: Microseconds for each row, medians of the rounds.
        verdict: "slower" where the index is seen to cost something.
    """

    without: float
    present: float
    verdict: Verdict


class Costs(NamedTuple):
    """Of one index; None where they could not be measured, for which why is a sentence."""

    insert: Cost | None = None
    update: Cost | None = None
    why: str = ""


class _Target(NamedTuple):
    """The table that is written: of a partitioned one, its largest partition.

    Attributes:
        name: For SQL.
        columns: Those that an INSERT may name.
    """

    name: Any
    columns: Any
    first: Any


_TARGET = """
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind = 'm' AS materialized,
       (SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
         WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns
  FROM (SELECT %s::oid AS relid UNION SELECT relid FROM pg_partition_tree(%s) WHERE isleaf) AS tree
  JOIN pg_class c ON c.oid = tree.relid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') ORDER BY pg_relation_size(c.oid) DESC, c.oid LIMIT 1
"""


def measure_costs(database: Database, index: Index, rounds: int) -> Costs:
    """Measure what writes of the index's table pay for it.

    Rows that are there are deleted and inserted again, so that the values are the table's own; an update gives a row its own
    values again, which makes a new version that every index has to know, unless it fits on the same page (HOT).

    Args:
        database: A session in which no trigger fires (session_replication_role = replica).
        index: Which.
        rounds: Of without, with, without.
    """
    row = database.row(_TARGET, (index.table_oid, index.table_oid))
    if row is None or row["materialized"]:
        return Costs(why=NEVER_WRITTEN)
    columns = [sql.Identifier(name) for name in row["columns"] or ()]
    target = _Target(
        sql.Identifier(row["schema"], row["name"]), sql.SQL(", ").join(columns), columns[0] if columns else None
    )
    try:
        with _sampled(database, target) as count:
            if count < _FEWEST:
                return Costs(why=f"the table has fewer than {_FEWEST} rows")
            with server_process(database) as server:
                measured = _Measured(database, index, rounds, count, Stopwatch(server))
                return Costs(_cost(measured, _insert(target)), _cost(measured, _update(target)))
    except DatabaseError as error:
        if error.lost:
            raise
        return Costs(why=error.message)


@contextmanager
def _sampled(database: Database, target: _Target) -> Iterator[int]:
    """A temporary table with rows of the target, numbered from 1; how many."""
    if target.first is None:
        yield 0
        return
    parts = {
        "sample": sql.Identifier(_SAMPLE),
        "table": target.name,
        "columns": target.columns,
        "rows": sql.Literal(_ROWS),
    }
    database.execute(sql.SQL(_MAKE_SAMPLE).format(**parts))
    try:
        yield int(database.value(sql.SQL("SELECT count(*) FROM {sample}").format(**parts)))
    finally:
        if not database.closed:
            database.execute(sql.SQL("DROP TABLE IF EXISTS {sample}").format(**parts))


# Every so manieth row, so that they are from all over the table. The names cannot be a column's: they hold a blank.
_MAKE_SAMPLE = """
CREATE TEMPORARY TABLE {sample} AS
SELECT numbered.* FROM (
  SELECT ctid AS "titan place", row_number() OVER () AS "titan row", count(*) OVER () AS "titan rows", {columns} FROM ONLY {table}
) AS numbered
 WHERE "titan row" % greatest(1, "titan rows" / {rows}) = 0 LIMIT {rows};
ANALYZE {sample}
"""
_DELETE = 'DELETE FROM ONLY {table} WHERE ctid = ANY (ARRAY(SELECT "titan place" FROM {sample}))'
_INSERT = "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {sample}"
_UPDATE = 'UPDATE ONLY {table} SET {first} = {first} WHERE ctid = ANY (ARRAY(SELECT "titan place" FROM {sample}))'


class _Write(NamedTuple):
    """before is executed without the clock; then the statement."""

    before: Any
    statement: Any


def _insert(target: _Target) -> _Write:
    parts = {"table": target.name, "sample": sql.Identifier(_SAMPLE), "columns": target.columns}
    return _Write(sql.SQL(_DELETE).format(**parts), sql.SQL(_INSERT).format(**parts))


def _update(target: _Target) -> _Write:
    parts = {"table": target.name, "sample": sql.Identifier(_SAMPLE), "first": target.first}
    return _Write(None, sql.SQL(_UPDATE).format(**parts))


class _Measured(NamedTuple):
    """What is measured and how: rounds of statements that write so many rows each."""

    database: Database
    hidden: Index
    rounds: int
    rows: int
    watch: Stopwatch


def _cost(measured: _Measured, write: _Write) -> Cost:
    hidden = [measured.hidden]
    _phase(measured, [], write)  # what was read and planned before is so for all
    found = timed(
        [
            (_phase(measured, hidden, write), _phase(measured, [], write), _phase(measured, hidden, write))
            for _round in range(measured.rounds)
        ]
    ).rounds
    without = median(value for each in found for value in (each.before, each.after))
    row = 1000 / measured.rows  # microseconds of one, from the milliseconds of all
    return Cost(without * row, median(each.present for each in found) * row, judge(found))


def _phase(measured: _Measured, hidden: Sequence[Index], write: _Write) -> Spent:
    """What the rows take, at least."""
    database, found = measured.database, []
    with absent(database, hidden):
        for _time in range(_REPEATS):
            database.execute("SAVEPOINT titan_write")
            if write.before is not None:
                database.execute(write.before)
            found.append(measured.watch(partial(database.execute, write.statement)))
            database.execute("ROLLBACK TO SAVEPOINT titan_write; RELEASE SAVEPOINT titan_write")
    return least_of(found)
