# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule validate_with_not_valid."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if not view.whole:
        return
    for action in view.actions():
        if action.starts("validate", "constraint"):
            here = view.statement.start
            if view.not_valid.get(view.table, here + 1) <= here:
                yield Match(view.name_at(2))


RULE = Rule(
    "validate_with_not_valid",
    BLOCKING,
    (("alter", "table"),),
    "Adding a constraint NOT VALID and validating it in one transaction holds the lock of the first during the scan of the second.",
    "VALIDATE CONSTRAINT in a later file.",
    _find,
)
