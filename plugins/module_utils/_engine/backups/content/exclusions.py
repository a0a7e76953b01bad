# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that a backup leaves out because somebody said so: checked before the dump, so that what is left restores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from ...errors import OptionError
from ...postgres.database import Database
from ...text.quoted import quoted_name
from .left_out import LeftOut
from .tables import Table

EXCLUDED_TABLE, EXCLUDED_DATA = "excluded table", "excluded data of table"
UNREFRESHED = "rows of materialized view"
Name = tuple[str, str]


@dataclass(frozen=True)
class Exclusions:
    """Schema and name of what is left out, with the partitions and children of each.

    Attributes:
        tables: Left out as if they were not there.
        data: Left out but for their definition.
        unrefreshed: Materialized views that a restore makes empty, because it could not reach the server that they read.
        named: What the listing names of it.
    """

    tables: frozenset[Name] = frozenset()
    data: frozenset[Name] = frozenset()
    unrefreshed: frozenset[Name] = frozenset()
    named: tuple[LeftOut, ...] = ()

    def applied(self, tables: Iterable[Table]) -> list[Table]:
        """The tables that are dumped; of those whose rows are left out, none are read."""
        return [
            replace(table, absent=True, readable=True, row_security=False)
            if (table.schema, table.name) in self.data
            else table
            for table in tables
            if (table.schema, table.name) not in self.tables
        ]

    def flags(self) -> list[str]:
        """The options of pg_dump."""
        return [
            *(f"--exclude-table={quoted_name(*each)}" for each in sorted(self.tables)),
            *(f"--exclude-table-data={quoted_name(*each)}" for each in sorted(self.data | self.unrefreshed)),
        ]


NOTHING = Exclusions()


_FAMILY = """
WITH RECURSIVE family AS (
    SELECT c.oid, c.oid AS root FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND (n.nspname || '.' || c.relname = ANY(%(names)s) OR n.nspname = 'public' AND c.relname = ANY(%(names)s))
     UNION
    SELECT i.inhrelid, family.root FROM family JOIN pg_inherits i ON i.inhparent = family.oid)
SELECT f.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, rn.nspname::text AS root_schema, r.relname::text AS root_name,
       c.relispartition AND f.oid = f.root AS is_partition
  FROM family f JOIN pg_class c ON c.oid = f.oid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class r ON r.oid = f.root JOIN pg_namespace rn ON rn.oid = r.relnamespace ORDER BY 2, 3
"""
# Foreign keys of tables that are dumped, and views and functions over tables that are not there: a restore would fail on them.
_KEYS = """
SELECT DISTINCT n.nspname || '.' || c.relname AS name, fn.nspname || '.' || f.relname AS needs
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
 WHERE k.contype = 'f' AND k.confrelid = ANY(%s::oid[]) AND NOT k.conrelid = ANY(%s::oid[]) ORDER BY 1, 2
"""
_READERS = """
SELECT DISTINCT n.nspname || '.' || v.relname AS name, fn.nspname || '.' || f.relname AS needs
  FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace n ON n.oid = v.relnamespace
  JOIN pg_class f ON f.oid = d.refobjid JOIN pg_namespace fn ON fn.oid = f.relnamespace
 WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY(%(gone)s::oid[]) AND NOT r.ev_class = ANY(%(gone)s::oid[])
 UNION
SELECT DISTINCT p.oid::regprocedure::text, fn.nspname || '.' || f.relname
  FROM pg_depend d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
  JOIN pg_class f ON d.refclassid = 'pg_class'::regclass AND f.oid = d.refobjid OR d.refclassid = 'pg_type'::regclass AND f.reltype = d.refobjid
  JOIN pg_namespace fn ON fn.oid = f.relnamespace WHERE f.oid = ANY(%(gone)s::oid[]) ORDER BY 1, 2
"""


