# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule column_type."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        column = 1 + (action.words[1:2] == ("column",))
        before = column + 1 + 2 * (action.words[column + 1 : column + 3] == ("set", "data"))
        if action.starts("alter") and action.words[before : before + 1] == ("type",):
            rest = action.words[before + 1 :]
            end = next((i for i, word in enumerate(rest) if word in ("using", "collate")), len(rest))
            yield Match(
                view.name_at(2),
                column=action.name_at(column),
                new_type=" ".join(rest[:end]) if end == len(rest) else "?",
                what="type",
            )


RULE = Rule(
    "column_type",
    BLOCKING,
    (("alter", "table"),),
    "Another column type rewrites the table, or checks it, under an ACCESS EXCLUSIVE lock.",
    "Add a new column, fill it in batches, and swap the names; only a longer varchar or numeric needs no rewrite.",
    _find,
)
