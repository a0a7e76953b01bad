# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule required_column."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if (
            action.adds_column
            and action.has("not", "null")
            and not {"default", "generated", "serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}
            & set(action.words)
        ):
            yield Match(view.name_at(2))


RULE = Rule(
    "required_column",
    RISKY,
    (("alter", "table"),),
    "A NOT NULL column without a default cannot be added to a table that has rows.",
    "Give it a default, or add it without NOT NULL.",
    _find,
)
