# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule table_schema."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import STYLE, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    name = view.name_after("table")
    if name and "." not in name and not {"temp", "temporary"} & set(view.words[:4]):
        yield Match()


RULE = Rule(
    "table_schema",
    STYLE,
    (("create", "table"),),
    "Where an unqualified table is made depends on the search_path.",
    "Name the schema.",
    _find,
)
