# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SET LOGGED, SET TABLESPACE and the like: the table is written anew."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View

_REWRITES = (("set", "logged"), ("set", "unlogged"), ("set", "tablespace"), ("set", "access", "method"))


def _find(view: View) -> Iterator[Match]:
    if not any(view.has(*words) for words in _REWRITES):
        return
    if view.words[2:3] == ("all",) or view.words[3:4] == ("all",):
        yield Match(what="all")
    elif view.words[1] in ("table", "index"):
        yield Match(view.name_at(2), what=view.words[1])
    else:
        yield Match(view.name_at(3))


RULE = Rule(
    "rewrite_table",
    BLOCKING,
    (("alter", "table"), ("alter", "index"), ("alter", "materialized")),
    "SET LOGGED, UNLOGGED, TABLESPACE and ACCESS METHOD write the table or index anew under an ACCESS EXCLUSIVE lock.",
    "pg_repack, with --tablespace to move it; or a new table that is filled in batches.",
    _find,
)
