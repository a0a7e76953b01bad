# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two databases side by side: a table's rows told apart by their key, and rows carried from one to the other."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from .shapes import Shape

# Names of our own columns beside a table's, which no table has.
HASH = "titan hash"
_NUMBER = "titan number"


class Sides(NamedTuple):
    """The copy, which has what was lost, and the live database; search_path is pg_catalog in both sessions."""

    copy: Database
    live: Database


@dataclass(frozen=True)
class Pair:
    """A table that is in both.

    Attributes:
        number: Counts the tables; names its temporary tables.
        live, copy: What it is like there.
        columns: What both have, but for columns that the live server computes.
    """

    number: int
    live: Shape
    copy: Shape
    columns: tuple[str, ...]

    @property
    def label(self) -> str:
        return self.live.label

    @property
    def key(self) -> tuple[str, ...]:
        """The live key's columns, if the copy has them; else none."""
        return self.live.key if set(self.live.key) <= set(self.columns) else ()

    @property
    def key_names(self) -> tuple[str, ...]:
        """What they are called in our own tables: without a key, a row's text and how many-eth of its like it is."""
        return tuple(f"titan key {n}" for n, _column in enumerate(self.key)) or ("titan key 0", _NUMBER)

    def temporary(self, kind: str) -> Any:
        """A temporary table of this one: "known", "missing", "changed", "rows", "former", "more"."""
        return sql.Identifier("pg_temp", f"titan_{kind}_{self.number}")

    def keyed(self, side: Shape, where: str = "") -> Any:
        """A query for its rows on a side: the common columns, beside them key and hash."""
        alias = "titan row"
        text = self.text(alias)
        if self.key:
            keys: list[Any] = [sql.Identifier(alias, name) for name in self.key]
        else:
            keys = [text, sql.SQL("row_number() OVER (PARTITION BY {})").format(text)]
        named = sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(value, sql.Identifier(name))
            for value, name in [*zip(keys, self.key_names), (text, HASH)]
        )
        condition = sql.SQL("WHERE (\n{}\n)").format(sql.SQL(where)) if where else sql.SQL("")
        return sql.SQL("(SELECT {columns}, {named} FROM {table} AS {alias} {condition})").format(
            columns=column_list(self.columns, alias),
            named=named,
            table=side.relation(),
            alias=sql.Identifier(alias),
            condition=condition,
        )

    def same_key(self, one: str, other: str) -> Any:
        return same(one, self.key_names, other, self.key_names)

    def keys_of(self, alias: str, with_hash: bool = True) -> Any:
        return column_list([*self.key_names, *([HASH] if with_hash else [])], alias)

    def text(self, alias: str) -> Any:
        """What tells whether a row is the same: a hash of all that is in its columns."""
        return sql.SQL("md5(ROW({})::text)::uuid").format(column_list(self.columns, alias))

    def put(self, alias: str) -> Any:
        """What stands behind SET to give a row the values of the alias' one: all but its key and what no UPDATE may set."""
        fixed = {*self.key, *(column.name for column in self.live.columns if column.always)}
        return sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier(alias, name))
            for name in self.columns
            if name not in fixed
        )


def column_list(names: Iterable[str], alias: str = "") -> Any:
    """Quoted names, with commas between them."""
    return sql.SQL(", ").join(sql.Identifier(*([alias] if alias else []), name) for name in names)


def find_operators(live: Database) -> None:
    """Let the comparison of keys find the operators of types that extensions brought."""
    rows = live.rows(
        "SELECT DISTINCT n.nspname::text AS schema FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
        "JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e' "
        "WHERE n.nspname <> 'pg_catalog' ORDER BY 1"
    )
    path = sql.SQL(", ").join(map(sql.Identifier, ["pg_catalog", *(row["schema"] for row in rows)]))
    live.execute(sql.SQL("SET search_path = {}").format(path))


def same(one: str, its: Iterable[str], other: str, theirs: Iterable[str]) -> Any:
    """The condition that the columns of one alias equal those of the other."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(one, left), sql.Identifier(other, right))
        for left, right in zip(its, theirs)
    )


def carry(source: Database, query: Any, target: Database, into: Any) -> int:
    """Carry the rows of a query into a table of the other database, as text and in bounded memory.

    Args:
        source, query: Where the rows are, and a SELECT for them.
        target, into: Where they go: a table with its columns, as COPY takes it.

    Raises:
        DatabaseError: of the side that failed first.
    """
    reading, writing = os.pipe()

    def send() -> None:
        with os.fdopen(writing, "wb") as stream:
            source.copy_out(source.as_text(sql.SQL("COPY ({}) TO STDOUT").format(query)), stream)

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send)
        try:
            with os.fdopen(reading, "rb") as stream:
                number = target.copy_in(target.as_text(sql.SQL("COPY {} FROM STDIN").format(into)), stream)
        except DatabaseError:
            with suppress(Exception):  # nobody reads what it sends: not its own trouble
                sent.result()
            raise
        sent.result()
    return number


def make_keys(database: Database, pair: Pair, kind: str, side: Shape | None = None) -> None:
    """An empty temporary table for keys and hashes; one that is there goes."""
    database.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(pair.temporary(kind)))
    database.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} AS SELECT {} FROM {} AS c WHERE false").format(
            sql.Identifier(f"titan_{kind}_{pair.number}"), pair.keys_of("c"), pair.keyed(side or pair.live)
        )
    )


def tell_copy(sides: Sides, pair: Pair, kind: str) -> None:
    """Carry keys ("missing" or "changed") from the live session to the copy's."""
    make_keys(sides.copy, pair, kind, pair.copy)
    keys = sql.SQL("SELECT {} FROM {} m").format(pair.keys_of("m"), pair.temporary(kind))
    carry(sides.live, keys, sides.copy, pair.temporary(kind))
    sides.copy.execute(sql.SQL("ANALYZE {}").format(pair.temporary(kind)))
