# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement is: whether it can share a transaction, and which index or object it makes. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .lexer import Statement, ends_transactions
from .tokens import QUOTED, STRING, WORD, Token

# Transaction modes. ALONE: fails inside a transaction block. EITHER: runs in both. CONTROL: begins or ends a transaction.
TOGETHER, ALONE, EITHER, CONTROL = "together", "alone", "either", "control"

_CONTROL = ("begin", "commit", "end", "abort", "rollback", "start")
_EITHER = ("set", "reset", "show", "analyze", "load")
_ALL_TABLES = ("cluster", "verbose", ")")  # how a CLUSTER that names no table ends
_IDENTIFIER = re.compile(r"[\w$]+")


@dataclass(frozen=True)
class IndexDeclaration:
    """One CREATE INDEX.

    Attributes:
        name: The index's name as the server will store it; empty if the server chooses.
        table: The table as written, quotes and schema included.
        rest: The text after the table: method, columns, predicate ...
        start, end, line: Where the statement stands in its text.
    """

    name: str
    table: str
    rest: str
    unique: bool
    concurrently: bool
    if_not_exists: bool
    only: bool
    start: int
    end: int
    line: int


@dataclass(frozen=True)
class Named:
    """An object that a CREATE or DROP statement names: kind ("table", "function" ...) and the name as written.

    span, comma: where a DROP statement says so in its text, and where the comma before it stands (-1 without one).
    """

    kind: str
    name: str
    tolerant: bool
    span: tuple[int, int] = (0, 0)
    comma: int = -1


def transaction_mode(statement: Statement) -> str:
    """The transaction mode: TOGETHER, ALONE, EITHER or CONTROL."""
    words = statement.key()
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first == "rollback" and "to" in words[:3]:
        return TOGETHER
    if first in _CONTROL:
        return ALONE if second == "prepared" else CONTROL
    if first == "prepare" and second == "transaction":
        return CONTROL
    if first == "do" and ends_transactions(statement):
        return ALONE
    if first == "set" and second in ("local", "constraints", "transaction"):
        return TOGETHER
    if _alone(first, second, words):
        return ALONE
    return EITHER if first in _EITHER else TOGETHER


def _alone(first: str, second: str, words: tuple[str, ...]) -> bool:
    if (
        first == "vacuum"
        or (first == "alter" and second == "system")
        or words == ("discard", "all")
        or (
            first == "cluster" and (second in ("", "(") or words == ("cluster", "verbose")) and words[-1] in _ALL_TABLES
        )
    ):
        return True
    if first == "create":
        if second in ("index", "unique"):
            return "concurrently" in words[2:4]
        return second in ("database", "tablespace", "subscription")
    if first == "drop":
        return second in ("database", "tablespace", "subscription") or words[:3] == ("drop", "index", "concurrently")
    if first == "reindex":
        return "concurrently" in words or any(word in words[:8] for word in ("schema", "database", "system"))
    if first == "alter" and second == "database":
        return "tablespace" in words
    if first == "alter" and second == "subscription":
        return "refresh" in words or "publication" in words
    return first == "alter" and second == "table" and "detach" in words and words[-1] == "concurrently"


def copies_out(statement: Statement) -> bool:
    """True for COPY ... TO STDOUT, whose rows come back to the client."""
    words = statement.key()
    return words[0] == "copy" and any(pair in (("to", "stdout"), ("to", "stdin")) for pair in zip(words, words[1:]))


def enum_value(statement: Statement) -> tuple[str, str] | None:
    """(type as written, literal) of ALTER TYPE ... ADD VALUE, or None."""
    words = statement.key()
    if words[:2] != ("alter", "type") or "add" not in words[3:6]:
        return None
    at = words.index("add", 3)
    literal = next((token for token in statement.tokens[at:] if token.kind == STRING), None)
    if words[at + 1 : at + 2] != ("value",) or literal is None:
        return None
    return "".join(token.text for token in statement.tokens[2:at]), literal.text


def uses_literal(statement: Statement, literal: str) -> bool:
    """True if the statement holds the string literal, also inside a quoted body."""
    return any(token.kind == STRING and (token.text == literal or literal in token.text) for token in statement.tokens)


def qualified(tokens: tuple[Token, ...], at: int) -> int:
    """The position after a possibly qualified name that begins at tokens[at]; at itself if there is no name."""
    if at >= len(tokens) or tokens[at].kind not in (WORD, QUOTED):
        return at
    at += 1
    while at + 1 < len(tokens) and tokens[at].text == "." and tokens[at + 1].kind in (WORD, QUOTED):
        at += 2
    return at


