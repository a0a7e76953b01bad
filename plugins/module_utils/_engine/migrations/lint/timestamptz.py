# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule timestamptz."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import STYLE, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for column in view.columns():
        if column.type == "timestamp" and not column.has("with", "time", "zone"):
            yield Match()


RULE = Rule(
    "timestamptz",
    STYLE,
    (("create", "table"), ("alter", "table")),
    "A timestamp without time zone is read in whatever zone the session has.",
    "timestamptz.",
    _find,
)
