# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing from a restored database all that the wanted tables do not need, by what the catalog says depends on what."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database, sql
from ..load.selection import Selection, first_of, require_known


class Relation(NamedTuple):
    """A wanted table; kind as in pg_class: r for one with rows of its own, p for a partitioned one."""

    oid: int
    schema: str
    name: str
    kind: str
    has_triggers: bool

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Pruned:
    """What is left.

    Attributes:
        tables: The wanted ones, with their partitions.
        altered: Wanted tables that were detached from a parent, so that they are not defined as in the source.
        notes: What was done about what they depend on.
    """

    tables: tuple[Relation, ...]
    altered: frozenset[str]
    notes: tuple[str, ...]

    def has(self, schema: str, name: str) -> bool:
        return any((table.schema, table.name) == (schema, name) for table in self.tables)


_FAMILY = """
WITH RECURSIVE family AS (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
       AND (n.nspname = ANY(%(schemas)s) OR n.nspname || '.' || c.relname = ANY(%(tables)s)
            OR n.nspname = 'public' AND c.relname = ANY(%(tables)s))
     UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.oid JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition)
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
       OR EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid) AS has_triggers
  FROM family f JOIN pg_class c ON c.oid = f.oid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 2, 3
"""
_PARENTS = """
SELECT i.inhrelid::bigint AS oid, i.inhrelid::regclass::text AS child, i.inhparent::regclass::text AS parent, c.relispartition AS partition
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhrelid = ANY(%(wanted)s::oid[]) AND NOT i.inhparent = ANY(%(wanted)s::oid[]) ORDER BY 2, 3
"""
# What is needed: the wanted tables and schemas, their parts (what PostgreSQL drops with them without being asked), and what either
# refers to. A sequence is no reason to keep the table whose column owns it.
_NEEDED = """
CREATE TEMPORARY TABLE titan_needed ON COMMIT PRESERVE ROWS AS
WITH RECURSIVE needed(classid, objid) AS (
    SELECT 'pg_class'::regclass::oid, unnest(%(wanted)s::oid[])
     UNION
    SELECT 'pg_namespace'::regclass::oid, oid FROM pg_namespace WHERE nspname = ANY(%(schemas)s)
     UNION
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_namespace n ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
     WHERE n.nspname = ANY(%(schemas)s)
     UNION
    SELECT next.classid, next.objid FROM needed n CROSS JOIN LATERAL (
        SELECT d.refclassid, d.refobjid FROM pg_depend d
         WHERE d.classid = n.classid AND d.objid = n.objid AND NOT (d.deptype = 'a' AND d.classid = 'pg_class'::regclass
               AND EXISTS (SELECT FROM pg_class s WHERE s.oid = d.objid AND s.relkind = 'S'))
         UNION ALL
        SELECT d.classid, d.objid FROM pg_depend d
         WHERE d.refclassid = n.classid AND d.refobjid = n.objid AND d.deptype IN ('a', 'i', 'P', 'S')) AS next(classid, objid))
SELECT DISTINCT classid, objid FROM needed
"""
_OWNED_BY_OTHERS = """
SELECT s.oid::regclass::text AS name, d.refobjid::regclass::text AS owner
  FROM titan_needed n JOIN pg_class s ON n.classid = 'pg_class'::regclass AND s.oid = n.objid AND s.relkind = 'S'
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype = 'a' AND d.refclassid = 'pg_class'::regclass
 WHERE NOT EXISTS (SELECT FROM titan_needed o WHERE o.classid = 'pg_class'::regclass AND o.objid = d.refobjid) ORDER BY 1
"""
_UNNEEDED = """
WITH object(classid, objid) AS (
    SELECT 'pg_class'::regclass::oid, oid FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND relpersistence <> 't'
     UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
     UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typtype IN ('b', 'd', 'e', 'r', 'p')
     UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
     UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
     UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily
     UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
     UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion
     UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config
     UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
     UNION ALL SELECT 'pg_ts_template'::regclass, oid FROM pg_ts_template
     UNION ALL SELECT 'pg_ts_parser'::regclass, oid FROM pg_ts_parser
     UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
     UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
     UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
     UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension
     UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname <> 'public' AND nspname !~ '^pg_')
SELECT o.classid = 'pg_class'::regclass AS relation, i.type AS kind, i.identity AS name
  FROM object o CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
 WHERE o.objid >= 16384 AND NOT EXISTS (SELECT FROM titan_needed n WHERE n.classid = o.classid AND n.objid = o.objid)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype IN ('e', 'i')
                   AND NOT (d.refclassid = d.classid AND d.refobjid = d.objid))
 ORDER BY o.classid <> 'pg_class'::regclass, i.type = 'schema', i.identity
"""
# What a table has, to see that nothing of it went with what others need.
_PARTS = """
SELECT 'index ' || indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = ANY(%(wanted)s::oid[])
 UNION ALL SELECT 'constraint ' || conname || ' of ' || conrelid::regclass::text FROM pg_constraint WHERE conrelid = ANY(%(wanted)s::oid[])
 UNION ALL SELECT 'column ' || attname || ' of ' || attrelid::regclass::text FROM pg_attribute
           WHERE attrelid = ANY(%(wanted)s::oid[]) AND attnum > 0 AND NOT attisdropped
 UNION ALL SELECT 'default ' || adnum::text || ' of ' || adrelid::regclass::text FROM pg_attrdef WHERE adrelid = ANY(%(wanted)s::oid[])
 UNION ALL SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass::text FROM pg_trigger
           WHERE tgrelid = ANY(%(wanted)s::oid[]) AND NOT tgisinternal
 UNION ALL SELECT 'policy ' || polname || ' of ' || polrelid::regclass::text FROM pg_policy WHERE polrelid = ANY(%(wanted)s::oid[])
 UNION ALL SELECT 'rule ' || rulename || ' of ' || ev_class::regclass::text FROM pg_rewrite WHERE ev_class = ANY(%(wanted)s::oid[])
 ORDER BY 1
"""
_EMPTY = """
SELECT c.oid::regclass::text AS name FROM titan_needed n JOIN pg_class c ON n.classid = 'pg_class'::regclass AND c.oid = n.objid
 WHERE c.relkind IN ('r', 'p') AND NOT c.oid = ANY(%s::oid[]) AND c.oid >= 16384 AND NOT EXISTS (
       SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') ORDER BY 1
"""
_KINDS = {"function": "ROUTINE", "procedure": "ROUTINE", "aggregate": "ROUTINE", "composite type": "TYPE",
          "foreign-data wrapper": "FOREIGN DATA WRAPPER"}  # fmt: skip


