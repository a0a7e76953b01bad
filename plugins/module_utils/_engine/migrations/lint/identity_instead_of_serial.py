# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule identity_instead_of_serial."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import STYLE, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for column in view.columns():
        if "serial" in column.type:
            yield Match()


RULE = Rule(
    "identity_instead_of_serial",
    STYLE,
    (("create", "table"), ("alter", "table")),
    "A serial column has its own rules for rights and dumps.",
    "bigint GENERATED ALWAYS AS IDENTITY.",
    _find,
)
