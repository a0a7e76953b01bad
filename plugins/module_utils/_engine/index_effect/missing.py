# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the copy's server says of queries and tables, from which candidates for indexes are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..errors import DatabaseError
from ..postgres.database import Database, sql
from ..text.one_line import printable
from .candidates import Candidate, Existing, candidates_of, is_covered, is_same
from .clauses import BTREE, TRIGRAM, Asked, Key, Table, asked_of, read_whole
from .samples import Prepared

# A plan in which each condition stands where its table is read from the first page to the last, and parameters as $1.
_PLAIN = """
SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL enable_partitionwise_join = off
"""


class Found(NamedTuple):
    """What might serve, and what was left out.

    Attributes:
        candidates: Those of the table that is largest first; each with the queries that it is for.
        rejected: (candidate as text, why).
    """

    candidates: Mapping[Candidate, tuple[str, ...]]
    rejected: tuple[tuple[str, str], ...]


def find_candidates(database: Database, prepared: Sequence[Prepared]) -> Found:
    """Candidates for the tables that these queries read from the first page to the last.

    Args:
        database: The session that has prepared them.
        prepared: The queries.
    """
    wanted: dict[Candidate, list[str]] = {}
    for each in prepared:
        for asked in _asked(database, each):
            for candidate in candidates_of(asked):
                same = next((known for known in wanted if is_same(candidate, known)), candidate)
                names = wanted.setdefault(same, [])
                if each.query.name not in names:
                    names.append(each.query.name)
    tables = list(dict.fromkeys(candidate.table for candidate in wanted))
    pages = {table: _pages(database, table) for table in tables}
    rejected, kept = [], []
    trigrams = database.extension_schema("pg_trgm")
    existing = {table: _existing(database, table) for table in tables}
    for candidate in wanted:
        if is_covered(candidate, existing[candidate.table]):
            continue
        if candidate.special and candidate.special.using == TRIGRAM and not trigrams:
            rejected.append((text_of(candidate), "it needs the extension pg_trgm, which the database does not have"))
            continue
        if pages[candidate.table] is None:
            rejected.append((text_of(candidate), "the table is partitioned, where no index can be built concurrently"))
            continue
        kept.append(candidate)
    kept.sort(key=lambda candidate: -(pages[candidate.table] or 0))
    return Found({each: tuple(wanted[each]) for each in kept}, tuple(rejected))


def _asked(database: Database, prepared: Prepared) -> list[Asked]:
    """What the query asks of the tables that it reads whole, with any of its values."""
    try:
        with read_only(database):
            whole = set().union(*(read_whole(explained(database, each)) for each in prepared.statements))
            if not whole:
                return []
            database.execute(_PLAIN)
            asked = asked_of(explained(database, prepared.statements[0]))
    except DatabaseError:
        if database.closed:
            raise
        return []  # whoever measures it says why it cannot be measured
    return [each for each in asked if each.table in whole]


@contextmanager
def read_only(database: Database) -> Iterator[None]:
    """A transaction for looking, which is rolled back."""
    database.execute("BEGIN READ ONLY")
    try:
        yield
    finally:
        if not database.closed:
            database.execute("ROLLBACK")


def explained(database: Database, statement: Any) -> Mapping[str, Any]:
    """The plan of a prepared statement, which is not executed."""
    row = database.value(sql.SQL("EXPLAIN (VERBOSE, FORMAT JSON) {}").format(statement))
    plan: Mapping[str, Any] = row[0]["Plan"]
    return plan


_PAGES = """
SELECT CASE WHEN c.relkind IN ('r', 'm') AND NOT c.relispartition THEN pg_relation_size(c.oid) / 8192 END AS pages
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s
"""
_EXISTING = """
SELECT ARRAY(SELECT coalesce(a.attname::text, '')
               FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (attnum, place)
               LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND a.attnum <> 0
              ORDER BY k.place) AS columns,
       i.indoption::int2[]::int[] AS options, i.indpred IS NOT NULL AS partial
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE m.amname = 'btree' AND i.indisvalid AND n.nspname = %s AND t.relname = %s
"""
_ORDERS = {0: "", 1: "DESC NULLS LAST", 2: "NULLS FIRST", 3: "DESC"}  # by the bits of pg_index.indoption


def _pages(database: Database, table: Table) -> int | None:
    """How large the table is; None for a partition, or a partitioned table."""
    pages = database.value(_PAGES, tuple(table))
    return None if pages is None else int(pages)


def _existing(database: Database, table: Table) -> list[Existing]:
    return [
        Existing(
            table,
            tuple(Key(name, _ORDERS[option & 3]) for name, option in zip(row["columns"], row["options"])),
            row["partial"],
        )
        for row in database.rows(_EXISTING, tuple(table))
    ]


def text_of(candidate: Candidate) -> str:
    """For people: "public.orders (market_id, created_at DESC)"."""
    if candidate.special:
        using = "" if candidate.special.using == BTREE else " USING gin"
        opclass = f" {TRIGRAM}" if candidate.special.using == TRIGRAM else ""
        return f"{'.'.join(candidate.table)}{using} ({printable(candidate.special.expression)}{opclass})"
    keys = ", ".join(" ".join(filter(None, key)) for key in candidate.keys)
    where = " AND ".join(each.form.format(each.column) for each in candidate.conditions)
    return f"{'.'.join(candidate.table)} ({keys})" + (f" WHERE {where}" if where else "")
