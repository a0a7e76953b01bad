# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule set_schema."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if view.has("set", "schema"):
        yield Match()


RULE = Rule(
    "set_schema",
    RISKY,
    (("alter",),),
    "The application that runs now looks for it in the old schema.",
    "Keep a view under the old name until nothing uses it any more.",
    _find,
)
