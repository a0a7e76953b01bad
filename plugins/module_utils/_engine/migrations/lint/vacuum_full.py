# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule vacuum_full."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.targets import has_option, maintained
from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if has_option(view.statement, "full"):
        yield from map(Match, maintained(view.statement)) if maintained(view.statement) else [Match(what="all")]


RULE = Rule(
    "vacuum_full",
    BLOCKING,
    (("vacuum",),),
    "VACUUM FULL rewrites the table under an ACCESS EXCLUSIVE lock.",
    "VACUUM, or pg_repack.",
    _find,
)
