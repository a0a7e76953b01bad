# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of other tables that refer to a policy's rows, and so keep the server from deleting them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...postgres.database import Database, sql

_DEEPEST = 8  # cascades that are followed

# The operator compares the referenced column with the referencing one, in this order.
_QUERY = """
SELECT f.oid::bigint AS oid, f.confdeltype::text AS action, f.confrelid::bigint AS target, f.conrelid::bigint AS child,
       (SELECT relkind = 'p' FROM pg_class WHERE oid = f.confrelid) AS partitioned,
       n.nspname::text AS schema, c.relname::text AS name,
       ARRAY(SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY k(num, place)
               JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num ORDER BY k.place) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY k(num, place)
               JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.num ORDER BY k.place) AS keys,
       ARRAY(SELECT format('OPERATOR(%%I.%%s)', m.nspname, o.oprname) FROM unnest(f.conpfeqop) WITH ORDINALITY k(num, place)
               JOIN pg_operator o ON o.oid = k.num JOIN pg_namespace m ON m.oid = o.oprnamespace ORDER BY k.place) AS operators,
       has_table_privilege(f.conrelid, 'SELECT') AND NOT row_security_active(f.conrelid) AS readable
  FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE f.contype = 'f' AND f.confrelid = ANY (%s::oid[]) AND f.conparentid = 0 AND f.confdeltype IN ('a', 'r', 'c')
   AND ((SELECT relkind = 'p' FROM pg_class WHERE oid = f.confrelid) OR EXISTS (
       SELECT FROM pg_trigger t WHERE t.tgconstraint = f.oid AND t.tgrelid = f.confrelid AND t.tgenabled IN ('O', 'A')))
 ORDER BY n.nspname, c.relname, f.oid
"""


@dataclass(frozen=True)
class Reference:
    """A foreign key that stops deleting a row.

    Attributes:
        target: The table (oid) that it refers to; 0 when that is partitioned: then all partitions.
        schema, name: Of the table that refers.
        columns, keys, operators: Of the referring table, of the referenced one, and what compares key and column.
        own: The table refers to itself.
        readable: The role may read the referring table; if not, nothing can be predicted.
        through: References to the referring table, whose rows would be deleted too (ON DELETE CASCADE); empty: it stops by itself.
    """

    target: int
    schema: str
    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    operators: tuple[str, ...]
    own: bool
    readable: bool
    through: tuple[Reference, ...] = ()

    @property
    def shown(self) -> str:
        """The tables and columns on the way, for people."""
        here = f"{self.schema}.{self.name} ({', '.join(self.columns)})"
        return here if not self.through else f"{' and '.join(one.shown for one in self.through)} through {here}"

    @property
    def all_readable(self) -> bool:
        return self.readable and all(one.all_readable for one in self.through)

    def condition(self, depth: int = 0) -> Any:
        """That a row refers, as SQL over the referenced table's columns without its name.

        The inner columns have names of their own, so that the outer ones need no qualification.
        """
        numbers = range(len(self.columns))
        inner = [sql.Identifier(f" f{depth}_{number}") for number in numbers]
        keys = [sql.Identifier(key) if depth == 0 else sql.Identifier(f" k{depth}_{key}") for key in self.keys]
        outside = sorted({key for one in self.through for key in one.keys})
        selected: list[Any] = [
            *(sql.SQL("c.{} AS {}").format(sql.Identifier(self.columns[n]), inner[n]) for n in numbers),
            *(
                sql.SQL("c.{} AS {}").format(sql.Identifier(key), sql.Identifier(f" k{depth + 1}_{key}"))
                for key in outside
            ),
        ]
        parts: list[Any] = [sql.SQL("{} {} {}").format(keys[n], sql.SQL(self.operators[n]), inner[n]) for n in numbers]
        if self.own and depth == 0:  # a row that refers to itself does not stop itself
            selected += [sql.SQL('c.ctid AS " at"'), sql.SQL('c.tableoid AS " in"')]
            parts.append(sql.SQL('NOT (" at" = ctid AND " in" = tableoid)'))
        if self.target and depth == 0:
            parts.append(sql.SQL("tableoid = {}").format(sql.Literal(self.target)))
        if self.through:
            nested = [one.condition(depth + 1) for one in self.through]
            parts.append(sql.SQL("({})").format(sql.SQL(" OR ").join(nested)))
        return sql.SQL("EXISTS (SELECT FROM (SELECT {} FROM {} c) r WHERE {})").format(
            sql.SQL(", ").join(selected), sql.Identifier(self.schema, self.name), sql.SQL(" AND ").join(parts)
        )


def references_to(database: Database, oids: list[int], seen: frozenset[int] = frozenset()) -> tuple[Reference, ...]:
    """The foreign keys that stop deleting rows of these relations, also those that stop what a cascade would delete."""
    if len(seen) >= _DEEPEST:
        return ()
    found = []
    for row in database.rows(_QUERY, (oids,)):
        through: tuple[Reference, ...] = ()
        if row["action"] == "c":
            if row["oid"] in seen:
                continue
            through = references_to(database, [row["child"]], seen | {row["oid"]})
            if not through:
                continue
        found.append(
            Reference(
                target=0 if row["partitioned"] or len(oids) == 1 else row["target"],
                schema=row["schema"],
                name=row["name"],
                columns=tuple(row["columns"]),
                keys=tuple(row["keys"]),
                operators=tuple(row["operators"]),
                own=row["child"] == row["target"],
                readable=bool(row["readable"]),
                through=through,
            )
        )
    return tuple(found)
