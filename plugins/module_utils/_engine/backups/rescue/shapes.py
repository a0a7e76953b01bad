# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tables are like on either side: columns, keys, foreign keys, and what fires when a row comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...postgres.database import Database, sql


class Column(NamedTuple):
    """A column.

    Attributes:
        type: As format_type gives it.
        needed: Whether it takes no NULL and has no default.
        not_null: Whether it takes no NULL.
        generated: Whether the server computes it.
        always: Whether it is an identity column GENERATED ALWAYS, which no UPDATE may set.
    """

    name: str
    type: str
    needed: bool
    not_null: bool
    generated: bool
    always: bool


class ForeignKey(NamedTuple):
    """A foreign key between two tables of the live database, by their names.

    Attributes:
        action: What happened to the child when the parent went: a no action, r restrict, c cascade, n set null, d set default.
        deferrable: Whether it may be checked at the end of the transaction.
    """

    name: str
    child: str
    child_columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    action: str
    deferrable: bool


@dataclass(frozen=True)
class Shape:
    """A table with rows of its own, or a partitioned table with those of its partitions.

    Attributes:
        oid: In its own database.
        whole: Whether it is partitioned.
        key: Columns that tell its rows apart; empty if it has no primary key and no unique index without NULL.
    """

    oid: int
    schema: str
    name: str
    whole: bool
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"

    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def relation(self) -> sql.Composed:
        """What stands behind FROM."""
        return sql.SQL("{}" if self.whole else "ONLY {}").format(self.identifier())

    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def read_shapes(database: Database) -> dict[str, Shape]:
    """The tables whose rows people have put there, by "schema.table"; no partitions, and none of an extension's."""
    keys: dict[int, tuple[str, ...]] = {}
    for row in database.rows(_KEYS):
        keys.setdefault(row["oid"], tuple(row["columns"]))
    found = {}
    for row in database.rows(_TABLES):
        columns = tuple(Column(*column) for column in row["columns"])
        shape = Shape(row["oid"], row["schema"], row["name"], row["whole"], columns, keys.get(row["oid"], ()))
        found[shape.label] = shape
    return found


_TABLES = """
SELECT c.oid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind = 'p' AS whole,
       coalesce((SELECT json_agg(json_build_array(
                a.attname, format_type(a.atttypid, a.atttypmod),
                a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND NOT EXISTS (
                    SELECT FROM pg_type t WHERE t.oid = a.atttypid AND t.typdefault IS NOT NULL),
                a.attnotnull, a.attgenerated <> '', a.attidentity = 'a') ORDER BY a.attnum)
          FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'titan_ops')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                   AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
 ORDER BY 2, 3
"""
_KEYS = """
SELECT i.indrelid::int8 AS oid, array_agg(a.attname::text ORDER BY k.number) AS columns
  FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, number)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
 WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
   AND k.number <= i.indnkeyatts
 GROUP BY i.indrelid, i.indexrelid, i.indisprimary HAVING bool_and(a.attnotnull)
 ORDER BY i.indrelid, i.indisprimary DESC, count(*), i.indexrelid
"""


def read_foreign_keys(database: Database) -> list[ForeignKey]:
    """The foreign keys between tables that are no partitions."""
    return [
        ForeignKey(
            **{**row, "child_columns": tuple(row["child_columns"]), "parent_columns": tuple(row["parent_columns"])}
        )
        for row in database.rows(_FOREIGN_KEYS)
    ]


_FOREIGN_KEYS = """
SELECT c.conname::text AS name, cn.nspname || '.' || cc.relname AS child, pn.nspname || '.' || pc.relname AS parent,
       (SELECT array_agg(a.attname::text ORDER BY k.number) FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, number)
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS child_columns,
       (SELECT array_agg(a.attname::text ORDER BY k.number) FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, number)
          JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS parent_columns,
       c.confdeltype::text AS action, c.condeferrable AS deferrable
  FROM pg_constraint c
  JOIN pg_class cc ON cc.oid = c.conrelid JOIN pg_namespace cn ON cn.oid = cc.relnamespace
  JOIN pg_class pc ON pc.oid = c.confrelid JOIN pg_namespace pn ON pn.oid = pc.relnamespace
 WHERE c.contype = 'f' AND NOT cc.relispartition AND NOT pc.relispartition ORDER BY 2, 1
"""


def triggers_on_insert(database: Database, shape: Shape) -> list[str]:
    """Names of the triggers, made by people, that fire for each row or statement that is inserted."""
    return [
        row["name"]
        for row in database.rows(
            "SELECT tgname::text AS name FROM pg_trigger WHERE tgrelid = %s AND NOT tgisinternal AND tgenabled IN ('O', 'A') "
            "AND tgtype & 4 > 0 ORDER BY 1",
            (shape.oid,),
        )
    ]


def sequences_of(database: Database, shape: Shape) -> dict[str, tuple[str, int]]:
    """For each column that takes its values from a sequence of its own: the sequence, quoted, and where it stands."""
    found = {}
    for row in database.rows(_SEQUENCES, (shape.oid,)):
        stands = database.value(sql.SQL("SELECT last_value FROM {}").format(sql.Identifier(row["schema"], row["name"])))
        found[row["column"]] = (database.as_text(sql.Identifier(row["schema"], row["name"])), int(stands))
    return found


_SEQUENCES = """
SELECT a.attname::text AS column, n.nspname::text AS schema, s.relname::text AS name
  FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  JOIN pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0
 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
   AND d.refobjid = %s AND CASE WHEN s.relkind = 'S' THEN has_sequence_privilege(s.oid, 'SELECT') END
 ORDER BY 1
"""
