# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule bigint_instead_of_int."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import STYLE, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for column in view.columns():
        if column.type in ("int", "integer", "int4", "serial", "serial4"):
            yield Match()


RULE = Rule(
    "bigint_instead_of_int",
    STYLE,
    (("create", "table"), ("alter", "table")),
    "An int key ends at 2,147,483,647; a wider type rewrites the table.",
    "bigint.",
    _find,
)