def read_exclusions(database: Database, tables: Sequence[str], data: Sequence[str]) -> Exclusions:
    """What the options exclude_tables and exclude_data_of mean in the connected database.

    Raises:
        OptionError: there is no such table, it is a partition or child of one that is dumped as a whole, or something that stays
            needs it.
    """
    unrefreshed, waiting = _reading_other_servers(database)
    if not tables and not data:
        return replace(NOTHING, unrefreshed=unrefreshed, named=waiting)
    gone, gone_oids, named = _family(database, "exclude_tables", tables, EXCLUDED_TABLE)
    empty, empty_oids, named_data = _family(database, "exclude_data_of", data, EXCLUDED_DATA)
    for option, left, others in (
        ("exclude_tables", gone_oids, gone_oids),
        ("exclude_data_of", empty_oids, empty_oids | gone_oids),
    ):
        _require_unneeded(option, database.rows(_KEYS, (sorted(left), sorted(others))), "has a foreign key to")
    _require_unneeded("exclude_tables", database.rows(_READERS, {"gone": sorted(gone_oids)}), "reads")
    return Exclusions(frozenset(gone), frozenset(empty - gone), unrefreshed, (*named, *named_data, *waiting))


_READ_FOREIGN = """
WITH RECURSIVE reader AS (
    SELECT c.oid, c.oid AS source FROM pg_class c WHERE c.relkind = 'f'
     UNION
    SELECT r.ev_class, reader.source FROM reader
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = reader.oid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite r ON r.oid = d.objid WHERE r.ev_class <> reader.oid)
SELECT n.nspname::text AS schema, c.relname::text AS name, min(fn.nspname || '.' || f.relname) AS source
  FROM reader JOIN pg_class c ON c.oid = reader.oid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class f ON f.oid = reader.source JOIN pg_namespace fn ON fn.oid = f.relnamespace
 WHERE c.relkind = 'm' AND c.relispopulated GROUP BY 1, 2 ORDER BY 1, 2
"""


def _reading_other_servers(database: Database) -> tuple[frozenset[Name], tuple[LeftOut, ...]]:
    """The materialized views that read foreign tables, also through others."""
    rows = database.rows(_READ_FOREIGN)
    why = (
        "it reads the foreign table {}, whose server a drill cannot reach; a restore refreshes it in the end, if it can"
    )
    return frozenset((row["schema"], row["name"]) for row in rows), tuple(
        LeftOut(UNREFRESHED, f"{row['schema']}.{row['name']}", why.format(row["source"])) for row in rows
    )


def _family(
    database: Database, option: str, names: Sequence[str], kind: str
) -> tuple[set[Name], set[int], list[LeftOut]]:
    rows = database.rows(_FAMILY, {"names": list(names)}) if names else []
    roots = {(row["root_schema"], row["root_name"]) for row in rows}
    found = {".".join(root) for root in roots} | {name for schema, name in roots if schema == "public"}
    unknown = [name for name in names if name not in found]
    if unknown:
        raise OptionError(option, unknown[0], "There is no such table. Write schema.table, without quotes.")
    for row in rows:
        if row["is_partition"] and kind == EXCLUDED_TABLE:
            raise OptionError(
                option,
                f"{row['schema']}.{row['name']}",
                "It is a partition: leave out its rows (exclude_data_of), or the whole table.",
            )
    members = {(row["schema"], row["name"]) for row in rows}
    listed = [LeftOut(kind, ".".join(root), f"option '{option}' names it") for root in sorted(roots)]
    return members, {int(row["oid"]) for row in rows}, listed


def _require_unneeded(option: str, needing: Collection[dict[str, str]], why: str) -> None:
    if needing:
        first = next(iter(needing))
        more = f" So do {len(needing) - 1} more." if len(needing) > 1 else ""
        raise OptionError(
            option, first["needs"], f"{first['name']} {why} it and is dumped, so the backup could not be restored.{more} Leave that "
            "out, too, or this in.",
        )  # fmt: skip
