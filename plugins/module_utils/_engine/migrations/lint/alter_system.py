# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule alter_system."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    yield Match()


RULE = Rule(
    "alter_system",
    RISKY,
    (("alter", "system"),),
    "The whole server is changed, and not all of it can be undone from SQL.",
    "Set it where the server is configured.",
    _find,
)
