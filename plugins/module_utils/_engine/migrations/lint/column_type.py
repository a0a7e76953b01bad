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
        if action.starts("alter") and "type" in action.words:
            at = action.words.index("type")
            rest = action.words[at + 1 :]
            end = next((i for i, word in enumerate(rest) if word in ("using", "collate")), len(rest))
            yield Match(
                view.name_at(2),
                column=action.tokens[1 + (action.words[1] == "column")].name,
                new_type=" ".join(rest[:end]) if end == len(rest) else "?",
                what="type",
            )


RULE = Rule(
    "column_type",
    BLOCKING,
    (("alter", "table"),),
    "Another column type rewrites the table, or checks it, under an ACCESS EXCLUSIVE lock.",
    "Add a new column, fill it in batches, and swap the names; only to make a varchar or numeric longer is free.",
    _find,
)
