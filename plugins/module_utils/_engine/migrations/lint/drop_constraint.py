# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule drop_constraint."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.starts("drop", "constraint"):
            yield Match(view.name_at(2))


RULE = Rule(
    "drop_constraint",
    RISKY,
    (("alter", "table"),),
    "Rows that violate the constraint are no longer rejected.",
    "Add the new constraint first.",
    _find,
)
