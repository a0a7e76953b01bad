# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalog says about a policy's table."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ...errors import TitanError
from ...postgres.database import Database
from .references import Reference

_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
    "I": "an index",
    "c": "a composite type",
    "t": "a TOAST table",
}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        type, full_type: Its type without and with its length.
        base: The type below a domain.
        generated, identity: The server writes its values, from other columns or always as an identity.
        filled: It never has NULL.
    """

    name: str
    type: str
    base: str
    category: str
    full_type: str = ""
    generated: bool = False
    identity: bool = False
    filled: bool = False


@dataclass(frozen=True)
class Leaf:
    """One relation that holds rows: the table itself, or a partition or inheriting table of it.

    bound is the partition's bound as the server prints it; detached partitions are no longer part of the table.
    """

    oid: int
    schema: str
    name: str
    bytes: int
    bound: str = ""
    detached: bool = False


@dataclass(frozen=True)
class Child:
    """A table whose foreign key has the server delete (ON DELETE CASCADE) or else change its rows; stores: it holds rows itself."""

    schema: str
    name: str
    deleted: bool
    stores: bool
    partition: bool


@dataclass(frozen=True)
class Table:
    """A table with what a clean-up has to know about it.

    Attributes:
        kind: "r" for a plain table, "p" for a partitioned one.
        owned: The connected role may act as the owner.
        columns: By name.
        leaves: Where the rows are.
        references: Foreign keys that stop deleting a row; only looked up where rows are deleted.
        partition_key: The partition key as the server prints it ("RANGE (created_at)"), empty if not partitioned.
    """

    oid: int
    schema: str
    name: str
    kind: str
    owned: bool
    columns: dict[str, Column]
    leaves: tuple[Leaf, ...]
    partition_key: str = ""
    references: tuple[Reference, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


def find_table(database: Database, schema: str, name: str) -> Table:
    """Look the table up; without a schema it must be the only one of that name.

    Raises:
        TitanError: there is none (with near names), several, or it is not a table.
    """
    rows = database.rows(
        """
        SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
               pg_has_role(c.relowner, 'USAGE') AS owned, coalesce(pg_get_partkeydef(c.oid), '') AS partition_key
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = %s AND (n.nspname = %s OR %s = '') AND c.relkind NOT IN ('i', 'I', 'c', 't')
           AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'
         ORDER BY n.nspname
        """,
        (name, schema, schema),
    )
    full = f"{schema}.{name}" if schema else name
    if not rows:
        raise TitanError(f"There is no table {full}{_near_tables(database, schema, name)}.", table=full)
    if len(rows) > 1:
        names = ", ".join(f"{row['schema']}.{row['name']}" for row in rows)
        raise TitanError(f"There are {len(rows)} tables called {name}: write which one is meant, {names}.", table=full)
    row = rows[0]
    if row["schema"] == "titan_ops":
        raise TitanError(f"{row['schema']}.{name} belongs to this collection; it takes no policies.", table=full)
    if row["kind"] not in ("r", "p"):
        raise TitanError(
            f"{row['schema']}.{name} is {_KINDS.get(row['kind'], 'not a table')}, not a table; name the table that holds the rows.",
            table=full,
        )
    oid = int(row["oid"])
    return Table(
        oid, row["schema"], row["name"], row["kind"], row["owned"], _columns(database, oid), _leaves(database, oid), row["partition_key"]
    )  # fmt: skip


def _near_tables(database: Database, schema: str, name: str) -> str:
    rows = database.rows(
        """
        SELECT n.nspname::text AS schema, c.relname::text AS name
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'titan_ops')
           AND n.nspname !~ '^pg_(toast|temp)'
        """
    )
    same = [f"{row['schema']}.{row['name']}" for row in rows if row["name"] == name]
    near = set(difflib.get_close_matches(name, [row["name"] for row in rows], 3))
    close = same or [f"{row['schema']}.{row['name']}" for row in rows if row["name"] in near]
    return f"; near it are {', '.join(sorted(close)[:3])}" if close else ""


def _columns(database: Database, oid: int) -> dict[str, Column]:
    rows = database.rows(
        """
        SELECT a.attname::text AS name, format_type(a.atttypid, -1) AS type, a.attgenerated <> '' AS generated,
               a.attidentity = 'a' AS identity,
               format_type(a.atttypid, a.atttypmod) AS full_type,
               coalesce(format_type(nullif(t.typbasetype, 0), -1), format_type(a.atttypid, -1)) AS base,
               t.typcategory::text AS category,
               a.attnotnull  -- inheriting tables may do without, and since version 18 it may be true of new rows only
                   AND (c.relkind = 'p' OR NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid))
                   AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'n' AND NOT f.convalidated) AS filled
          FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid
         WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
        """,
        (oid,),
    )
    return {row["name"]: Column(**row) for row in rows}


def _leaves(database: Database, oid: int) -> tuple[Leaf, ...]:
    """The table and everything below it that stores rows; foreign partitions are refused."""
    rows = database.rows(
        """
        WITH RECURSIVE tree(oid) AS (
            SELECT %s::oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid)
        SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
               pg_relation_size(c.oid) AS bytes,
               coalesce(pg_get_expr(c.relpartbound, c.oid), '') AS bound
          FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind <> 'p' ORDER BY n.nspname, c.relname
        """,
        (oid,),
    )
    foreign = [f"{row['schema']}.{row['name']}" for row in rows if row["kind"] == "f"]
    if foreign:
        raise TitanError(
            f"The partition {foreign[0]} is a foreign table: clean it up on its own server.", partition=foreign[0]
        )
    return tuple(Leaf(row["oid"], row["schema"], row["name"], row["bytes"], row["bound"]) for row in rows)


def near_columns(table: Table, name: str) -> str:
    """A clause that names the table's near or, failing that, all columns."""
    near = difflib.get_close_matches(name, list(table.columns), 3)
    return f"near it are {', '.join(near)}" if near else f"there are {', '.join(list(table.columns)[:20])}"
