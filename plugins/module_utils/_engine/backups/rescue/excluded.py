# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that a live table would refuse by an exclusion constraint, or because no partition takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...postgres.database import Database, sql
from .sides import Pair

# The columns of an index i (pg_index), those in its expressions and its predicate among them.
INDEX_COLUMNS = """
       (SELECT array_agg(DISTINCT a.attname::text) FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum > 0
           AND (a.attnum = ANY (i.indkey::int2[])
                OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                           AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))) AS columns
"""

_EXCLUSIONS = """
SELECT c.conname::text AS name, coalesce(pg_get_expr(i.indpred, i.indrelid), 'true') AS predicate,
       (SELECT array_agg(pg_get_indexdef(c.conindid, n, true) ORDER BY n) FROM generate_series(1, i.indnkeyatts) n) AS expressions,
       (SELECT array_agg(format('OPERATOR(%%I.%%s)', s.nspname, o.oprname) ORDER BY each.n)
          FROM unnest(c.conexclop) WITH ORDINALITY AS each (oid, n) JOIN pg_operator o ON o.oid = each.oid
          JOIN pg_namespace s ON s.oid = o.oprnamespace) AS operators,
__INDEX_COLUMNS__
  FROM pg_constraint c JOIN pg_index i ON i.indexrelid = c.conindid
 WHERE c.conrelid = %s AND c.conexclop IS NOT NULL ORDER BY 1
""".replace("__INDEX_COLUMNS__", INDEX_COLUMNS)
_PARTITIONS = """
SELECT pg_get_partition_constraintdef(t.relid) AS takes FROM pg_partition_tree(%s::oid::regclass) t
  JOIN pg_class c ON c.oid = %s AND c.relkind = 'p' WHERE t.isleaf AND t.level > 0
"""


def excluded_rows(live: Database, pair: Pair) -> Iterator[tuple[str, Any]]:
    """A clause, and the condition for the rows r, for each exclusion constraint and for the partitions."""
    for row in live.rows(_EXCLUSIONS, (pair.live.oid,)):
        if set(row["columns"]) <= set(pair.columns):
            yield f"exclude a row that is there (constraint {row['name']!r})", meets(pair, row, row["operators"])
    partitioned = live.value("SELECT relkind = 'p' FROM pg_class WHERE oid = %s", (pair.live.oid,))
    if partitioned and set(pair.live.names()) <= set(pair.columns):
        takes = [row["takes"] for row in live.rows(_PARTITIONS, (pair.live.oid, pair.live.oid))]
        if None not in takes:  # the only partition, and the default one
            any_of = sql.SQL(" OR ").join(sql.SQL("({})").format(sql.SQL(each)) for each in takes or ["false"])
            yield "have no partition that takes them: make one", sql.SQL("({}) IS NOT TRUE").format(any_of)


def meets(pair: Pair, row: Mapping[str, Any], operators: Sequence[str]) -> Any:
    """The condition that the rows r meet a live one in an index: expressions as pg_get_indexdef has them, an operator for each."""
    names = [sql.Identifier(f"titan value {n}") for n, _each in enumerate(row["expressions"])]
    values = [sql.SQL("({})").format(sql.SQL(each)) for each in row["expressions"]]
    return sql.SQL(
        "({predicate}) AND EXISTS (SELECT FROM (SELECT {theirs} FROM {table} WHERE {predicate}) l WHERE {all})"
    ).format(
        predicate=sql.SQL(row["predicate"]),
        theirs=sql.SQL(", ").join(sql.SQL("{} AS {}").format(value, name) for value, name in zip(values, names)),
        table=pair.live.relation(),
        all=sql.SQL(" AND ").join(
            sql.SQL("l.{} {} {}").format(name, sql.SQL(operator), value)
            for name, operator, value in zip(names, operators, values)
        ),
    )
