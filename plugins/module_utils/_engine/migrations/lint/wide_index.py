# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule wide_index."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import STYLE, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if "on" in view.words and "(" in view.words:
        depth, commas = 0, 0
        for token in view.tokens[view.words.index("(") :]:
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            commas += token.text == "," and depth == 1
            if not depth:
                break
        if commas > 2:
            yield Match()


RULE = Rule(
    "wide_index",
    STYLE,
    (("create", "index"),),
    "An index of more than three columns is rarely used whole, and costs every write.",
    "Fewer columns, the most selective ones first.",
    _find,
)
