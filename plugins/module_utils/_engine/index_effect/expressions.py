# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expression beside an operator, as lower(email) in lower(email) = $1. Pure: tokens in, a piece of the text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..migrations.sql.statements import qualified
from ..migrations.sql.tokens import NUMBER, QUOTED, STRING, SYMBOL, WORD, Token

OPERATORS = frozenset("=<>!~@#%^&|*+-/?")
_COMPARISONS = ("=", "<", ">", "<=", ">=", "<>", "!=")
# Words that name neither a table nor a column, unless they are quoted.
NO_NAMES = (
    "where", "on", "using", "join", "inner", "left", "right", "full", "cross", "natural", "group", "order", "having", "limit",
    "offset", "fetch", "for", "union", "except", "intersect", "window", "set", "returning", "tablesample", "as", "select", "values",
    "with", "and", "or", "when", "then", "end",
)  # fmt: skip
# What may stand before a parenthesis without being the name of a function.
_NO_FUNCTIONS = (
    "where", "on", "and", "or", "not", "in", "any", "some", "all", "exists", "when", "then", "else", "case", "having", "select", "by",
    "like", "ilike", "similar", "to", "between", "from", "is", "distinct", "limit", "offset", "using", "as", "array", "values", "row",
)  # fmt: skip


class Column(NamedTuple):
    """A column as a query names it; qualifier is the table or its alias, or empty."""

    qualifier: str
    name: str


class Expression(NamedTuple):
    """What a query computes from columns, as it stands there; columns are the names in it that may be some."""

    text: str
    columns: tuple[Column, ...]


def is_parameter(token: Token) -> bool:
    """Whether it is $1, $2 and so on."""
    return token.kind == NUMBER and token.text[0] == "$"


def is_function(tokens: Sequence[Token], at: int) -> bool:
    """Whether tokens[at] is the name of a function that is called."""
    called = at + 1 < len(tokens) and tokens[at + 1].text == "("
    return called and (tokens[at].kind == QUOTED or tokens[at].kind == WORD and tokens[at].word not in _NO_FUNCTIONS)


def ending_at(text: str, tokens: Sequence[Token], last: int) -> Column | Expression | None:
    """What ends with tokens[last] and begins behind a comparison or a keyword; None where that is not plain."""
    at = last
    while True:
        start = _operand_before(tokens, at)
        if start is None:
            return None
        operator = start - 1
        while operator >= 0 and tokens[operator].kind == SYMBOL and tokens[operator].text in OPERATORS:
            operator -= 1
        between = "".join(token.text for token in tokens[operator + 1 : start])
        if operator < 0 or not between or between in _COMPARISONS:
            return _made(text, tokens[start : last + 1])
        at = operator


def beginning_at(text: str, tokens: Sequence[Token], first: int) -> Column | Expression | None:
    """A name, a call or a group that begins with tokens[first]."""
    end = qualified(tuple(tokens), first)
    if end < len(tokens) and tokens[end].text == "(" and (end == first or is_function(tokens, end - 1)):
        depth = 0
        for last in range(end, len(tokens)):
            depth += {"(": 1, ")": -1}.get(tokens[last].text, 0)
            if not depth:
                return _made(text, tokens[first : last + 1])
        return None
    return _made(text, tokens[first:end]) if end > first else None


def _operand_before(tokens: Sequence[Token], last: int) -> int | None:
    """Where the operand begins whose last token this is: a name, a value, a call, a group in parentheses, or a cast of these."""
    if last < 0:
        return None
    if last >= 3 and tokens[last].kind == WORD and tokens[last - 1].text == tokens[last - 2].text == ":":
        return _operand_before(tokens, last - 3)
    if tokens[last].text == ")" and tokens[last].kind == SYMBOL:
        depth, start = 0, last
        while start >= 0:
            depth += {")": 1, "(": -1}.get(tokens[start].text, 0)
            if not depth:
                break
            start -= 1
        if start < 0:
            return None
        return _name_before(tokens, start - 1) if start and is_function(tokens, start - 1) else start
    if tokens[last].kind == STRING or (tokens[last].kind == NUMBER and not is_parameter(tokens[last])):
        return last
    return _name_before(tokens, last) if tokens[last].kind in (WORD, QUOTED) else None


def _name_before(tokens: Sequence[Token], last: int) -> int:
    while last >= 2 and tokens[last - 1].text == "." and tokens[last - 2].kind in (WORD, QUOTED):
        last -= 2
    return last


def _made(text: str, tokens: Sequence[Token]) -> Column | Expression | None:
    """The column, if it is one (a cast of it counts), or the expression; None for a keyword and for what is asked of rows or parameters."""
    if any(is_parameter(token) or (token.kind == WORD and token.word == "select") for token in tokens):
        return None
    plain, end = tuple(tokens), qualified(tuple(tokens), 0)
    if end and (end == len(tokens) or (len(tokens) == end + 3 and tokens[end].text == tokens[end + 1].text == ":")):
        return None if end == 1 and plain[0].kind == WORD and plain[0].word in NO_NAMES else column_of(tokens[:end])
    columns, at = [], 0
    while at < len(plain):
        end = qualified(plain, at)
        cast = at >= 2 and plain[at - 1].text == plain[at - 2].text == ":"
        if end > at and not cast and not is_function(plain, end - 1):
            columns.append(column_of(plain[at:end]))
        at = max(end, at + 1)
    return Expression(text[tokens[0].start : tokens[-1].end], tuple(columns)) if columns else None


def column_of(tokens: Sequence[Token]) -> Column:
    """The column that a possibly qualified name means."""
    names = [token.name for token in tokens if token.text != "."]
    return Column(names[-2] if len(names) > 1 else "", names[-1])
