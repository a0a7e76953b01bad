# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule truncate."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.targets import maintained
from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    yield from map(Match, maintained(view.statement))


RULE = Rule(
    "truncate",
    RISKY,
    (("truncate",),),
    "TRUNCATE takes an ACCESS EXCLUSIVE lock and all rows; with CASCADE also those of every table that refers to it.",
    "DELETE in batches, or allow it.",
    _find,
)
