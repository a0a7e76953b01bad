# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that a file puts indexes on: which of them are there before it, and how many rows they have."""

from __future__ import annotations

from ...postgres.database import Database
from ..files.script import Script
from ..sql.statements import created, index_declaration
from .catalog import table_of, undone


def rows_of(database: Database, table: str, limit: int) -> int:
    """About how many rows the table has; one that was never analysed is counted, but no further than just over the limit."""
    row = table_of(database, table)
    if row is None or row["kind"] not in ("r", "p", "m"):
        return 0
    if row["rows"] >= 0 or (row["bytes"] <= 8192 and row["kind"] != "p"):
        return max(row["rows"], 0)
    with undone(database):
        return int(database.value(f"SELECT count(*) FROM (SELECT FROM {table} LIMIT {limit + 1}) AS few"))  # noqa: S608 - as written in the file


def of_new_tables(script: Script) -> set[int]:
    """Where the statements start that index a table which the same text has made: nothing else can be there to compare with."""
    made: set[str] = set()
    starts: set[int] = set()
    for statement in script.statements:
        words = statement.key()
        if words[:2] == ("create", "table"):
            named = created(statement)
            made |= {named.name} if named and not named.tolerant else set()
        elif words[0] == "create":
            declaration = index_declaration(statement, script.text)
            if declaration and declaration.table in made and not declaration.if_not_exists:
                starts.add(statement.start)
        elif words[0] != "insert":
            made.clear()
    return starts


def tables_of(database: Database, script: Script) -> set[int]:
    """The oids of the tables, of those that the file's indexes are on, that are there now."""
    plain = of_new_tables(script)
    names = [
        d.table for d in (index_declaration(s, script.text) for s in script.statements if s.start not in plain) if d
    ]
    if not names:
        return set()
    rows = database.rows(
        "SELECT pg_catalog.to_regclass(t)::oid::bigint AS oid FROM pg_catalog.unnest(%s::text[]) AS t", (names,)
    )
    return {row["oid"] for row in rows if row["oid"] is not None}
