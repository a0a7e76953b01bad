# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule cascade."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.statements import dropped
from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if view.words[0] == "alter":
        if any(action.words[-1] == "cascade" for action in view.actions()):
            yield Match(view.name_at(2), what="cascade")
    elif view.words[-1] == "cascade":
        named = [item.name for item in dropped(view.statement)]
        for name in named or [view.name_at(3 if view.words[1] in ("materialized", "foreign") else 2)]:
            yield Match(name, what="cascade")


RULE = Rule(
    "cascade",
    RISKY,
    (("drop",), ("alter", "table")),
    "CASCADE drops what depends on it, too.",
    "Name each object in a DROP of its own.",
    _find,
)
