# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which column a query compares each of its parameters with, so that values can be taken from there. Pure: text in, names out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..migrations.sql.statements import qualified, written
from ..migrations.sql.tokens import NUMBER, QUOTED, SYMBOL, WORD, Token, tokenize

LIMIT, OFFSET = "limit", "offset"
_OPERATORS = frozenset("=<>!~@#%^&|*+-/?")
_WORD_OPERATORS = (
    "like", "ilike", "in", "between", "any", "some", "all", "to", "similar", "not", "is", "distinct", "from",
)  # fmt: skip
_NOT_AN_ALIAS = (
    "where", "on", "using", "join", "inner", "left", "right", "full", "cross", "natural", "group", "order", "having", "limit",
    "offset", "fetch", "for", "union", "except", "intersect", "window", "set", "returning", "tablesample", "as", "select", "values",
    "with", "and", "or", "when", "then", "end",
)  # fmt: skip


class Column(NamedTuple):
    """A column as a query names it; qualifier is the table or its alias, or empty."""

    qualifier: str
    name: str


class Relation(NamedTuple):
    """What a query reads from: written is for to_regclass, alias what its columns are qualified by."""

    written: str
    alias: str


def parameters_of(text: str) -> dict[int, Column | str | None]:
    """For each $n the column that it is compared with, LIMIT, OFFSET, or None where that is not plain.

    Raises:
        LexerError: it is no SQL.
    """
    tokens = tokenize(text)
    found: dict[int, Column | str | None] = {}
    for at, token in enumerate(tokens):
        if _is_parameter(token):
            number = int(token.text[1:])
            found[number] = found.get(number) or _compared(tokens, at)
    return found


def relations_of(text: str) -> list[Relation]:
    """The tables (and whatever else has such a name) after FROM and JOIN."""
    tokens = tuple(tokenize(text))
    found: list[Relation] = []
    at = 0
    while at < len(tokens):
        word = tokens[at].word if tokens[at].kind == WORD else ""
        at += 1
        if word not in ("from", "join"):
            continue
        while True:
            while at < len(tokens) and tokens[at].kind == WORD and tokens[at].word in ("only", "lateral"):
                at += 1
            end = qualified(tokens, at)
            if end == at or (end < len(tokens) and tokens[end].text == "("):
                break
            name, last = written(tokens[at:end]), tokens[end - 1].name
            end += end < len(tokens) and tokens[end].kind == WORD and tokens[end].word == "as"
            alias = tokens[end].name if end < len(tokens) else ""
            if not alias or (tokens[end].kind == WORD and alias in _NOT_AN_ALIAS):
                alias = last
            else:
                end += 1
            found.append(Relation(name, alias))
            at = end
            if at >= len(tokens) or tokens[at].text != ",":
                break
            at += 1
    return found


def _is_parameter(token: Token) -> bool:
    return token.kind == NUMBER and token.text[0] == "$"


def _compared(tokens: Sequence[Token], at: int) -> Column | str | None:
    before = _before(tokens, at - 1)
    if before is not None:
        return before
    after = at + 1
    while after < len(tokens) and tokens[after].text == ")":
        after += 1
    after = _behind_cast(tokens, after)
    begun = after
    while after < len(tokens) and tokens[after].kind == SYMBOL and tokens[after].text in _OPERATORS:
        after += 1
    if after == begun:
        return None
    end = qualified(tuple(tokens), after)
    if end == after or (end < len(tokens) and tokens[end].text == "("):
        return None
    return _column(tokens[after:end])


def _before(tokens: Sequence[Token], at: int) -> Column | str | None:
    """What stands before a parameter: tokens[at] is the token left of it."""
    while at >= 0 and (tokens[at].text in ("(", ",", "[") or _is_parameter(tokens[at]) or tokens[at].word == "array"):
        if tokens[at].text == "," and not _is_parameter(tokens[at - 1]):
            return None  # an argument of a function
        at -= 1
    if at >= 1 and tokens[at].word == "and" and _is_parameter(tokens[at - 1]) and tokens[at - 2].word == "between":
        at -= 2
    if at >= 0 and tokens[at].kind == WORD and tokens[at].word in (LIMIT, OFFSET):
        return tokens[at].word
    begun = at
    while at >= 0 and (
        (tokens[at].kind == SYMBOL and tokens[at].text in _OPERATORS)
        or (tokens[at].kind == WORD and tokens[at].word in _WORD_OPERATORS)
    ):
        at -= 1
    if at == begun or at < 0:
        return None
    if at >= 3 and tokens[at - 1].text == tokens[at - 2].text == ":":
        at -= 3
    start = at
    if tokens[at].kind not in (WORD, QUOTED):
        return None
    while start >= 2 and tokens[start - 1].text == "." and tokens[start - 2].kind in (WORD, QUOTED):
        start -= 2
    return _column(tokens[start : at + 1])


def _behind_cast(tokens: Sequence[Token], at: int) -> int:
    if at + 2 < len(tokens) and tokens[at].text == tokens[at + 1].text == ":":
        return qualified(tuple(tokens), at + 2)
    return at


def _column(tokens: Sequence[Token]) -> Column | None:
    names = [token.name for token in tokens if token.text != "."]
    if tokens[0].kind == WORD and len(names) == 1 and names[0] in _NOT_AN_ALIAS:
        return None
    return Column(names[-2] if len(names) > 1 else "", names[-1])