_KEY = "Foreign key {0} of {1} is left out: {2}, which it refers to, is not restored."


def prune(database: Database, selection: Selection) -> Pruned:
    """Remove what the selection does not need.

    Args:
        database: The restored database, which nobody else uses; the session's search_path is changed.
        selection: What is wanted.

    Raises:
        OptionError: a wanted table or schema is not there.
        TitanError: a wanted table would lose something.
    """
    database.execute("SET search_path = pg_catalog")
    wanted = {"tables": list(selection.tables), "schemas": list(selection.schemas)}
    found = tuple(Relation(**row) for row in database.rows(_FAMILY, wanted))
    there = {row["name"] for row in database.rows("SELECT nspname::text AS name FROM pg_namespace")}
    require_known(selection, {table.label for table in found}, there)
    oids = {"wanted": [table.oid for table in found]}
    notes, altered = [_KEY.format(*key) for key in selection.left_keys], set[str]()
    for row in database.rows(_PARENTS, oids):
        detach = "ALTER TABLE {1} DETACH PARTITION {0}" if row["partition"] else "ALTER TABLE {0} NO INHERIT {1}"
        database.execute(sql.SQL(detach).format(sql.SQL(row["child"]), sql.SQL(row["parent"])))
        altered |= {table.label for table in found if table.oid == row["oid"]}
        notes.append(f"Table {row['child']} stands alone: its parent {row['parent']} is not restored.")
    database.execute("DROP TABLE IF EXISTS pg_temp.titan_needed")
    database.execute(_NEEDED, {**oids, **wanted})
    for row in database.rows(_OWNED_BY_OTHERS):
        database.execute(sql.SQL("ALTER SEQUENCE {} OWNED BY NONE").format(sql.SQL(row["name"])))
        notes.append(
            f"Sequence {row['name']} no longer belongs to a column: it belonged to one of {row['owner']}, which is not restored."
        )
    before = [row["name"] for row in database.rows(_PARTS, oids)]
    _drop_unneeded(database)
    lost = sorted(set(before) - {row["name"] for row in database.rows(_PARTS, oids)})
    if lost:
        raise TitanError(
            f"What is not needed cannot be removed without {first_of(lost)}. Restore the whole backup ('into')."
        )
    empty = [row["name"] for row in database.rows(_EMPTY, (oids["wanted"],))]
    if empty:
        notes.append(f"Without rows, because something that is restored is defined by it: {first_of(empty)}.")
    return Pruned(found, frozenset(altered), tuple(notes))


def _drop_unneeded(database: Database) -> None:
    for row in database.rows(_UNNEEDED):
        kind = _KINDS.get(row["kind"], row["kind"].upper())
        drop = sql.SQL("DROP {} IF EXISTS {} CASCADE").format(sql.SQL(kind), sql.SQL(row["name"]))
        if row["relation"]:
            database.execute(drop)
        else:
            with suppress(DatabaseError):  # the owner is another role, or others need it: it does no harm
                database.execute(drop)
