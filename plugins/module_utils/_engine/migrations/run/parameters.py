# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CREATE OR REPLACE cannot change of a routine with the same input types: its kind, its parameters' names and defaults, its OUT
parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...errors import DatabaseError
from ...postgres.database import Database
from ..files.script import Script
from ..sql.lexer import Statement
from ..sql.tokens import Token

_HERE = """
SELECT p.prokind::text AS kind, p.pronargdefaults::int AS defaults, coalesce(p.proargnames, '{}')::text[] AS names,
       coalesce(p.proargmodes::text[], '{}') AS modes,
       ARRAY(SELECT pg_catalog.format_type(t, NULL) FROM pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) AS t) AS types
  FROM pg_catalog.pg_proc p WHERE p.oid = pg_catalog.to_regprocedure(%s)
"""
_MODES = {"in": "i", "out": "o", "inout": "b", "variadic": "v"}
_KINDS = {"f": "function", "p": "procedure", "a": "aggregate", "w": "window function"}
_INPUTS, _OUTPUTS = "ibv", "ob"


class Parameter(NamedTuple):
    """One parameter; mode as in pg_proc.proargmodes, type as the server calls it, name empty for none."""

    mode: str
    name: str
    type: str
    default: bool


def other_parameters(database: Database, script: Script, statement: Statement, identity: str) -> str:
    """A sentence for the routine that is there, if it takes the same types and cannot be replaced; empty if it can be.

    Args:
        identity: The routine with its input types, as the server reads them.
    """
    row = database.row(_HERE, (identity,))
    declared = _declared(database, script, statement)
    if row is None or declared is None:
        return ""
    names = row["names"] or [""] * len(row["types"])
    modes = row["modes"] or ["i"] * len(row["types"])
    here = [Parameter(mode, name, kind, False) for mode, name, kind in zip(modes, names, row["types"])]
    inputs, wanted = _of(here, _INPUTS), _of(declared, _INPUTS)
    if [item.type for item in inputs] != [item.type for item in wanted]:
        return ""
    said = f"the {_KINDS[row['kind']]} {identity} already exists"
    last = "Drop it first, in this file or by hand."
    if "replace" not in statement.key()[:3]:
        return f"{said}. {last}"
    if row["kind"] != (kind := _kind(statement.key())):
        return f"{said}, and CREATE OR REPLACE cannot make it {'an' if kind == 'a' else 'a'} {_KINDS[kind]}. {last}"
    renamed = next(((a.name, b.name) for a, b in zip(inputs, wanted) if a.name and a.name != b.name), None)
    if renamed:
        return f"{said}, and CREATE OR REPLACE cannot rename its parameter {renamed[0]}{f' to {renamed[1]}' if renamed[1] else ''}. {last}"
    if sum(item.default for item in wanted) < row["defaults"]:
        return f"{said}, and CREATE OR REPLACE cannot remove the defaults of its parameters. {last}"
    before, after = ([(item.name, item.type) for item in _of(each, _OUTPUTS)] for each in (here, declared))
    if before != after and "returns" not in statement.key():
        return f"{said}, and CREATE OR REPLACE cannot change its OUT parameters. {last}"
    return ""


def _kind(words: Sequence[str]) -> str:
    """What the statement creates, as in pg_proc.prokind."""
    if "procedure" in words[:4]:
        return "p"
    return "a" if "aggregate" in words[:4] else "w" if "window" in words else "f"


def _of(parameters: Sequence[Parameter], modes: str) -> list[Parameter]:
    return [item for item in parameters if item.mode in modes]


def _declared(database: Database, script: Script, statement: Statement) -> list[Parameter] | None:
    """The parameters that the statement declares; None if a type is not known."""
    words = statement.key()
    if "(" not in words:
        return None
    parameters = []
    for piece in _pieces(statement.tokens[words.index("(") + 1 :]):
        parameter = _parameter(database, script, piece)
        if parameter is None:
            return None
        parameters.append(parameter)
    return parameters


def _pieces(tokens: Sequence[Token]) -> list[list[Token]]:
    """What stands between the commas, up to the closing parenthesis."""
    pieces: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0)
        if depth < 0:
            break
        if token.text == "," and not depth:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [piece for piece in pieces if piece]


def _parameter(database: Database, script: Script, piece: list[Token]) -> Parameter | None:
    mode = _MODES.get(piece[0].word, "") if len(piece) > 1 else ""
    rest = piece[1:] if mode else piece
    ends = [at for at, token in enumerate(rest) if token.word in ("default", "=") or token.text == ":="]
    default = bool(ends)
    rest = rest[: ends[0]] if ends else rest
    if not rest:
        return None
    for skip in (0, 1):
        if len(rest) > skip:
            known = _known_type(database, script.text[rest[skip].start : rest[-1].end])
            if known:
                return Parameter(mode or "i", rest[0].name if skip else "", known, default)
    return None


def _known_type(database: Database, text: str) -> str:
    """The type as the server calls it; empty if there is none of this name."""
    try:
        query = "SELECT pg_catalog.format_type(pg_catalog.to_regtype(%s), NULL)"
        return str(database.value(query, (text,)) or "")
    except DatabaseError as error:
        if error.lost:
            raise
        return ""
