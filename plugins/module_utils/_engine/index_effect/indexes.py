# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexes that are measured, and a transaction in which some of them are not there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from ..errors import DatabaseError, OptionError
from ..migrations.files.migration import Migration
from ..migrations.sql.lexer import split
from ..migrations.sql.statements import index_declaration
from ..postgres.database import Database, sql
from ..steps import step


class Index(NamedTuple):
    """An index of the copy.

    Attributes:
        name, table: Qualified and quoted where needed, as regclass shows them.
        plain_name: As plans show it.
        table_oid: Of the table.
        rest: Its definition without the name.
        definition: The whole, which builds it anew, with its partitions.
        bytes: Its size; with those of its partitions.
        needed: What it is for besides speed ("the constraint orders_pkey"), which keeps it from being left out; else empty.
        unique: It keeps duplicates out, without a constraint.
    """

    oid: int
    schema: str
    plain_name: str
    name: str
    table: str
    table_oid: int
    definition: str
    rest: str
    bytes: int
    needed: str
    unique: bool

    @property
    def identifier(self) -> Any:
        return sql.Identifier(self.schema, self.plain_name)


_INDEXES = """
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS plain_name, c.oid::regclass::text AS name,
       t.oid::regclass::text AS table, t.oid AS table_oid, pg_get_indexdef(c.oid) AS definition,
       quote_ident(c.relname) AS quoted, i.indisunique AS unique, c.relkind = 'I' AS partitioned,
       CASE WHEN c.relkind = 'I' THEN (SELECT coalesce(sum(pg_relation_size(relid)), 0) FROM pg_partition_tree(c.oid))
            ELSE pg_relation_size(c.oid) END::bigint AS bytes,
       coalesce('the constraint ' || k.conname, CASE WHEN i.indisreplident THEN 'the replica identity' END, '') AS needed
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')
 WHERE i.indisvalid AND NOT c.relispartition AND t.relkind IN ('r', 'p', 'm') AND t.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'titan_ops') AND n.nspname !~ '^pg_toast'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid IN (c.oid, t.oid) AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
 ORDER BY 5, 4
"""


def read_indexes(database: Database) -> list[Index]:
    """Every valid index of tables and materialized views that is nobody's part; what it is needed for was tried."""
    found = []
    for row in database.rows(_INDEXES):
        head = f"CREATE {'UNIQUE ' if row['unique'] else ''}INDEX {row.pop('quoted')} "
        definition = row["definition"]
        if row.pop("partitioned"):
            definition = definition.replace(f"{head}ON ONLY ", f"{head}ON ", 1)
        index = Index(**{**row, "definition": definition}, rest=definition.removeprefix(head))
        found.append(index if index.needed else index._replace(needed=_needed(database, index)))
    return found


def _needed(database: Database, index: Index) -> str:
    """Why the index cannot be left out: a foreign key may rely on a unique one; empty if it can."""
    if not index.unique:
        return ""
    try:
        with absent(database, [index]):
            return ""
    except DatabaseError as error:
        if error.lost:
            raise
        return "another object"


@contextmanager
def absent(database: Database, indexes: Sequence[Index], read_only: bool = False) -> Iterator[None]:
    """A transaction without these indexes, which is rolled back: their pages stay in memory as they were meanwhile.

    Args:
        database: As a role that owns them.
        indexes: None of them may be needed for something else. With none, it is the same transaction with all there.
        read_only: Let the server refuse whatever writes.
    """
    database.execute("BEGIN")
    try:
        if indexes:
            step("measure.absent")
            database.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(", ").join(each.identifier for each in indexes)))
        if read_only:
            database.execute("SET TRANSACTION READ ONLY")
        yield
    finally:
        if not database.closed:
            with suppress(DatabaseError):
                database.execute("ROLLBACK")


def build_seconds(database: Database, index: Index) -> float:
    """How long it takes to build the index on the copy, where nobody else writes."""
    with absent(database, [index]):
        began = time.perf_counter()
        database.execute(index.definition)
        return time.perf_counter() - began


def named_indexes(indexes: Sequence[Index], names: Sequence[str]) -> list[Index]:
    """The indexes of these names, with their schema or without.

    Raises:
        OptionError: the copy has no such index, several, or it is needed for something else.
    """
    found: dict[int, Index] = {}
    for name in names:
        wanted = [each for each in indexes if name in (each.name, each.plain_name, f"{each.schema}.{each.plain_name}")]
        if len(wanted) != 1:
            why = "Several schemas have it. Add the schema: SCHEMA.NAME." if wanted else "The copy has no such index."
            raise OptionError("indexes", name, why)
        if wanted[0].needed:
            raise OptionError("indexes", name, f"It cannot be left out: {wanted[0].needed} needs it.")
        found[wanted[0].oid] = wanted[0]
    return list(found.values())


def indexes_of_migrations(indexes: Sequence[Index], migrations: Sequence[Migration]) -> tuple[list[Index], list[str]]:
    """The indexes that migrations create, as far as the copy has them, and the names of those that it does not have."""
    found, missing = {}, []
    for migration in migrations:
        text = migration.text
        for statement in split(text):
            declared = index_declaration(statement, text)
            if not declared or not declared.name:
                continue
            table = declared.table.rpartition(".")[2].strip('"')
            here = [
                each
                for each in indexes
                if each.plain_name == declared.name and each.table.rpartition(".")[2].strip('"') == table
            ]
            if not here:
                missing.append(declared.name)
            found.update({each.oid: each for each in here if not each.needed})
    return list(found.values()), missing