def written(tokens: tuple[Token, ...]) -> str:
    return "".join(token.text for token in tokens)


def index_declaration(statement: Statement, text: str) -> IndexDeclaration | None:
    """The index that the statement creates, or None for any other statement."""
    tokens = statement.tokens
    if tokens[0].word != "create":
        return None
    words = (*statement.words(9), *[""] * 9)
    at = 2 if words[:3] == ("create", "unique", "index") else 1
    if words[at] != "index":
        return None
    unique, at = at == 2, at + 1
    concurrently = tokens[at].kind == WORD and words[at] == "concurrently"
    at += concurrently
    if_not_exists = words[at : at + 3] == ("if", "not", "exists")
    at += 3 * if_not_exists
    name = ""
    if tokens[at].word != "on" or tokens[at].kind == QUOTED:
        name, at = tokens[at].name, at + 1
    if at >= len(tokens) or tokens[at].word != "on":
        return None
    at += 1
    only = tokens[at].word == "only" and tokens[at].kind == WORD
    at += only
    end = qualified(tokens, at)
    if end == at or end >= len(tokens):
        return None
    return IndexDeclaration(
        name, written(tokens[at:end]), text[tokens[end].start : statement.end], unique, concurrently, if_not_exists,
        only, statement.start, statement.end, statement.line,
    )  # fmt: skip


_KINDS = {
    "table": "relation", "view": "relation", "sequence": "relation", "index": "relation", "function": "routine",
    "procedure": "routine", "aggregate": "routine", "routine": "routine", "type": "type", "domain": "type",
    "schema": "schema", "extension": "extension",
}  # fmt: skip
_NOISE = (
    "or",
    "replace",
    "temp",
    "temporary",
    "unlogged",
    "recursive",
    "materialized",
    "unique",
    "global",
    "local",
    "foreign",
)


def created(statement: Statement) -> Named | None:
    """What the statement creates, if its name can be looked up; tolerant: it may be there already (OR REPLACE ...)."""
    words = statement.key()
    if words[0] != "create":
        return None
    at = 1
    while at < len(words) and words[at] in _NOISE:
        at += 1
    kind = _KINDS.get(words[at]) if at < len(words) else None
    if kind is None or ("temp" in words[:at] or "temporary" in words[:at]):
        return None
    tolerant = "replace" in words[:at]
    at += 1
    if words[at : at + 1] == ("concurrently",):
        at += 1
    if words[at : at + 3] == ("if", "not", "exists"):
        tolerant, at = True, at + 3
    end = qualified(statement.tokens, at)
    return Named(kind, written(statement.tokens[at:end]), tolerant) if end > at else None


def dropped(statement: Statement) -> list[Named]:
    """The objects that a DROP statement names; routines keep their argument list."""
    words = statement.key()
    if words[0] != "drop" or len(words) < 3:
        return []
    at = 2 if words[1] in ("materialized", "foreign") else 1
    kind = _KINDS.get(words[at])
    if kind is None:
        return []
    at += 1
    at += words[at : at + 1] == ("concurrently",)
    tolerant = words[at : at + 2] == ("if", "exists")
    at += 2 * tolerant
    found: list[Named] = []
    comma = -1
    while at < len(words):
        end = qualified(statement.tokens, at)
        if end == at:
            break
        if kind == "routine" and end < len(words) and words[end] == "(":
            end = next((i for i in range(end, len(words)) if words[i] == ")"), end) + 1
        pieces = statement.tokens[at:end]
        name = " ".join(token.text for token in pieces).replace(" . ", ".")
        found.append(Named(kind, name, tolerant, (pieces[0].start, pieces[-1].end), comma))
        if words[end : end + 1] != (",",):
            break
        comma, at = statement.tokens[end].start, end + 1
    return found


def moves_names(statement: Statement) -> bool:
    """True if unqualified names may mean something else after it: SET search_path, set_config(), SET ROLE ..."""
    words = statement.key()
    if words[0] in ("set", "reset"):
        return any(word in words[1:4] for word in ("search_path", "schema", "role", "session", "all"))
    return "set_config" in words


def names_in(statement: Statement) -> set[str]:
    """Every identifier in the statement, and every word inside its quoted bodies, as the server would store it."""
    found = {token.name for token in statement.tokens}
    for token in statement.tokens:
        if token.kind == STRING:
            found.update(_IDENTIFIER.findall(token.text))
    found.discard("")
    return found
