# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files that have not run yet will have made, renamed and proven before a statement is reached. Pure but for one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from ..sql.lexer import Statement
from ..sql.statements import created, dropped, written
from ..sql.targets import after_parentheses
from .view import Action, View, last_part, parts_of


class Pending:
    """Is told of each statement in the order in which they will run.

    Args:
        exists: Whether the database has a table or view of this name, as written, now.
    """

    def __init__(self, exists: Callable[[str], bool]) -> None:
        self._exists = exists
        self._made: set[tuple[str, ...]] = set()
        self._temporary: set[tuple[str, ...]] = set()
        self._dropped: set[tuple[str, ...]] = set()
        self._before: dict[tuple[str, ...], str] = {}  # the present name of what will have another one
        self._waiting: dict[
            tuple[str, str], str
        ] = {}  # (table, constraint): the column that it will prove once validated
        self._not_null: set[tuple[str, str]] = set()
        self._checked: set[str] = set()

    def is_made(self, name: str) -> bool:
        """Whether a pending file makes it, so that it is empty or new."""
        parts = parts_of(name)
        if parts in self._made or parts in self._temporary:
            return True
        made = any(each[-1] == parts[-1] and (len(each) == 1) != (len(parts) == 1) for each in self._made)
        return made and not self._exists(name)

    def present_name(self, name: str) -> str:
        """The name that the database has for it now."""
        return self._before.get(parts_of(name), name)

    def proves_not_null(self, table: str, column: str) -> bool:
        return (last_part(table), column) in self._not_null

    def has_check(self, table: str) -> bool:
        """Whether a pending file gives the table a CHECK constraint that is validated."""
        return last_part(table) in self._checked

    def end_file(self) -> None:
        self._temporary.clear()

    def note(self, statement: Statement) -> None:
        """Take a statement in."""
        words = statement.key()
        if words[0] == "create" and "index" not in words[1:3]:
            self._note_created(statement, words)
        elif words[0] == "drop":
            for item in dropped(statement):
                if item.kind == "relation":
                    self._dropped.add(parts_of(item.name))
                    self._made.discard(parts_of(item.name))
        elif words[:2] == ("alter", "table"):
            view = View(statement, True)
            for action in view.actions():
                self._note_action(view.name_at(2), action)

    def _note_created(self, statement: Statement, words: Sequence[str]) -> None:
        if {"temp", "temporary"} & set(words[1:4]):
            self._temporary.add(parts_of(View(statement, True).name_after("table")))
            return
        named = created(statement)
        if named is None or named.kind != "relation":
            return
        parts = parts_of(named.name)
        if named.tolerant and parts not in self._dropped and self._exists(named.name):
            return
        self._made.add(parts)

    def _note_action(self, table: str, action: Action) -> None:
        parts = parts_of(table)
        if action.starts("rename", "to"):
            self._rename(table, (*parts[:-1], *parts_of(written(action.tokens[2:]))))
        elif action.starts("set", "schema"):
            self._rename(table, (*parts_of(written(action.tokens[2:])), parts[-1]))
        elif action.starts("validate", "constraint"):
            self._checked.add(parts[-1])
            column = self._waiting.pop((parts[-1], action.name_at(2)), None)
            if column is not None:
                self._not_null.add((parts[-1], column))
        elif action.starts("add") and action.has("check", "(") and not action.adds_column:
            self._note_check(parts[-1], action)

    def _note_check(self, table: str, action: Action) -> None:
        at = action.words.index("check") + 1
        inside = [token for token in action.tokens[at : after_parentheses(action.tokens, at)] if token.text not in "()"]
        column = inside[0].name if inside and [token.word for token in inside[1:]] == ["is", "not", "null"] else ""
        name = action.name_at(2) if action.starts("add", "constraint") else f"{table}_{column}_check"
        if action.has("not", "valid"):
            self._waiting[(table, name)] = column
        else:
            self._checked.add(table)
            self._not_null.add((table, column))

    def _rename(self, table: str, parts: tuple[str, ...]) -> None:
        if self.is_made(table):
            self._made.add(parts)
        else:
            self._before[parts] = self.present_name(table)
