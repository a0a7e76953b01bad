# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types and languages that a definition names. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..lint.view import Action, View
from ..sql.statements import qualified, written
from ..sql.tokens import QUOTED, STRING, WORD, Token

# Types that the grammar knows, of several words or of none in the catalog.
_KNOWN = frozenset((
    "int", "integer", "smallint", "bigint", "real", "float", "double", "decimal", "dec", "numeric", "boolean", "bit", "character", "char",
    "varchar", "national", "nchar", "timestamp", "time", "interval", "json", "serial", "bigserial", "smallserial", "serial2", "serial4",
    "serial8", "setof", "table", "text", "array", "xml", "record", "void", "trigger",
))  # fmt: skip
_MAKES_TYPES = ("internal", "c")  # a function in these languages makes the type that it is for, as a shell
_MODES = ("in", "out", "inout", "variadic")
_NO_TYPE = frozenset(
    (
        "as",
        "default",
        "not",
        "null",
        "check",
        "constraint",
        "collate",
        "primary",
        "references",
        "unique",
        "generated",
        "with",
    )
)


def type_at(tokens: Sequence[Token], at: int) -> str:
    """The type that is written there, without modifiers and brackets; empty where it cannot be missing, or is no plain name."""
    tokens = tuple(tokens)
    end = qualified(tokens, at)
    if end == at or tokens[end : end + 1] and tokens[end].text in ("%", "("):
        return "" if end == at or tokens[end].text == "%" or tokens[at].word in _KNOWN else written(tokens[at:end])
    if end == at + 1 and tokens[at].kind == WORD and (tokens[at].word in _KNOWN or tokens[at].word in _NO_TYPE):
        return ""
    return written(tokens[at:end])


def of_function(view: View, at: int) -> Iterator[tuple[str, str]]:
    """Kind and name of what the declaration of a function or procedure needs: the types of arguments and result, the language."""
    end = qualified(view.tokens, at)
    if view.words[end : end + 1] != ("(",):
        return
    if view.name_after("language").strip("'\"").lower() in _MAKES_TYPES:
        return
    for argument in view.parts(end):
        yield "type", _of_argument(argument)
    for place in range(end, len(view.words) - 1):
        word, kind = view.words[place], view.tokens[place].kind
        if kind == WORD and word == "returns" and view.words[place + 1] != "null":
            yield "type", type_at(view.tokens, place + 1 + (view.words[place + 1] == "setof"))
        if kind == WORD and word == "language" and view.tokens[place + 1].kind in (WORD, QUOTED):
            yield "language", view.tokens[place + 1].name
        if kind == STRING and view.words[place - 1] == "as":
            return


def _of_argument(argument: Action) -> str:
    """Mode, name, type, default: the type, where it is plain which of the words it is."""
    at = int(argument.words[0] in _MODES)
    rest = next(
        (i for i, word in enumerate(argument.words) if word in ("default", "=") or (word == ":" and i)),
        len(argument.words),
    )
    words = argument.tokens[at:rest]
    first = qualified(words, 0)
    if first == len(words) or words[first].text in ("[", "("):
        return type_at(words, 0)  # a type only
    if first == 1 and words[0].word not in _KNOWN and qualified(words, 1) > 1:
        return type_at(words, 1)
    return ""
