# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule enum_value."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if view.has("add", "value"):
        yield Match()


RULE = Rule(
    "enum_value",
    RISKY,
    (("alter", "type"),),
    "A value of an enum can never be removed, and one that is added before others changes their order.",
    "A table of values and a foreign key.",
    _find,
)
