# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file does to rows: told from its text, and, where it only inserts constants, looked for in the database."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ..files.script import Script
from ..history.inventory import TEXT_SETTINGS
from ..sql.lexer import Statement
from ..sql.statements import qualified, written

_ROW_WORDS = frozenset(("insert", "update", "delete", "merge", "truncate", "copy"))
_HARMLESS = frozenset(("set_config", "pg_advisory_lock", "pg_advisory_unlock", "pg_advisory_xact_lock", "to_regclass"))
_MOST_ROWS = 5_000
_MOST_BYTES = 1 << 30


def changes_rows(script: Script) -> list[Statement]:
    """The statements that change rows, or may do so through a function or a DO block. Pure."""
    return [statement for statement in script.statements if _changes_rows(statement)]


def _changes_rows(statement: Statement) -> bool:
    words = statement.key()
    first = words[0]
    if first in _ROW_WORDS or first == "call":
        return True
    if first == "with":
        return not _ROW_WORDS.isdisjoint(words)
    if first == "do":
        return any(word in token.text.lower() for token in statement.tokens for word in _ROW_WORDS)
    if first in ("select", "values", "table"):
        calls = {word for word, after in zip(words, words[1:]) if after == "(" and word.isidentifier()}
        return bool(calls - _HARMLESS - {"in", "and", "or", "select", "values", "count", "coalesce", "exists", "any"})
    return False


def _inserted_table(statement: Statement) -> str:
    """The table, as written, of an INSERT ... VALUES; empty for any other statement."""
    words = statement.key()
    if words[:2] != ("insert", "into") or "values" not in words or "select" in words:
        return ""
    return written(statement.tokens[2 : qualified(statement.tokens, 2)])


def inserted_tables(statements: Sequence[Statement]) -> list[str] | None:
    """The tables, if all the statements insert constants; else None: then nothing can be looked for. Pure."""
    tables = [_inserted_table(statement) for statement in statements]
    return sorted(set(tables)) if tables and all(tables) else None


_BEFORE_TABLE = {"insert": ("into",), "delete": ("from",), "update": (), "truncate": ("table",), "copy": ()}


def _changed_table(statement: Statement) -> str:
    """The table, as written, whose rows a statement changes; empty if there may be others."""
    words = statement.key()
    if words[0] not in _BEFORE_TABLE or (words[0] != "truncate" and len(_ROW_WORDS.intersection(words[1:])) > 0):
        return ""
    at = 1
    while words[at : at + 1] and words[at] in (*_BEFORE_TABLE[words[0]], "only"):
        at += 1
    if at >= len(words) or not statement.tokens[at].name:
        return ""
    end = qualified(statement.tokens, at)
    return "" if words[end : end + 1] == (",",) else written(statement.tokens[at:end])


def tables_still_to_come(live: Database, replay: Database, statements: Sequence[Statement]) -> list[str]:
    """The tables whose rows the statements change, if the files make all of them and the live database has none: they cannot have run."""
    there = "SELECT pg_catalog.to_regclass(%s) IS NOT NULL"
    tables = sorted({_changed_table(statement) for statement in statements})
    if not tables or not tables[0]:
        return []
    try:
        missing = all(live.value(there, (name,)) is False and replay.value(there, (name,)) is True for name in tables)
    except DatabaseError as error:  # a name of too many parts
        if error.lost:
            raise
        return []
    return tables if missing else []


_COLUMNS = """
SELECT pg_catalog.quote_ident(a.attname) AS name
  FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
   AND coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') !~ '[(]|CURRENT_|LOCALTIME'
 ORDER BY a.attname
"""
_TABLE = """
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS identity, pg_catalog.pg_table_size(c.oid) AS bytes
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass(%s) AND c.relkind IN ('r', 'p')
"""


def rows_are_there(live: Database, replay: Database, table: str) -> bool:
    """Whether every row that the replay left in the table stands in the live one; columns filled by a function are left out.

    False also where the replay left none, and where there are too many to look for.
    """
    try:
        with live.transaction("BEGIN READ ONLY"), replay.transaction("BEGIN READ ONLY"):
            live.execute(TEXT_SETTINGS)
            replay.execute(TEXT_SETTINGS)
            return _are_there(live, replay, table)
    except DatabaseError:  # a column that is not there, no right to read: not seen is not proven
        return False


def _are_there(live: Database, replay: Database, table: str) -> bool:
    ours, theirs = replay.row(_TABLE, (table,)), live.row(_TABLE, (table,))
    columns = [row["name"] for row in replay.rows(_COLUMNS, (table,))]
    if not ours or not theirs or not columns or theirs["bytes"] > _MOST_BYTES:
        return False
    row = sql.SQL("ROW({})::text").format(sql.SQL(", ").join(sql.SQL(column) for column in columns))
    query = sql.SQL("SELECT pg_catalog.md5({}) AS row FROM {} LIMIT {}")
    rows = {
        item["row"] for item in replay.rows(query.format(row, sql.SQL(ours["identity"]), sql.Literal(_MOST_ROWS + 1)))
    }
    if not rows or len(rows) > _MOST_ROWS:
        return False
    found = sql.SQL("SELECT pg_catalog.count(DISTINCT pg_catalog.md5({})) FROM {} WHERE pg_catalog.md5({}) = ANY (%s)")
    return bool(live.value(found.format(row, sql.SQL(theirs["identity"]), row), (sorted(rows),)) == len(rows))
