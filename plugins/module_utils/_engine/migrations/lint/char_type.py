# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule char_type."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import STYLE, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for column in view.columns():
        if column.type in ("char", "character", "bpchar") and column.words[2:3] != ("varying",):
            yield Match()


RULE = Rule(
    "char_type",
    STYLE,
    (("create", "table"), ("alter", "table")),
    "char(n) pads with spaces and saves nothing.",
    "text, with a CHECK constraint for its length.",
    _find,
)
