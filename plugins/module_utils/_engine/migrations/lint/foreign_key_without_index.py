# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule foreign_key_without_index."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.starts("add") and action.has("foreign", "key", "("):
            at = action.words.index("key") + 2
            yield Match(view.name_at(2), column=action.name_at(at), what="unindexed")
        elif action.adds_column and action.has("references") and not {"unique", "primary"} & set(action.words):
            yield Match(view.name_at(2), column=action.definition[0].name, what="unindexed")


RULE = Rule(
    "foreign_key_without_index",
    RISKY,
    (("alter", "table"),),
    "Every DELETE in the table that it refers to reads this whole table.",
    "CREATE INDEX CONCURRENTLY on the columns of the foreign key first.",
    _find,
)
