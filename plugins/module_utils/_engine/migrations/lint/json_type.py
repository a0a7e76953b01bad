# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule json_type."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for column in view.columns():
        if column.type == "json":
            yield Match()


RULE = Rule(
    "json_type",
    RISKY,
    (("create", "table"), ("alter", "table")),
    "json has no equality operator, so SELECT DISTINCT on the table fails.",
    "jsonb.",
    _find,
)
