# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule check_constraint."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.starts("add") and action.has("check", "(") and not action.has("not", "valid"):
            yield Match(view.name_at(2))


RULE = Rule(
    "check_constraint",
    BLOCKING,
    (("alter", "table"),),
    "A CHECK constraint, also of a new column, checks every row under an ACCESS EXCLUSIVE lock.",
    "ADD CONSTRAINT ... CHECK ... NOT VALID, then VALIDATE CONSTRAINT in a later file.",
    _find,
)
