# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule primary_key."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.starts("add") and action.has("primary", "key") and not action.has("using", "index"):
            yield Match(view.name_at(2))


RULE = Rule(
    "primary_key",
    BLOCKING,
    (("alter", "table"),),
    "A primary key builds its index, and checks for NULL, under an ACCESS EXCLUSIVE lock.",
    "CREATE UNIQUE INDEX CONCURRENTLY in a file of its own, make the columns NOT NULL, then ADD PRIMARY KEY USING INDEX.",
    _find,
)
