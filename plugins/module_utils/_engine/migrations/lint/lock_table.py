# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule lock_table."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.targets import maintained
from .rule import BLOCKING, Match, Rule
from .view import View

_MILD = (("access", "share"), ("row", "share"), ("row", "exclusive"), ("share", "update", "exclusive"))


def _find(view: View) -> Iterator[Match]:
    if not any(view.has("in", *mode, "mode") for mode in _MILD):
        yield from map(Match, maintained(view.statement))


RULE = Rule(
    "lock_table",
    BLOCKING,
    (("lock",),),
    "LOCK TABLE blocks others until the file ends.",
    "Leave it out: each statement takes the lock that it needs.",
    _find,
)
