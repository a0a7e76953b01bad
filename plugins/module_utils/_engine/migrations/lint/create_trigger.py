# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule create_trigger."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if "trigger" in view.words[1:5] and "event" not in view.words[1:3]:
        yield Match(view.name_after("on"))


RULE = Rule(
    "create_trigger",
    RISKY,
    (("create",),),
    "CREATE TRIGGER waits for every writer of the table, and blocks those that come after.",
    "Run it while few write; lock_timeout keeps the wait short.",
    _find,
)
