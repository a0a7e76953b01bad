# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule delete_all_rows."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    yield from map(Match, view.changes_all("delete"))


RULE = Rule(
    "delete_all_rows",
    BLOCKING,
    (("delete",), ("with",)),
    "DELETE without WHERE locks every row until the file ends.",
    "Delete in batches, or let a retention policy do it.",
    _find,
)
