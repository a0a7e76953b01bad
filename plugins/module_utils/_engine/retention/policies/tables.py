# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalog says about a policy's table."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...errors import TitanError
from ...postgres.database import Database, Row
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
    """A table whose foreign key has the server delete (ON DELETE CASCADE) or else change its rows.

    Attributes:
        stores: It holds rows itself.
        root: Schema and name of the partitioned table that it is part of, or its own.
    """

    oid: int
    schema: str
    name: str
    deleted: bool
    stores: bool
    partition: bool
    root: str


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
    found = find_tables(database, [(schema, name)])[schema, name]
    if isinstance(found, TitanError):
        raise found
    return found


def find_tables(database: Database, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Table | TitanError]:
    """What find_table returns or raises for each (schema, name); as many questions for a thousand tables as for one."""
    wanted = list(dict.fromkeys(names))
    candidates: dict[tuple[str, str], list[Row]] = {each: [] for each in wanted}
    for row in database.rows(
        """
        SELECT w.schema AS wanted_schema, w.name AS wanted_name, c.oid::bigint AS oid, n.nspname::text AS schema,
               c.relname::text AS name, c.relkind::text AS kind, pg_has_role(c.relowner, 'USAGE') AS owned,
               coalesce(pg_get_partkeydef(c.oid), '') AS partition_key
          FROM unnest(%s::text[], %s::text[]) AS w(schema, name)
          JOIN pg_class c ON c.relname = w.name JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE (n.nspname = w.schema OR w.schema = '') AND c.relkind NOT IN ('i', 'I', 'c', 't')
           AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'
         ORDER BY n.nspname
        """,
        ([schema for schema, _name in wanted], [name for _schema, name in wanted]),
    ):
        candidates[row["wanted_schema"], row["wanted_name"]].append(row)
    found: dict[tuple[str, str], Row | TitanError] = {
        each: _only_table(database, *each, rows) for each, rows in candidates.items()
    }
    oids = [int(row["oid"]) for row in found.values() if not isinstance(row, TitanError)]
    columns, leaves = _columns(database, oids), _leaves(database, oids)
    return {
        each: row if isinstance(row, TitanError) else _table(row, columns[row["oid"]], leaves[row["oid"]])
        for each, row in found.items()
    }


def _only_table(database: Database, schema: str, name: str, rows: Sequence[Row]) -> Row | TitanError:
    """The one row, if it is a table's; else why not."""
    full = f"{schema}.{name}" if schema else name
    if not rows:
        return TitanError(f"There is no table {full}{_near_tables(database, schema, name)}.", table=full)
    if len(rows) > 1:
        names = ", ".join(f"{row['schema']}.{row['name']}" for row in rows)
        return TitanError(
            f"There are {len(rows)} tables called {name}: write the one that is meant: {names}.", table=full
        )
    row = rows[0]
    if row["schema"] == "titan_ops":
        return TitanError(f"{row['schema']}.{name} belongs to this collection; it cannot have policies.", table=full)
    if row["kind"] not in ("r", "p"):
        return TitanError(
            f"{row['schema']}.{name} is {_KINDS.get(row['kind'], 'not a table')}, not a table; name the table that holds the rows.",
            table=full,
        )
    return row


def _table(row: Row, columns: dict[str, Column], leaves: Sequence[Row]) -> Table | TitanError:
    """The table; foreign partitions are refused."""
    foreign = next((f"{leaf['schema']}.{leaf['name']}" for leaf in leaves if leaf["kind"] == "f"), "")
    if foreign:
        return TitanError(
            f"The partition {foreign} is a foreign table: clean it up on its own server.", partition=foreign
        )
    below = tuple(Leaf(leaf["oid"], leaf["schema"], leaf["name"], leaf["bytes"], leaf["bound"]) for leaf in leaves)
    return Table(
        int(row["oid"]), row["schema"], row["name"], row["kind"], row["owned"], columns, below, row["partition_key"]
    )


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


def _columns(database: Database, oids: Sequence[int]) -> dict[int, dict[str, Column]]:
    """The columns of each table, by name."""
    found: dict[int, dict[str, Column]] = {oid: {} for oid in oids}
    rows = database.rows(
        """
        SELECT a.attrelid::bigint AS of, a.attname::text AS name, format_type(a.atttypid, -1) AS type, a.attgenerated <> '' AS generated,
               a.attidentity = 'a' AS identity,
               format_type(a.atttypid, a.atttypmod) AS full_type,
               coalesce(format_type(nullif(t.typbasetype, 0), -1), format_type(a.atttypid, -1)) AS base,
               t.typcategory::text AS category,
               a.attnotnull  -- inheriting tables may do without, and since version 18 it may be true of new rows only
                   AND (c.relkind = 'p' OR NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid))
                   AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'n' AND NOT f.convalidated) AS filled
          FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid
         WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
        """,
        (list(oids),),
    )
    for row in rows:
        of = row.pop("of")
        found[of][row["name"]] = Column(**row)
    return found


def _leaves(database: Database, oids: Sequence[int]) -> dict[int, list[Row]]:
    """Each table and everything below it that stores rows."""
    found: dict[int, list[Row]] = {oid: [] for oid in oids}
    rows = database.rows(
        """
        WITH RECURSIVE tree(root, oid) AS (
            SELECT o, o FROM unnest(%s::oid[]) o
            UNION SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid)
        SELECT tree.root::bigint AS root, c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name,
               c.relkind::text AS kind, pg_relation_size(c.oid) AS bytes, coalesce(pg_get_expr(c.relpartbound, c.oid), '') AS bound
          FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind <> 'p' ORDER BY n.nspname, c.relname
        """,
        (list(oids),),
    )
    for row in rows:
        found[row["root"]].append(row)
    return found


def near_columns(table: Table, name: str) -> str:
    """A clause that names the table's near or, failing that, all columns."""
    near = difflib.get_close_matches(name, list(table.columns), 3)
    return f"near it are {', '.join(near)}" if near else f"there are {', '.join(list(table.columns)[:20])}"
