# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about a relation that the planner and the findings need."""

from __future__ import annotations

from dataclasses import replace

from ...postgres.database import Database, sql
from ..policies.predicate import due
from ..policies.tables import Child, Leaf, Table
from .count import Dated, PolicyCount, TableCount
from .pages import PageRange
from .planner import Facts, why_not_keyset


def leaf_facts(
    database: Database, table: Table, leaf: Leaf, dated: Dated, count: TableCount, found: PolicyCount, expired: bool
) -> tuple[Facts, PageRange | None]:
    """What the choice of a strategy for one relation depends on, and where its due rows are.

    Args:
        count, found: What was counted of the table, and for this policy.
        expired: The relation's rows, now and later, are all older than the cut-off.
    """
    rows, due_rows, page_range = (
        count.rows.get(leaf.oid, 0),
        found.due.get(leaf.oid, 0),
        found.page_ranges.get(leaf.oid),
    )
    facts = Facts(
        rows=rows,
        due=due_rows,
        pages=leaf.bytes // int(database.value("SELECT current_setting('block_size')::int")),
        span=page_range.span if page_range else 0,
        index=usable_index(database, leaf, dated.policy.column) if due_rows else "",
        largest_tie=_largest_tie(database, leaf, dated.policy.column, rows) if due_rows else 0,
        expired=expired and rows == due_rows,
        archived=bool(dated.policy.archive),
    )
    if page_range and facts.thinly_spread and why_not_keyset(facts):
        column = key_column(database, table)
        index = key_index(database, leaf, column) if column else ""
        if index:
            page_range = _range_by_key(database, table, leaf, dated, page_range, column)
            facts = replace(facts, key=index, key_share=page_range.key_share)
    return facts, page_range


def _range_by_key(
    database: Database, table: Table, leaf: Leaf, dated: Dated, page_range: PageRange, column: str
) -> PageRange:
    """The page range with the key's bounds among the due rows."""
    row = database.row(
        sql.SQL(
            "SELECT min({k}) FILTER (WHERE {due}) AS low, max({k}) FILTER (WHERE {due}) AS high, min({k}) AS lowest, "
            "max({k}) AS highest FROM ONLY {leaf}"
        ).format(
            k=sql.Identifier(column),
            due=due(dated.policy, table, dated.cut, dated.clock),
            leaf=sql.Identifier(leaf.schema, leaf.name),
        )
    )
    if not row or row["low"] is None:  # they went meanwhile
        return page_range
    share = (row["high"] - row["low"] + 1) / (row["highest"] - row["lowest"] + 1)
    return replace(page_range, key=column, low=row["low"], high=row["high"], key_share=share)


_KEYS = """
SELECT c.relname::text AS index, a.attname::text AS column
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE i.indrelid = %(oid)s AND (a.attname = %(column)s OR %(column)s = '') AND m.amname = 'btree' AND i.indisunique
   AND i.indisvalid AND i.indpred IS NULL AND a.attnotnull AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
   AND (i.indnkeyatts = 1 OR a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%%')
 ORDER BY i.indisprimary DESC, i.indnkeyatts, c.relname LIMIT 1
"""


def key_column(database: Database, table: Table) -> str:
    """The integer column that tells the table's rows apart, alone or as a counter; empty if there is none."""
    row = database.row(_KEYS, {"oid": table.oid, "column": ""})
    return str(row["column"]) if row else ""


def key_index(database: Database, leaf: Leaf, column: str) -> str:
    """The relation's unique index that starts with this column; empty if there is none."""
    row = database.row(_KEYS, {"oid": leaf.oid, "column": column})
    return str(row["index"]) if row else ""


def usable_index(database: Database, leaf: Leaf, column: str) -> str:
    """The name of a valid, whole btree index that starts with the column; empty if there is none."""
    return str(
        database.value(
            """
            SELECT c.relname::text
              FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
              JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
             WHERE i.indrelid = %s AND a.attname = %s AND m.amname = 'btree' AND i.indisvalid AND i.indisready
               AND i.indpred IS NULL
             ORDER BY i.indnkeyatts, c.relname LIMIT 1
            """,
            (leaf.oid, column),
        )
        or ""
    )


