# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule drop_table."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.statements import dropped
from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    yield from (Match(named.name) for named in dropped(view.statement))


RULE = Rule(
    "drop_table",
    RISKY,
    (("drop", "table"),),
    "The application that runs now may still use the table; its data is gone.",
    "Release a version that does not use it first, and allow this then.",
    _find,
)
