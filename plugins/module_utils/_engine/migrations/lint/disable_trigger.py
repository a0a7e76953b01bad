# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule disable_trigger."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.starts("disable", "trigger"):
            yield Match(view.name_at(2))


RULE = Rule(
    "disable_trigger",
    RISKY,
    (("alter", "table"),),
    "Rows that are written meanwhile are not seen by the trigger; this includes foreign keys.",
    "session_replication_role for one session, or leave it on.",
    _find,
)
