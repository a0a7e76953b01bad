# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule rename_object."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if view.has("rename"):
        yield Match()


RULE = Rule(
    "rename_object",
    RISKY,
    (
        ("alter", "index"),
        ("alter", "sequence"),
        ("alter", "view"),
        ("alter", "type"),
        ("alter", "function"),
        ("alter", "materialized"),
        ("alter", "domain"),
    ),
    "Statements that still use the old name fail.",
    "Keep the name, or make sure that nothing refers to it.",
    _find,
)
