# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing a restored database with a live one: the differences of each table are counted, and no row is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ..content.copied import ordered_hashes, require_no_query
from ..content.fingerprint import canceller, expand_no_views, fix_settings, read_contents, safe_hash_method
from ..content.row_hash import BY_NAME, COLUMNS_OF, COPIED, Column, row_hash
from ..content.tables import Table, read_tables
from ..programs.pipeline import Deadline

_READ = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_AT_A_TIME = 10000


class TableDifference(NamedTuple):
    """One table that is not the same in both.

    Attributes:
        table: "schema.table".
        only_here, only_there: Rows that only the dump, or only the live database has.
        why: Set when its rows were not compared: it is in one of both only, or has other columns.
    """

    table: str
    only_here: int
    only_there: int
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            return f"table {self.table} {self.why}"
        return f"table {self.table} has {self.only_here} row(s) in the dump only and {self.only_there} in the live database only"


def differences_from(
    live: ConnectionSettings, restored: ConnectionSettings, deadline: Deadline
) -> tuple[TableDifference, ...]:
    """The tables whose rows are not the same, each side read in one snapshot.

    Raises:
        DatabaseError: one of them cannot be read.
    """
    with (
        connect(live, "drill") as there,
        connect(restored, "drill") as here,
        deadline.ends(canceller(there)),
        deadline.ends(canceller(here)),
    ):
        fix_settings(there)
        fix_settings(here)
        expand_no_views(there)
        with there.transaction(_READ), here.transaction(_READ):
            method = safe_hash_method(there)
            require_no_query(there, read_tables(there))
            return tuple(_differences(here, there, method))


def _differences(here: Database, there: Database, method: str) -> Iterator[TableDifference]:
    mine, theirs = ({(table.schema, table.name): table for table in read_tables(each)} for each in (here, there))
    for key in sorted(mine.keys() | theirs.keys()):
        label = ".".join(key)
        if key not in theirs:
            yield TableDifference(label, 0, 0, "is in the dump only")
        elif key not in mine:
            yield TableDifference(label, 0, 0, "is in the live database only")
        else:
            found = _of_table(here, mine[key], there, theirs[key], method)
            if found:
                yield found


def _of_table(here: Database, mine: Table, there: Database, theirs: Table, method: str) -> TableDifference | None:
    one, other = _columns(here, mine), _columns(there, theirs)
    if {column.name: column.kind for column in one} != {column.name: column.kind for column in other}:
        return TableDifference(mine.label, 0, 0, "has other columns in the live database")
    if read_contents(here, [mine], hash_method=method) == read_contents(there, [theirs], hash_method=method):
        return None
    only_here = only_there = 0
    for _hash, number in _counted(_hashes(here, mine, one, method), _hashes(there, theirs, other, method)):
        only_here += max(number, 0)
        only_there += max(-number, 0)
    return TableDifference(mine.label, only_here, only_there)


def _columns(database: Database, table: Table) -> list[Column]:
    return [Column(row["name"], row["kind"]) for row in database.rows(COLUMNS_OF, (table.oid,))]


def _hashes(database: Database, table: Table, columns: list[Column], method: str) -> Iterator[int]:
    """The hash of each row, in order."""
    if method == COPIED:
        yield from ordered_hashes(database, table)
        return
    alias, hashed = row_hash(BY_NAME, columns)
    database.execute(
        sql.SQL("DECLARE titan_rows NO SCROLL CURSOR FOR SELECT {} AS hash FROM {} AS {} ORDER BY 1").format(
            hashed, table.its_rows(), sql.Identifier(alias)
        )
    )
    while rows := database.rows(f"FETCH {_AT_A_TIME} FROM titan_rows"):
        yield from (int(row["hash"]) for row in rows)
    database.execute("CLOSE titan_rows")


def _counted(one: Iterator[int], other: Iterator[int]) -> Iterator[tuple[int, int]]:
    """Each value that one of two ordered sequences has only, with +1 for the first one and -1 for the second."""
    left, right = next(one, None), next(other, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left < right):
            yield left or 0, 1
            left = next(one, None)
        elif left is None or right < left:
            yield right, -1
            right = next(other, None)
        else:
            left, right = next(one, None), next(other, None)
