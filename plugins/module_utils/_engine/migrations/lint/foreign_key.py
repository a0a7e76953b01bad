# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule foreign_key."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.statements import qualified, written
from ..sql.tokens import WORD
from .rule import BLOCKING, Match, Rule
from .view import Action, View


def _referred(action: Action) -> Iterator[Match]:
    for at, token in enumerate(action.tokens, 1):
        if token.kind == WORD and token.word == "references":
            yield Match(written(action.tokens[at : qualified(action.tokens, at)]))


def _find(view: View) -> Iterator[Match]:
    if view.words[0] == "create":
        yield from _referred(Action(view.tokens))
        return
    for action in view.actions():
        if action.starts("add") and action.has("references") and not action.has("not", "valid"):
            yield Match(view.name_at(2))
            yield from _referred(action)


RULE = Rule(
    "foreign_key",
    BLOCKING,
    (("alter", "table"), ("create", "table"), ("create", "unlogged")),
    "A foreign key checks every row and blocks writers of both tables meanwhile.",
    "ADD CONSTRAINT ... FOREIGN KEY ... NOT VALID, then VALIDATE CONSTRAINT in a later file.",
    _find,
)
