# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an index declaration means, asked of the server, and what to do about it.

The declaration is run on an empty temporary copy of its table, in a transaction that is rolled back; the catalog row
that it made there is compared with the indexes that the real table has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database, sql
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE, UNDEFINED_FUNCTION
from ...text.listed import listed
from ...text.quoted import quoted_name
from ..sql.statements import IndexDeclaration
from .rules import BUILD, FOUND, IndexRow, TableRow, Verdict, judge

_SHAPE = """
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, i.indrelid::bigint AS table_oid,
       i.indrelid::regclass::text AS table_name,
       i.indisvalid AND i.indisready AND i.indislive AS valid,
       EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = c.oid) AS constraint,
       pg_catalog.pg_get_indexdef(c.oid) AS definition,
       m.amname::text AS method, i.indisunique AS "unique", i.indisexclusion OR NOT i.indimmediate AS special,
       coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_not_distinct,
       i.indnkeyatts::int AS keys,
       ARRAY(SELECT coalesce((SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a
                               WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attnum <> 0),
                             pg_catalog.pg_get_indexdef(c.oid, k, false))
               FROM pg_catalog.generate_series(1, i.indnatts) AS k ORDER BY k) AS columns,
       i.indclass::text AS classes, i.indcollation::text AS collations, i.indoption::text AS options,
       ARRAY(SELECT ARRAY(SELECT o FROM pg_catalog.unnest(a.attoptions) AS o WHERE o !~ '^pg_')::text FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum) AS class_options,
       coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
       ARRAY(SELECT pg_catalog.unnest(c.reloptions) ORDER BY 1) AS storage_parameters,
       coalesce((SELECT s.spcname FROM pg_catalog.pg_tablespace s WHERE s.oid = c.reltablespace), '')::text AS tablespace
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_am m ON m.oid = c.relam
"""


def table_of(database: Database, written: str) -> TableRow | None:
    """The table as the session's search_path sees it; None if there is none of that name."""
    row = database.row(
        "SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, "
        "c.relkind = 'p' OR c.relispartition AS partitioned, c.relpersistence = 't' AS temporary, "
        "c.reltuples::bigint AS rows, pg_catalog.pg_table_size(c.oid) AS bytes FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass(%s)",
        (written,),
    )
    return cast("TableRow | None", row)


@contextmanager
def undone(database: Database) -> Iterator[None]:
    """Run the block and take back what it did, inside or outside a transaction."""
    inside = database.in_transaction
    database.execute("SAVEPOINT titan_db_probe" if inside else "BEGIN")
    try:
        yield
    finally:
        if not database.closed:
            ending = "ROLLBACK TO SAVEPOINT titan_db_probe; RELEASE SAVEPOINT titan_db_probe"
            database.execute(ending if inside else "ROLLBACK")


class Shapes(NamedTuple):
    """The catalog row that a declaration makes, and those of the indexes that its table has or that have its name."""

    declared: IndexRow
    existing: list[IndexRow]


def shapes_of(database: Database, declaration: IndexDeclaration, table: TableRow) -> Shapes:
    """Both are read under one search_path.

    Raises:
        DatabaseError: the declaration is wrong (unknown column ...); the server's message says how.
    """
    with undone(database):
        clone, like = sql.Identifier("pg_temp", table["name"]), sql.Identifier(table["schema"], table["name"])
        temporary = quoted_name("pg_temp", table["name"])
        oid = database.value("SELECT pg_catalog.to_regclass(%s)::pg_catalog.oid::bigint", (temporary,))
        if oid is not None:  # the file has a temporary table of this name: it may be the one that the index is for
            aside = sql.Identifier("titan_db_aside")
            database.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(clone, aside))
            like = sql.Identifier("pg_temp", "titan_db_aside") if oid == table["oid"] else like
        database.execute(
            # an index of a temporary table is put where temp_tablespaces says
            sql.SQL(
                "SELECT pg_catalog.set_config('temp_tablespaces', pg_catalog.current_setting('default_tablespace'), true); "
                "CREATE TEMPORARY TABLE {} (LIKE {})"
            ).format(clone, like)
        )
        unique = "UNIQUE " if declaration.unique else ""
        head = database.as_text(sql.SQL(f"CREATE {unique}INDEX titan_db_probe ON {{}} ").format(clone))
        try:
            database.execute(head + declaration.rest)
        except DatabaseError as error:
            error.details.pop("position", None)
            raise
        declared = database.rows(_SHAPE + " WHERE i.indrelid = pg_catalog.to_regclass(%s)", (temporary,))
        existing = database.rows(_SHAPE + " WHERE i.indrelid = %s OR c.relname = %s AND n.nspname = %s ORDER BY c.oid",
                                 (table["oid"], declaration.name, table["schema"]))  # fmt: skip
    return Shapes(cast(IndexRow, declared[0]), cast("list[IndexRow]", existing))


