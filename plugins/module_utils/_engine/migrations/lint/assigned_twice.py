# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule assigned_twice."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if "set" not in view.words:
        return
    tokens = view.tokens[view.words.index("set") + 1 :]
    names: list[str] = []
    depth, first = 0, True
    for token, after in zip(tokens, tokens[1:]):
        if token.word in ("where", "from", "returning") and not depth:
            break
        if first and not depth and after.text == "=":
            names.append(token.name)
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        first = token.text == "," and not depth
    if len(names) != len(set(names)):
        yield Match()


RULE = Rule(
    "assigned_twice",
    RISKY,
    (("update",),),
    "A column is assigned twice: the server refuses the statement.",
    "Assign it once.",
    _find,
)
