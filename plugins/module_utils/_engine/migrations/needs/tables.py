# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CREATE TABLE and ALTER TABLE need. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..lint.view import Action, View, closing
from ..sql.statements import qualified, written
from ..sql.tokens import QUOTED, WORD
from .expressions import has_own_columns_only
from .need import (
    COLUMN,
    CONSTRAINT,
    INDEX,
    OWN_COLUMN,
    PARTITIONED_TABLE,
    RELATION,
    SCHEMA,
    TRIGGER,
    TYPE,
    Need,
    of_kind,
    place,
)
from .types import type_at


def of_alter_table(view: View) -> Iterator[Need]:
    table, actions = view.name_at(2), view.actions()
    added = {action.definition[0].name for action in actions if action.adds_column}
    named = {action.name_at(2) for action in actions if action.starts("add", "constraint")}
    yield Need(RELATION, table)
    for action in actions:
        for need in _of_action(action, table):
            if not (need.kind == COLUMN and need.name in added and need.of == table) and not (
                need.kind == CONSTRAINT and need.name in named
            ):
                yield need


def _of_action(action: Action, table: str) -> Iterator[Need]:
    words = action.words
    at = 3 if action.starts("add", "constraint") else 1
    if words[0] == "add" and action.adds_column:
        yield Need(TYPE, type_at(action.definition, 1))
        yield from _references(action, table)
    elif words[0] == "add" and "using" in words[at : at + 3] and action.has("using", "index"):
        yield Need(INDEX, action.name_at(words.index("using") + 2), table)
    elif words[0] == "add" and words[at : at + 2] in (("primary", "key"), ("foreign", "key")):
        yield from _columns_of(action, at + 2, table)
        yield from _references(action, table)
    elif words[0] == "add" and words[at : at + 1] == ("unique",):
        yield from _columns_of(action, at + 1, table)
    elif words[0] in ("drop", "rename", "validate", "alter") and words[1:2] == ("constraint",):
        yield Need(CONSTRAINT, action.name_at(2), table)
    elif words[0] in ("drop", "rename") and words[1:2] != ("to",):
        yield Need(COLUMN, action.name_at(1 + (words[1:2] == ("column",))), table)
    elif words[0] == "alter" and "type" in words[2:6]:
        yield Need(TYPE, type_at(action.tokens, words.index("type", 2) + 1))
    elif words[0] in ("enable", "disable") and "trigger" in words[1:3] and words[-1] not in ("all", "user"):
        yield Need(TRIGGER, action.name_at(len(words) - 1), table)
    elif action.starts("set", "schema"):
        yield Need(SCHEMA, written(action.tokens[2:3]))
    elif action.starts("attach", "partition") or action.starts("detach", "partition"):
        yield Need(RELATION, written(action.tokens[2 : qualified(action.tokens, 2)]))
    elif action.starts("cluster", "on") or action.starts("replica", "identity", "using", "index"):
        yield Need(INDEX, action.tokens[-1].name, table)


def of_create_table(view: View, at: int) -> Iterator[Need]:
    words = view.words
    at += 3 * (words[at : at + 3] == ("if", "not", "exists"))
    itself = view.name_at(at)
    end = qualified(view.tokens, at)
    if words[end : end + 2] == ("partition", "of"):
        yield Need(RELATION, view.name_at(end + 2))
        yield Need(PARTITIONED_TABLE, view.name_at(end + 2))
        return
    if words[end : end + 1] != ("(",):
        return
    for action in view.parts(end):
        if action.starts("like"):
            yield Need(RELATION, written(action.tokens[1 : qualified(action.tokens, 1)]))
    for column in view.columns():
        yield Need(TYPE, type_at(column.tokens, 1))
    for action in view.parts(end):
        yield from _references(action, itself)
    if has_own_columns_only(view, end):
        own = {column.name_at(0) for column in view.columns()}
        yield from (Need(OWN_COLUMN, need.name, itself) for need in _keys(view, end, itself) if need.name not in own)
    inherits = place(view, "inherits", end)
    if words[inherits : inherits + 1] == ("(",):
        yield from of_kind(view, RELATION, inherits + 1)


def _keys(view: View, opening: int, table: str) -> Iterator[Need]:
    """The columns that the keys and the partition key of a CREATE TABLE name."""
    for part in view.parts(opening):
        at = 2 * part.starts("constraint")
        if part.words[at : at + 2] in (("primary", "key"), ("foreign", "key")):
            yield from _columns_of(part, at + 2, table)
        elif part.words[at : at + 1] == ("unique",):
            yield from _columns_of(part, part.words.index("(") if "(" in part.words else 0, table)
    by = place(view, "partition", closing(view.tokens, opening) + 1)
    if view.words[by : by + 1] == ("by",) and view.words[by + 2 : by + 3] == ("(",):
        yield from (Need(COLUMN, part.name_at(0), table) for part in view.parts(by + 2) if _is_column(part))


def _is_column(part: Action) -> bool:
    """Whether the part of a list is a column's name, and no expression."""
    return part.tokens[0].kind in (WORD, QUOTED) and not any(text in part.words for text in ("(", ".", "::"))


def _columns_of(action: Action, at: int, table: str) -> Iterator[Need]:
    """The columns of a list in parentheses."""
    if action.words[at : at + 1] == ("(",):
        end = action.words.index(")", at)
        for token in action.tokens[at + 1 : end]:
            if token.kind in (WORD, QUOTED) and token.word not in ("without", "overlaps", "period"):
                yield Need(COLUMN, token.name, table)


def _references(action: Action, itself: str) -> Iterator[Need]:
    if "references" in action.words[1:]:
        at = action.words.index("references", 1) + 1
        end = qualified(action.tokens, at)
        table = written(action.tokens[at:end])
        if table and table != itself:
            yield Need(RELATION, table)
            yield from _columns_of(action, end, table)
