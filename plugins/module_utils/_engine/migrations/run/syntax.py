# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Syntax errors, before anything runs: PL/pgSQL's compiler has the server's parser read statements that are never reached."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import DatabaseError
from ...postgres.database import Database
from ...postgres.sqlstates import SYNTAX_ERROR
from ..files.script import Script
from ..sql.lexer import Statement
from ..sql.tokens import STRING
from .problem import Problem

# Words with which a statement of PL/pgSQL's own begins, or that its compiler takes for the end of something.
_NOT_READ = frozenset((
    "assert", "begin", "call", "case", "close", "commit", "continue", "declare", "do", "else", "elsif", "end", "exception", "execute",
    "exit", "fetch", "for", "foreach", "get", "if", "loop", "move", "null", "open", "perform", "raise", "return", "rollback", "strict", "table",
    "when", "while",
))  # fmt: skip
_LIMITS = "SET LOCAL statement_timeout = '10s'; SET LOCAL check_function_bodies = on"


def syntax_errors(database: Database, script: Script) -> list[Problem]:
    """The statements of the file that the server cannot read; nothing of what cannot be known without running it."""
    read = [(statement, text) for statement in script.statements if (text := _readable(statement, script))]
    if not read or not _refusal(database, [text for _statement, text in read]):
        return []
    refused = [(statement, _refusal(database, [text])) for statement, text in read]
    return [Problem(script.file, statement.line, message) for statement, message in refused if message]


def _readable(statement: Statement, script: Script) -> str:
    """The text that stands for the statement in a PL/pgSQL block; empty where that would mean something else."""
    words = statement.key()
    text = script.text[statement.start : statement.end]
    if words[0] == "do":
        return _block(statement, words)
    if (
        words[0] in _NOT_READ
        or not words[0][:1].isalpha()
        or "atomic" in words
        or (words[0] == "create" and ";" in words)
    ):
        return ""
    for before, word in zip(words, words[1:]):
        if word == "into" and before not in ("insert", "merge"):  # PL/pgSQL's INTO has a variable
            return ""
    return text


def _block(statement: Statement, words: Sequence[str]) -> str:
    """The body of a DO block of PL/pgSQL, which may stand inside another block."""
    if "language" in words and words[words.index("language") + 1 :][:1] != ("plpgsql",):
        return ""
    body = next((token.text for token in statement.tokens if token.kind == STRING), "")
    if not body.startswith("$"):
        return ""
    tag = body[: body.index("$", 1) + 1]
    inside = body[len(tag) : -len(tag)].strip()
    return "" if inside.startswith("#") else inside.rstrip().removesuffix(";")


def _refusal(database: Database, texts: Sequence[str]) -> str:
    """What the server says of one of them; empty if it can read them all, or says something else than a syntax error."""
    tag = "$titan_db_syntax$"
    if any(tag in text for text in texts):
        return ""
    inside = "".join(f"{text}\n;" for text in texts)
    try:
        with database.transaction("BEGIN READ ONLY"):
            database.execute(f"{_LIMITS}; DO {tag} BEGIN IF false THEN {inside} END IF; END {tag} LANGUAGE plpgsql")
    except DatabaseError as error:
        return error.message if error.sqlstate == SYNTAX_ERROR else ""
    return ""
