# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule stored_generated_column."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if (action.adds_column and action.has("stored")) or action.has("set", "expression", "as"):
            yield Match(view.name_at(2))


RULE = Rule(
    "stored_generated_column",
    BLOCKING,
    (("alter", "table"),),
    "A stored generated column rewrites the table under an ACCESS EXCLUSIVE lock.",
    "Add an ordinary column, fill it in batches, and keep it by a trigger.",
    _find,
)
