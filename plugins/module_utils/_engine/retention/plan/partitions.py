# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partitions that hold nothing but due rows, and those that an earlier run has detached but not dropped."""

from __future__ import annotations

import re
from dataclasses import replace

from ...postgres.database import Database, sql
from ..policies.foreign_keys import is_referenced
from ..policies.policy import Policy
from ..policies.tables import Leaf, Table
from ..policies.time_formats import TIME_TYPES

_UPPER = re.compile(r" TO \('((?:[^']|'')*)'\)$")


def expired_leaves(database: Database, table: Table, policy: Policy, cut: str) -> set[int]:
    """The partitions whose upper bound is not after the cut-off, if the table is partitioned by range of the time column.

    Not among them are a partition that a view selects from by name or whose rows others refer to, which cannot be dropped, and
    one with a trigger for each deleted row, which dropping would not fire.
    """
    column = table.columns[policy.column]
    if policy.where or policy.mark or policy.archive or not table.owned or column.base not in TIME_TYPES:
        return set()
    by_time = database.value(
        """
        SELECT p.partstrat = 'r' AND p.partnatts = 1 AND a.attname = %s
          FROM pg_partitioned_table p LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
         WHERE p.partrelid = %s
        """,
        (policy.column, table.oid),
    )
    direct = {
        row["oid"]
        for row in database.rows(
            """
            SELECT i.inhrelid::bigint AS oid FROM pg_inherits i
             WHERE i.inhparent = %s AND NOT EXISTS (
                   SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = i.inhrelid
                      AND d.classid = 'pg_rewrite'::regclass AND d.deptype = 'n')
               AND NOT EXISTS (
                   SELECT FROM pg_trigger t
                    WHERE t.tgrelid = i.inhrelid AND (NOT t.tgisinternal OR t.tgconstraint = 0)
                      AND t.tgenabled IN ('O', 'A') AND t.tgtype::int & 9 = 9)  -- for each deleted row
            """,
            (table.oid,),
        )
    }
    expired = set()
    for leaf in table.leaves if by_time else ():
        upper = _UPPER.search(leaf.bound)
        if leaf.oid in direct and upper:
            kind = sql.SQL(TIME_TYPES[column.base])
            bound, limit = sql.Literal(upper[1].replace("''", "'")), sql.Literal(cut)
            over = database.value(sql.SQL("SELECT {}::{} <= {}::{}").format(bound, kind, limit, kind))
            if over and not is_referenced(database, [table.oid, leaf.oid], leaf.schema, leaf.name):
                expired.add(leaf.oid)
    return expired


def unfinished(database: Database, table: Table) -> list[Leaf]:
    """Partitions that an earlier run has detached, or begun to detach, but not dropped."""
    if not database.value("SELECT to_regclass('titan_ops.retention_detached') IS NOT NULL"):
        return []
    rows = database.rows(
        """
        SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, pg_relation_size(c.oid) AS bytes
          FROM titan_ops.retention_detached d
          JOIN pg_class c ON c.oid = d.partition_oid::oid AND c.relname = d.partition_name AND c.relkind = 'r'
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE d.parent_oid = %s
           AND (NOT c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND i.inhdetachpending))
        """,
        (table.oid,),
    )
    return [Leaf(row["oid"], row["schema"], row["name"], row["bytes"], detached=True) for row in rows]


def with_unfinished(database: Database, table: Table) -> Table:
    """The table with the partitions that an earlier run left detached as its first leaves.

    They come first because only one partition of a table may be pending at a time.
    """
    more = unfinished(database, table)
    oids = {leaf.oid for leaf in more}
    return replace(table, leaves=(*more, *(leaf for leaf in table.leaves if leaf.oid not in oids))) if more else table