def _largest_tie(database: Database, leaf: Leaf, column: str, rows: int) -> float:
    share = database.value(
        "SELECT most_common_freqs[1] FROM pg_stats WHERE schemaname = %s AND tablename = %s AND attname = %s AND NOT inherited",
        (leaf.schema, leaf.name, column),
    )
    return float(share or 0) * rows


def unindexed_children(database: Database, table: Table) -> list[str]:
    """Referencing tables whose foreign key has no index: each deleted row costs a scan of the whole child."""
    rows = database.rows(
        """
        SELECT format('%%s.%%s (%%s)', n.nspname, c.relname, string_agg(a.attname, ', ' ORDER BY k.position)) AS child,
               pg_relation_size(c.oid) AS bytes
          FROM pg_constraint f
          JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          CROSS JOIN LATERAL unnest(f.conkey) WITH ORDINALITY k(attnum, position)
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
         WHERE f.contype = 'f' AND f.confrelid = %s AND NOT EXISTS (
               SELECT FROM pg_index i
                WHERE i.indrelid = f.conrelid AND i.indisvalid AND i.indpred IS NULL
                  AND i.indnkeyatts >= cardinality(f.conkey)
                  AND (SELECT array_agg(u ORDER BY u) FROM unnest(f.conkey) u)
                    = (SELECT array_agg(u::smallint ORDER BY u)
                         FROM unnest((i.indkey::int2[])[0:cardinality(f.conkey) - 1]) u))
         GROUP BY f.oid, n.nspname, c.relname, c.oid ORDER BY 1
        """,
        (table.oid,),
    )
    return [f"{row['child']}, {row['bytes'] // 1024:,} KiB" for row in rows]


_CHILDREN = """
WITH RECURSIVE hit(oid, action) AS (
    SELECT f.conrelid, f.confdeltype FROM pg_constraint f
     WHERE f.contype = 'f' AND f.confdeltype IN ('c', 'n', 'd') AND f.confrelid = ANY (%s::oid[])
    UNION
    SELECT f.conrelid, f.confdeltype FROM hit JOIN pg_constraint f ON f.confrelid = hit.oid
     WHERE f.contype = 'f' AND f.confdeltype IN ('c', 'n', 'd') AND hit.action = 'c')
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, bool_or(h.action = 'c') AS deleted,
       c.relkind <> 'p' AS stores, c.relispartition AS partition, m.nspname || '.' || r.relname AS root
  FROM hit h JOIN pg_class c ON c.oid = h.oid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class r ON r.oid = coalesce(pg_partition_root(c.oid), c.oid) JOIN pg_namespace m ON m.oid = r.relnamespace
 GROUP BY c.oid, n.nspname, c.relname, c.relkind, c.relispartition, m.nspname, r.relname ORDER BY n.nspname, c.relname
"""


def changed_children(database: Database, table: Table) -> tuple[Child, ...]:
    """The tables whose rows the server deletes or changes along with this table's, over any number of steps."""
    rows = database.rows(_CHILDREN, ([table.oid, *(leaf.oid for leaf in table.leaves)],))
    return tuple(Child(**row) for row in rows)


def rules(database: Database, table: Table, event: str) -> list[str]:
    """Names of the enabled rules that rewrite deleting (or updating)."""
    rows = database.rows(
        "SELECT DISTINCT r.rulename::text AS name FROM pg_rewrite r "
        "WHERE r.ev_class = ANY (%s::oid[]) AND r.ev_enabled IN ('O', 'A') AND r.ev_type = %s ORDER BY 1",
        ([table.oid, *(leaf.oid for leaf in table.leaves)], {"delete": "4", "update": "2"}[event]),
    )
    return [row["name"] for row in rows]


def user_triggers(database: Database, table: Table, event: str) -> list[str]:
    """Names of the enabled triggers of users that fire when rows are deleted (or updated)."""
    bit = {"delete": 8, "update": 16}[event]
    rows = database.rows(
        """
        SELECT DISTINCT t.tgname::text AS name FROM pg_trigger t
         WHERE t.tgrelid = ANY (%s::oid[]) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype::int & %s <> 0
         ORDER BY 1
        """,
        ([table.oid, *(leaf.oid for leaf in table.leaves)], bit),
    )
    return [row["name"] for row in rows]
