# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that a statement needs, and how lists of names are read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..lint.view import View
from ..sql.statements import qualified, written
from ..sql.tokens import QUOTED, WORD, Token

RELATION, SCHEMA, TYPE, ROUTINE, ROLE, EXTENSION = "relation", "schema", "type", "routine", "role", "extension"
COLUMN, CONSTRAINT, TRIGGER, POLICY, RULE, INDEX, LABEL = (
    "column",
    "constraint",
    "trigger",
    "policy",
    "rule",
    "index",
    "label",
)
LANGUAGE, PUBLICATION, SERVER = "language", "publication", "server"
MATERIALIZED_VIEW, PARTITIONED_TABLE = "materialized view", "partitioned table"  # a relation that is one of these
OWN_COLUMN = "own column"  # of a table that is about to be made, and does not list it
NEW_LABEL = "new label"  # of an enum that does not have it


class Need(NamedTuple):
    """One thing that has to be there.

    Attributes:
        kind: See above.
        name: As written; as the server stores it where it is no name with a schema (a role, a column ...).
        of: The table of a column, constraint ..., the type of a label; as written.
    """

    kind: str
    name: str
    of: str = ""


_KINDS = {
    "table": RELATION, "view": RELATION, "index": RELATION, "sequence": RELATION, "materialized": RELATION, "foreign": RELATION,
    "schema": SCHEMA, "type": TYPE, "domain": TYPE, "function": ROUTINE, "procedure": ROUTINE, "routine": ROUTINE, "aggregate": ROUTINE,
    "role": ROLE, "user": ROLE, "group": ROLE, "extension": EXTENSION, "language": LANGUAGE, "publication": PUBLICATION, "server": SERVER,
}  # fmt: skip
PARTS = {"constraint": CONSTRAINT, "trigger": TRIGGER, "policy": POLICY, "rule": RULE}
_TWO_WORDS = (("materialized", "view"), ("foreign", "table"))
_NOT_NAMED = frozenset(("public", "current_user", "current_role", "session_user", "user", "none", "default", "all"))
_BY_STORED_NAME = frozenset((ROLE, EXTENSION, LANGUAGE, PUBLICATION, SERVER))


def names(view: View, at: int, routines: bool = False) -> Iterator[tuple[str, int]]:
    """Each name of a list with commas, as written, and the place behind it; routines with their argument list."""
    while (end := qualified(view.tokens, at)) > at:
        name = written(view.tokens[at:end])
        if routines and view.words[end : end + 1] == ("(",):
            close = next((i for i in range(end, len(view.words)) if view.words[i] == ")"), end)
            name += " ".join(token.text for token in view.tokens[end : close + 1])
            end = close + 1
        yield name, end
        if view.words[end : end + 1] != (",",):
            return
        at = end + 1


def of_kind(view: View, kind: str, at: int) -> Iterator[Need]:
    if kind == ROLE:
        yield from roles(view, at)
        return
    for name, end in names(view, at, kind == ROUTINE):
        yield Need(kind, view.tokens[end - 1].name if kind in _BY_STORED_NAME else name)


def roles(view: View, at: int) -> Iterator[Need]:
    while at < len(view.words):
        at += view.words[at] == "group" and view.words[at + 1 : at + 2] not in ((), (",",))
        token = view.tokens[at]
        if token.kind == QUOTED or (token.kind == WORD and token.word not in _NOT_NAMED):
            yield Need(ROLE, token.name)
        if view.words[at + 1 : at + 2] != (",",):
            return
        at += 2


def place(view: View, word: str, begin: int = 1) -> int:
    """The place behind the first such keyword; the statement's end without one."""
    depth = 0
    for at in range(begin, len(view.words)):
        depth += {"(": 1, ")": -1}.get(view.words[at], 0)
        if not depth and view.words[at] == word and view.tokens[at].kind == WORD:
            return at + 1
    return len(view.words)


def kind_at(view: View, at: int) -> tuple[str, int]:
    """The kind of object that the word says, and the place of its name; empty for others."""
    words = view.words
    kind = _KINDS.get(words[at], "") if at < len(words) else ""
    two = words[at : at + 2] in _TWO_WORDS
    if words[at : at + 1] in (("materialized",), ("foreign",)) and not two:
        return "", at
    return kind, at + 1 + two


def column(tokens: Sequence[Token]) -> Iterator[Need]:
    """A column written as table.column."""
    if len(tokens) > 2:
        table = written(tuple(tokens[:-2]))
        yield Need(RELATION, table)
        yield Need(COLUMN, tokens[-1].name, table)
