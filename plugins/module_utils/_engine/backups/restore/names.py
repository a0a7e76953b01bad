# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restored tables and what belongs to them, under names that are free in the live database: renamed in the copy, by the catalog."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import TitanError
from ...postgres.database import Database, sql
from ...text.quoted import quoted_name
from ..load.selection import Selection, first_of
from .prune import Pruned


@dataclass
class Beside:
    """The names under which tables come.

    Attributes:
        selection: What is wanted.
        stamp: The time in their names.
    """

    selection: Selection
    stamp: str
    _given: set[str] = field(default_factory=set)

    def name(self, name: str) -> str:
        """The name and the time, in at most 63 bytes; never the same one twice."""
        for number in range(1, 100_000):
            suffix = f"{'' if number == 1 else f'_{number}'}_restored_{self.stamp}"
            found = name.encode()[: 63 - len(suffix)].decode(errors="ignore") + suffix
            if found not in self._given:
                self._given.add(found)
                return found
        raise TitanError(f"There are too many names that begin as {name!r} does.")

    def planned(self) -> dict[str, str]:
        """The names as far as they are known before anything is restored."""
        found = {}
        for table in self.selection.tables:
            schema, dot, name = table.partition(".")
            schema, name = (schema, name) if dot else ("public", table)
            found[f"{schema}.{name}"] = f"{schema}.{self.name(name)}"
        self._given.clear()
        return {**found, **{schema: self.name(schema) for schema in self.selection.schemas}}


@dataclass(frozen=True)
class Names:
    """Where everything goes.

    Attributes:
        public: The new "schema.table", by the one of the backup; of each wanted schema its new name.
        final: Of each table its schema in the copy, its name, and its schema in the end.
        patterns: The tables, as pg_dump finds them.
        schemas: The wanted schemas' new names.
    """

    public: dict[str, str]
    final: list[tuple[str, str, str]]
    patterns: list[str]
    schemas: list[str]

    def final_of(self, table: str) -> str:
        """The schema that the table of this name comes into."""
        return next(final for _schema, name, final in self.final if name == table)


_TRIGGERS = """
SELECT format('DROP TRIGGER %%I ON %%I.%%I', t.tgname, n.nspname, c.relname) AS drop, 'trigger ' || t.tgname AS name
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE t.tgrelid = ANY(%(wanted)s::oid[]) AND NOT t.tgisinternal AND t.tgparentid = 0
 UNION ALL
SELECT format('DROP RULE %%I ON %%I.%%I', r.rulename, n.nspname, c.relname), 'rule ' || r.rulename
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE r.ev_class = ANY(%(wanted)s::oid[]) ORDER BY 2
"""


def drop_triggers(copy: Database, pruned: Pruned) -> list[str]:
    """Triggers and rules would act on the live tables when somebody changes the restored ones."""
    rows = copy.rows(_TRIGGERS, {"wanted": [table.oid for table in pruned.tables]})
    for row in rows:
        copy.execute(row["drop"])
    names = [row["name"] for row in rows]
    return [f"Left out, because they would act on live tables: {first_of(names)}."] if names else []


# What a table brings along whose names are those of its schema: indexes, its own sequences, statistics.
_ALONG = """
SELECT 'INDEX' AS kind, n.nspname::text AS schema, c.relname::text AS name
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE i.indrelid = %(oid)s
 UNION ALL
SELECT 'SEQUENCE', n.nspname::text, c.relname::text
  FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s AND d.deptype IN ('a', 'i')
 UNION ALL
SELECT 'STATISTICS', n.nspname::text, s.stxname::text
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE s.stxrelid = %(oid)s ORDER BY 1, 2, 3
"""
_RENAME = "ALTER {} {} RENAME TO {}"


def rename(copy: Database, pruned: Pruned, beside: Beside, work: str) -> Names:
    """Give the copy's tables, or schemas, their new names; in the work schema, if there is one."""
    if work:
        copy.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(work)))
    public, final, patterns, schemas = dict[str, str](), list[tuple[str, str, str]](), list[str](), list[str]()
    for schema in beside.selection.schemas:
        new = beside.name(schema)
        copy.execute(sql.SQL(_RENAME).format(sql.SQL("SCHEMA"), sql.Identifier(schema), sql.Identifier(new)))
        public[schema] = new
        schemas.append(new)
    for table in pruned.tables:
        if table.schema in beside.selection.schemas:
            continue
        for row in copy.rows(_ALONG, {"oid": table.oid}):
            of, renamed = sql.Identifier(row["schema"], row["name"]), beside.name(row["name"])
            copy.execute(sql.SQL(_RENAME).format(sql.SQL(row["kind"]), of, sql.Identifier(renamed)))
            if work and row["kind"] == "STATISTICS":
                moved = sql.Identifier(row["schema"], renamed)
                copy.execute(sql.SQL("ALTER STATISTICS {} SET SCHEMA {}").format(moved, sql.Identifier(work)))
        new = beside.name(table.name)
        copy.execute(
            sql.SQL(_RENAME).format(sql.SQL("TABLE"), sql.Identifier(table.schema, table.name), sql.Identifier(new))
        )
        if work:
            move = sql.SQL("ALTER TABLE {} SET SCHEMA {}")
            copy.execute(move.format(sql.Identifier(table.schema, new), sql.Identifier(work)))
        public[table.label] = f"{table.schema}.{new}"
        final.append((work or table.schema, new, table.schema))
        patterns.append(quoted_name(work or table.schema, new))
    return Names(public, final, patterns, schemas)
