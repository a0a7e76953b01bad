# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule update_all_rows."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    yield from map(Match, view.changes_all("update"))


RULE = Rule(
    "update_all_rows",
    BLOCKING,
    (("update",), ("with",)),
    "UPDATE without WHERE locks every row until the file ends, and doubles the table.",
    "Update in batches.",
    _find,
)
