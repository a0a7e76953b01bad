# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a small table of somebody else's as a superuser: its rows come by COPY, for which PostgreSQL plans nothing.

To plan a query, PostgreSQL runs functions that the owner of the table names in indexes and statistics, with the rights of whoever
asks; a view in the table's place would run any. COPY refuses a view.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO

from .database import Database, sql
from .trust import has_rights_of_superuser, plans_code_of

_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def must_not_plan(database: Database) -> bool:
    """Whether the connected role has a superuser's rights and somebody who is none owns something in the database."""
    return has_rights_of_superuser(database) and plans_code_of(database) is not None


def stand_in(database: Database, schema: str, table: str, columns: Mapping[str, str]) -> str:
    """What to write behind FROM, with an alias, for the table.

    Args:
        database: Connected.
        schema, table: An existing table.
        columns: The type of each column that is read, by name.

    Raises:
        DatabaseError: it cannot be read, or is no table.
    """
    if not must_not_plan(database):
        return database.as_text(sql.Identifier(schema, table))
    rows = copied_rows(database, schema, table, list(columns))
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    kinds = [sql.SQL(kind) for kind in columns.values()]
    lines = [
        sql.SQL("({})").format(
            sql.SQL(", ").join(sql.SQL("{}::{}").format(sql.Literal(v), k) for v, k in zip(row, kinds))
        )
        for row in rows or [(None,) * len(kinds)]
    ]
    values = sql.SQL("(SELECT * FROM (VALUES {}) AS copied ({}){})").format(
        sql.SQL(", ").join(lines), names, sql.SQL("" if rows else " WHERE false")
    )
    return database.as_text(values)


def copied_rows(database: Database, schema: str, table: str, columns: list[str]) -> list[tuple[str | None, ...]]:
    """The rows' values as text, in the order of the columns."""
    found = BytesIO()
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL("COPY {} ({}) TO STDOUT (ENCODING 'UTF8')")
    database.copy_out(query.format(sql.Identifier(schema, table), names), found)
    lines = found.getvalue().decode().split("\n")[:-1]
    return [tuple(map(_value, line.split("\t"))) for line in lines]


def _value(text: str) -> str | None:
    return None if text == r"\N" else re.sub(r"\\(.)", _character, text)


def _character(escape: re.Match[str]) -> str:
    return _ESCAPES.get(escape[1], escape[1])
