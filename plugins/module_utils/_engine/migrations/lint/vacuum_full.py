# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule vacuum_full."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if "full" in view.words:
        yield Match(view.name_at(len(view.tokens) - 1) or "?")


RULE = Rule(
    "vacuum_full",
    BLOCKING,
    (("vacuum",),),
    "VACUUM FULL rewrites the table under an ACCESS EXCLUSIVE lock.",
    "VACUUM, or pg_repack.",
    _find,
)
