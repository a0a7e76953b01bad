# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks that statements take, and the tables they take them on."""

from __future__ import annotations

from ...outcome import Data
from ...postgres.database import Database
from ..files.script import Script, shortened
from ..sql.lexer import Statement
from ..sql.statements import qualified, written

ACCESS_EXCLUSIVE, SHARE_ROW, SHARE_UPDATE, SHARE, ROW = (
    "ACCESS EXCLUSIVE", "SHARE ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "ROW EXCLUSIVE",
)  # fmt: skip
_MILD_ALTER = (
    ("validate", "constraint"), ("set", "statistics"), ("cluster", "on"), ("attach", "partition"),
)  # fmt: skip


def lock_of(statement: Statement) -> tuple[str, str]:
    """(lock level, table as written) of a statement; empty strings if it takes none worth a word. Pure."""
    words, tokens = statement.key(), statement.tokens
    concurrently = "concurrently" in words
    first = words[0]
    if first in ("create", "drop") and "index" in words[1:3]:
        level = SHARE_UPDATE if concurrently else SHARE if first == "create" else ACCESS_EXCLUSIVE
        if first == "create" and "on" in words:
            return level, _name(statement, words.index("on") + 1)
        return level, _name(statement, words.index("index") + 1)
    if first == "create" and "trigger" in words[1:5] and "on" in words:
        return SHARE_ROW, _name(statement, words.index("on") + 1)
    if first == "create" and words[1:2] in (("policy",), ("rule",)) and ("on" in words or "to" in words):
        return ACCESS_EXCLUSIVE, _name(statement, words.index("on" if "on" in words else "to") + 1)
    if first == "alter" and words[1:2] == ("table",):
        return _alter_level(words), _name(statement, 2)
    if first in ("drop", "truncate") or first == "cluster":
        at = 2 if first == "drop" or words[1:2] == ("table",) else 1
        return (ACCESS_EXCLUSIVE, _name(statement, at)) if words[:2] != ("drop", "function") else ("", "")
    if first in ("update", "insert", "delete", "merge"):
        at = 2 if words[1:2] in (("into",), ("from",)) else 1
        return ROW, _name(statement, at)
    if first == "vacuum":
        level = ACCESS_EXCLUSIVE if "full" in words else SHARE_UPDATE
        return level, "" if tokens[-1].text == ")" else tokens[-1].text if len(tokens) > 1 else ""
    if first == "refresh":
        return ("EXCLUSIVE" if concurrently else ACCESS_EXCLUSIVE), _name(statement, 4 if concurrently else 3)
    if first == "reindex":
        return (SHARE_UPDATE if concurrently else SHARE), tokens[-1].text
    if first == "lock":
        return ACCESS_EXCLUSIVE, _name(statement, 2 if words[1] == "table" else 1)
    return "", ""


def _alter_level(words: tuple[str, ...]) -> str:
    pairs = set(zip(words, words[1:]))
    if any(pair in pairs for pair in _MILD_ALTER) or ("detach" in words and "concurrently" in words):
        return SHARE_UPDATE
    if ("foreign", "key") in pairs or ("enable", "trigger") in pairs or ("disable", "trigger") in pairs:
        return SHARE_ROW
    return ACCESS_EXCLUSIVE


def _name(statement: Statement, at: int) -> str:
    words = statement.key()
    while words[at : at + 1] in (("if",), ("not",), ("exists",), ("only",), ("concurrently",)):
        at += 1
    return written(statement.tokens[at : qualified(statement.tokens, at)])


def locks(database: Database, script: Script) -> list[Data]:
    """Each statement with its lock and the size of its table: {line, statement, lock, table, rows, bytes}."""
    said = []
    sizes: dict[str, Data] = {}  # a file may hold thousands of INSERTs into one table
    for statement in script.statements:
        level, table = lock_of(statement)
        said_there = shortened(script.text[statement.start : statement.end])
        item: Data = {"line": statement.line, "statement": said_there}
        if level:
            if table not in sizes:
                sizes[table] = _size(database, table)
            item.update(lock=level, table=table, **sizes[table])
        said.append(item)
    return said


def _size(database: Database, table: str) -> Data:
    row = table and database.row(
        "SELECT greatest(reltuples, 0)::bigint AS rows, pg_catalog.pg_table_size(oid) AS bytes FROM pg_catalog.pg_class "
        "WHERE oid = pg_catalog.to_regclass(%s)",
        (table,),
    )
    return dict(row) if row else {"rows": 0, "bytes": 0}
