# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which column or expression a query compares each of its parameters with, so that values can be taken from there. Pure: text in, names out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Union

from ..migrations.sql.statements import qualified, written
from ..migrations.sql.tokens import SYMBOL, WORD, Token, tokenize
from .expressions import NO_NAMES, OPERATORS, Column, Expression, beginning_at, ending_at, is_function, is_parameter

LIMIT, OFFSET = "limit", "offset"
_WORD_OPERATORS = (
    "like", "ilike", "in", "between", "any", "some", "all", "to", "similar", "not", "is", "distinct", "from",
)  # fmt: skip


class Relation(NamedTuple):
    """What a query reads from: written is for to_regclass, alias what its columns are qualified by."""

    written: str
    alias: str


Compared = Union[Column, Expression, str, None]  # read when this is imported: Python 3.9 has no | there


def parameters_of(text: str) -> dict[int, Compared]:
    """For each $n the column or expression that it is compared with, LIMIT, OFFSET, or None where that is not plain.

    Raises:
        LexerError: it is no SQL.
    """
    tokens = tokenize(text)
    found: dict[int, Compared] = {}
    for at, token in enumerate(tokens):
        if is_parameter(token):
            number = int(token.text[1:])
            found[number] = found.get(number) or _compared(text, tokens, at)
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
            if not alias or (tokens[end].kind == WORD and alias in NO_NAMES):
                alias = last
            else:
                end += 1
            found.append(Relation(name, alias))
            at = end
            if at >= len(tokens) or tokens[at].text != ",":
                break
            at += 1
    return found


def _compared(text: str, tokens: Sequence[Token], at: int) -> Compared:
    before = _before(text, tokens, at - 1)
    if before is not None:
        return before
    after = at + 1
    while after < len(tokens) and tokens[after].text == ")":
        after += 1
    after = _behind_cast(tokens, after)
    begun = after
    while after < len(tokens) and tokens[after].kind == SYMBOL and tokens[after].text in OPERATORS:
        after += 1
    return beginning_at(text, tokens, after) if after > begun else None


def _before(text: str, tokens: Sequence[Token], at: int) -> Compared:
    """What stands before a parameter: tokens[at] is the token left of it."""
    if (
        at >= 1
        and tokens[at].text == "("
        and at + 2 < len(tokens)
        and tokens[at + 2].text == ")"
        and is_function(tokens, at - 1)
    ):
        at -= 2  # lower($1) is compared with what such a value is taken from
    while at >= 0 and (tokens[at].text in ("(", ",", "[") or is_parameter(tokens[at]) or tokens[at].word == "array"):
        if tokens[at].text == "," and not is_parameter(tokens[at - 1]):
            return None  # an argument of a function
        at -= 1
    if at >= 1 and tokens[at].word == "and" and is_parameter(tokens[at - 1]) and tokens[at - 2].word == "between":
        at -= 2
    if at >= 0 and tokens[at].kind == WORD and tokens[at].word in (LIMIT, OFFSET):
        return tokens[at].word
    begun = at
    while at >= 0 and (
        (tokens[at].kind == SYMBOL and tokens[at].text in OPERATORS)
        or (tokens[at].kind == WORD and tokens[at].word in _WORD_OPERATORS)
    ):
        at -= 1
    return ending_at(text, tokens, at) if -1 < at < begun else None


def _behind_cast(tokens: Sequence[Token], at: int) -> int:
    if at + 2 < len(tokens) and tokens[at].text == tokens[at + 1].text == ":":
        return qualified(tuple(tokens), at + 2)
    return at
