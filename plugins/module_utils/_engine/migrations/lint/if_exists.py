# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule if_exists."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import STYLE, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if not view.whole and "exists" not in view.words:
        adds = [action for action in view.actions() if action.adds_column or action.starts("drop")]
        if view.words[0] != "alter" or adds:
            yield Match()


RULE = Rule(
    "if_exists",
    STYLE,
    (
        ("create", "table"),
        ("create", "index"),
        ("create", "unique"),
        ("drop", "table"),
        ("drop", "index"),
        ("alter", "table"),
    ),
    "In a file that runs by statement, a statement that has run cannot run again.",
    "IF EXISTS or IF NOT EXISTS.",
    _find,
)
