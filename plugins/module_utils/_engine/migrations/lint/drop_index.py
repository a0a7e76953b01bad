# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule drop_index."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.statements import dropped
from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if view.words[2:3] != ("concurrently",):
        for named in dropped(view.statement):
            yield Match(named.name, what="index")


RULE = Rule(
    "drop_index",
    BLOCKING,
    (("drop", "index"),),
    "DROP INDEX waits for, and then blocks, every reader and writer of the table.",
    "DROP INDEX CONCURRENTLY in a file of its own.",
    _find,
)
