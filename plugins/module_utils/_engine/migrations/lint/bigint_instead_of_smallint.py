# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule bigint_instead_of_smallint."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import STYLE, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for column in view.columns():
        if column.type in ("smallint", "int2", "smallserial", "serial2"):
            yield Match()


RULE = Rule(
    "bigint_instead_of_smallint",
    STYLE,
    (("create", "table"), ("alter", "table")),
    "A smallint ends at 32,767; a wider type rewrites the table.",
    "bigint.",
    _find,
)
