# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule set_not_null."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.starts("alter") and action.has("set", "not", "null"):
            yield Match(view.name_at(2), column=action.name_at(1 + (action.words[1] == "column")), what="not_null")
        elif action.starts("add") and action.words[-2:] != (
            "not",
            "valid",
        ):  # a constraint of its own, since PostgreSQL 18
            at = 1 + 2 * (action.words[1:2] == ("constraint",))
            if action.words[at : at + 2] == ("not", "null"):
                yield Match(view.name_at(2), column=action.name_at(at + 2), what="not_null")


RULE = Rule(
    "set_not_null",
    BLOCKING,
    (("alter", "table"),),
    "SET NOT NULL reads the whole table under an ACCESS EXCLUSIVE lock.",
    "ADD CONSTRAINT ... CHECK (column IS NOT NULL) NOT VALID, validate it in a later file; SET NOT NULL then reads nothing.",
    _find,
)
