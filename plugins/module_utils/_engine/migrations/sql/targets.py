# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that statements name one after the other: TRUNCATE a, b; VACUUM (FULL) a (x), b; LOCK TABLE ONLY a, b. Pure."""

from __future__ import annotations

from .lexer import Statement
from .statements import qualified, written
from .tokens import WORD, Token

_OFF = ("off", "false", "0", "no")
_BEFORE_NAME = ("table", "only", "if", "exists", "concurrently", "full", "freeze", "verbose", "analyze", "analyse")
_REINDEXED = ("index", "table", "schema", "database", "system")


def listed(tokens: tuple[Token, ...], at: int) -> list[str]:
    """The names from a token on, as written; ONLY, an asterisk and column lists between them are passed over."""
    names = []
    while at < len(tokens):
        while at < len(tokens) and tokens[at].kind == WORD and tokens[at].word in _BEFORE_NAME:
            at += 1
        end = qualified(tokens, at)
        if end == at:
            break
        names.append(written(tokens[at:end]))
        if tokens[end : end + 1] and tokens[end].text == "*":
            end += 1
        if tokens[end : end + 1] and tokens[end].text == "(":
            end = after_parentheses(tokens, end)
        if not tokens[end : end + 1] or tokens[end].text != ",":
            break
        at = end + 1
    return names


def after_parentheses(tokens: tuple[Token, ...], at: int) -> int:
    """The position behind the parentheses that open at a token."""
    depth = 0
    for position in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[position].text, 0)
        if not depth:
            return position + 1
    return len(tokens)


def has_option(statement: Statement, option: str) -> bool:
    """Whether VACUUM, CLUSTER or REINDEX has the option: as a word, or in its parentheses and not off."""
    words = statement.key()
    if words[1:2] != ("(",):
        return option in words[1:6]
    inside = words[2 : after_parentheses(statement.tokens, 1) - 1]
    if option not in inside:
        return option in words[len(inside) + 3 : len(inside) + 6]
    value = inside[inside.index(option) + 1 :][:1]
    return not value or value[0].strip("'") not in _OFF


def maintained(statement: Statement) -> list[str]:
    """The tables of a TRUNCATE, LOCK, VACUUM or CLUSTER, or the table or index of a REINDEX; empty if it names none."""
    words, tokens = statement.key(), statement.tokens
    at = after_parentheses(tokens, 1) if words[1:2] == ("(",) else 1
    if words[0] == "reindex":
        kind = words[at : at + 1]
        return listed(tokens, at + 1) if kind in (("index",), ("table",)) else []
    if words[0] == "cluster" and "on" in words[at + 1 :]:  # CLUSTER index ON table, of old
        return listed(tokens, words.index("on", at + 1) + 1)
    return listed(tokens, at)


def reindexed(statement: Statement) -> str:
    """What kind of thing REINDEX is about: index, table, schema ..."""
    return next((word for word in statement.key()[1:] if word in _REINDEXED), "")
