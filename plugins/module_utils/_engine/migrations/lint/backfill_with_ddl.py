# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule backfill_with_ddl."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View, last_part


def _find(view: View) -> Iterator[Match]:
    at = 2 if view.words[1:2] in (("from",), ("into",)) else 1
    table = view.name_at(at)
    if view.whole and view.altered.get(last_part(table), view.statement.start) < view.statement.start:
        yield Match(table)


RULE = Rule(
    "backfill_with_ddl",
    BLOCKING,
    (("update",), ("delete",), ("insert",)),
    "Rows are changed in the transaction that altered their table, whose lock is held meanwhile.",
    "Change the rows in a later file, in batches.",
    _find,
)
