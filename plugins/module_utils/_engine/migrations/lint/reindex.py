# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule reindex."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if "concurrently" not in view.words and view.tokens[-1].text != ")":
        at = next(
            (i for i, word in enumerate(view.words) if word in ("index", "table", "schema", "database", "system")), 0
        )
        yield Match(view.name_at(at + 1), what="index" if view.words[at] == "index" else "table")


RULE = Rule(
    "reindex",
    BLOCKING,
    (("reindex",),),
    "REINDEX blocks the writers of the table, and the readers of the index.",
    "REINDEX ... CONCURRENTLY in a file of its own.",
    _find,
)