def is_valid(database: Database, schema: str, name: str) -> bool | None:
    """Whether the index is valid and ready; None if there is no such index."""
    value = database.value(
        "SELECT i.indisvalid AND i.indisready AND i.indislive FROM pg_catalog.pg_index i "
        "JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s",
        (schema, name),
    )
    return None if value is None else bool(value)


def indexes_of(database: Database, table: int) -> list[int]:
    """The oids of the table's indexes."""
    query = "SELECT indexrelid::bigint AS oid FROM pg_catalog.pg_index WHERE indrelid = %s ORDER BY 1"
    return [row["oid"] for row in database.rows(query, (table,))]


def size_of(database: Database, schema: str, name: str) -> int:
    """Bytes of the index; 0 if it is gone."""
    return int(
        database.value(
            "SELECT pg_catalog.pg_relation_size(c.oid) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
            "ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
            (schema, name),
        )
        or 0
    )


def decide(database: Database, declaration: IndexDeclaration, redundant: str, file: str) -> Verdict | None:
    """What to do about the declaration now; None if its table does not exist yet.

    Raises:
        TitanError: see judge.
        DatabaseError: the declaration itself is wrong; the message begins with file and line.
    """
    where = f"{file}, line {declaration.line}"
    table = table_of(database, declaration.table)
    if table is None:
        return None
    try:
        shapes = shapes_of(database, declaration, table)
        verdict = judge(declaration, table, shapes.declared, shapes.existing, redundant, where)
        if verdict.action != FOUND and declaration.concurrently and table["kind"] == "p":
            raise _partitioned(database, declaration, table, where)
        return verdict
    except DatabaseError as error:
        if error.sqlstate == UNDEFINED_FUNCTION and is_valid(database, table["schema"], declaration.name) is None:
            # a function of the table's own row type does not take a row of its copy; no index is there to compare with
            return Verdict(BUILD, declaration.name, table["name"], table["schema"])
        if error.sqlstate == INSUFFICIENT_PRIVILEGE:
            error.message += ". To compare indexes the role needs TEMPORARY on the database and SELECT on the table"
        kept = {k: v for k, v in error.details.items() if k not in ("sqlstate", "position")}
        raise DatabaseError(
            f"{where}: {error.message} (SQLSTATE {error.sqlstate}). Nothing of this statement was run.",
            sqlstate=error.sqlstate, **{**kept, "file": file, "line": declaration.line},
        ) from error  # fmt: skip
    except TitanError as error:
        error.details.update(file=file, line=declaration.line)
        raise


def _partitioned(database: Database, declaration: IndexDeclaration, table: TableRow, where: str) -> TitanError:
    query = (
        "SELECT inhrelid::pg_catalog.regclass::text AS name FROM pg_catalog.pg_inherits WHERE inhparent = %s ORDER BY 1"
    )
    partitions = [row["name"] for row in database.rows(query, (table["oid"],))]
    shown = listed(partitions)
    unique = "UNIQUE " if declaration.unique else ""
    name = declaration.name or "NAME"
    return TitanError(
        f"{where}: PostgreSQL cannot build an index on the partitioned table {table['name']!r} concurrently. Instead: in one file "
        f"CREATE {unique}INDEX {name} ON ONLY {declaration.table} {declaration.rest}; then, each in a file of its own, CREATE "
        f"{unique}INDEX CONCURRENTLY on each partition ({shown or 'there is none yet'}); then, in a last file, ALTER INDEX {name} "
        "ATTACH PARTITION with each of these.",
        index=declaration.name,
        partitions=partitions,
    )


def invalid_indexes(database: Database) -> dict[int, dict[str, Any]]:
    """All invalid indexes of the database by oid: schema, name and the table's oid."""
    rows = database.rows(
        "SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, i.indrelid::bigint AS table_oid "
        "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND c.relkind = 'i'"
    )
    return {row["oid"]: row for row in rows}


def drop_statement(database: Database, schema: str, name: str) -> str:
    """DROP INDEX CONCURRENTLY for the index."""
    return database.as_text(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(schema, name)))
