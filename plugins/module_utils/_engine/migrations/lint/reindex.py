# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule reindex."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.targets import has_option, maintained, reindexed
from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if "concurrently" in view.words and has_option(view.statement, "concurrently"):
        return
    kind = reindexed(view.statement)
    for name in maintained(view.statement):
        yield Match(name, what=kind)
    if kind in ("schema", "database", "system"):
        yield Match(view.name_after("schema") if kind == "schema" else "", what="all")


RULE = Rule(
    "reindex",
    BLOCKING,
    (("reindex",),),
    "REINDEX blocks the writers of the table, and the readers of the index.",
    "REINDEX ... CONCURRENTLY in a file of its own.",
    _find,
)
