# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule exclusion_constraint."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.starts("add") and "exclude" in action.words:
            yield Match(view.name_at(2))


RULE = Rule(
    "exclusion_constraint",
    BLOCKING,
    (("alter", "table"),),
    "An exclusion constraint builds its index under an ACCESS EXCLUSIVE lock, and cannot be built concurrently.",
    "Run it while nobody writes, and allow it.",
    _find,
)
