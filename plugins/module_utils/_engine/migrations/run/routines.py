# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions of the same arguments that are there before a file: OR REPLACE changes neither their parameters nor what they return."""

from __future__ import annotations

from ...errors import DatabaseError
from ...postgres.database import Database
from ..files.script import Script
from ..sql.lexer import Statement
from ..sql.statements import Named
from .existing_objects import objects_named
from .parameters import other_parameters

_RESULT_ENDS = frozenset((
    "language", "as", "window", "immutable", "stable", "volatile", "strict", "called", "security", "external", "leakproof",
    "not", "cost", "rows", "support", "set", "parallel", "transform", "return", "begin",
))  # fmt: skip
_RESULTS = """
SELECT pg_catalog.format('%%I.%%I(%%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) AS identity,
       pg_catalog.pg_get_function_result(p.oid) AS result, p.pronargs AS arguments, p.proretset AS rows
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE p.oid = pg_catalog.to_regprocedure(%s)
"""


def other_routine(database: Database, script: Script, statement: Statement, named: Named) -> str:
    """A sentence about the first one whose parameters or result OR REPLACE cannot change; empty for none."""
    for item in objects_named(database, named):
        parameters = other_parameters(database, script, statement, item["identity"])
        if parameters:
            return parameters
        row = database.row(_RESULTS, (item["identity"],))
        if row is None or row["result"] is None:
            continue  # a procedure has none
        wanted = _result(script, statement)
        if "aggregate" in statement.key()[:4]:
            wanted = _of_aggregate(script, statement)
            row["arguments"] = _count_arguments(statement)
        if (
            wanted
            and row["arguments"] == _count_arguments(statement)
            and not _same_type(database, wanted, row["result"] or "")
        ):
            return (
                f"the function {row['identity']} already exists and returns {row['result']}; CREATE OR REPLACE cannot make it return {wanted}. "
                "Drop it first, in this file or by hand."
            )
    return ""


def _result(script: Script, statement: Statement) -> str:
    """What stands between RETURNS and the next clause."""
    words = statement.key()
    if "returns" not in words:
        return ""
    start = words.index("returns") + 1
    depth, end = 0, start
    while end < len(words) and (depth or words[end] not in _RESULT_ENDS):
        depth += {"(": 1, ")": -1}.get(words[end], 0)
        end += 1
    return (
        " ".join(script.text[statement.tokens[start].start : statement.tokens[end - 1].end].split())
        if end > start
        else ""
    )


def _of_aggregate(script: Script, statement: Statement) -> str:
    """The type of an aggregate's state, which is its result; empty where a function makes the result of it."""
    words = statement.key()
    at = words.index("stype") + 2 if "stype" in words else 0
    if not at or "finalfunc" in words:
        return ""
    end = next((i for i in range(at, len(words)) if words[i] in (",", ")")), at)
    return script.text[statement.tokens[at].start : statement.tokens[end - 1].end]


def _count_arguments(statement: Statement) -> int:
    words = statement.key()
    depth = commas = 0
    start = words.index("(") if "(" in words else len(words)
    at = start
    for at in range(start, len(words)):
        depth += {"(": 1, ")": -1}.get(words[at], 0)
        commas += words[at] == "," and depth == 1
        if not depth:
            break
    return commas + 1 if at > start + 1 else 0


def _same_type(database: Database, wanted: str, here: str) -> bool:
    """Whether two results are the same type, however they are written; True where that cannot be told."""
    if wanted.lower() == here.lower():
        return True
    mine, theirs = _columns_of(wanted), _columns_of(here)
    if (mine is None) != (theirs is None):
        return False
    if mine is not None and theirs is not None:
        same_names = [name for name, _type in mine] == [name for name, _type in theirs]
        pairs = zip([kind for _name, kind in mine], [kind for _name, kind in theirs])
        return (
            same_names
            and len(mine) == len(theirs)
            and all(type_name(database, a) == type_name(database, b) for a, b in pairs)
        )
    if wanted.lower().startswith("setof ") != here.lower().startswith("setof "):
        return False
    return type_name(database, _plain(wanted)) == type_name(database, _plain(here))


def _plain(text: str) -> str:
    return text[6:] if text.lower().startswith("setof ") else text


def _columns_of(text: str) -> list[tuple[str, str]] | None:
    """The names and types of TABLE (...), or None for another result."""
    if not text.lower().startswith("table"):
        return None
    pieces, depth, begun = [], 0, text.index("(") + 1
    inside = text[begun : text.rindex(")")]
    piece = ""
    for char in inside:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and not depth:
            pieces.append(piece)
            piece = ""
        else:
            piece += char
    names = [part.strip().partition(" ") for part in [*pieces, piece] if part.strip()]
    return [(name.strip('"').lower(), kind.strip()) for name, _blank, kind in names]


def type_name(database: Database, text: str) -> str:
    """The type without its modifier, as the server calls it; the text itself if it knows none of this name."""
    try:
        return str(database.value("SELECT pg_catalog.to_regtype(%s)::pg_catalog.text", (text,)) or text)
    except DatabaseError:
        return text
