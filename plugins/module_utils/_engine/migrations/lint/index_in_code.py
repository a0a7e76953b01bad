# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule index_in_code."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.code import UNKNOWN, possible_statements_in, statements_in
from ..sql.statements import names_in
from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if view.words[0] == "create":
        if view.in_code and not view.has("concurrently"):
            yield Match(view.name_after("on"))
        return
    body = {name.lower() for name in names_in(view.statement)}
    inner = (*statements_in(view.statement), *possible_statements_in(view.statement))
    read = any("index" in each.key()[:3] for each in inner)
    if "index" in body and {"create", "drop"} & body and not read:
        yield Match(UNKNOWN)


RULE = Rule(
    "index_in_code",
    BLOCKING,
    (("do",), ("create", "index"), ("create", "unique", "index")),
    "A DO block runs in a transaction: an index that it builds or drops blocks the table meanwhile.",
    "Write the statement itself, with CONCURRENTLY, in a file of its own.",
    _find,
)
