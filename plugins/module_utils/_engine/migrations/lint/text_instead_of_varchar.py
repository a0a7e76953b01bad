# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule text_instead_of_varchar."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import STYLE, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for column in view.columns():
        if column.words[1:3] == ("varchar", "(") or column.words[1:4] == ("character", "varying", "("):
            yield Match()


RULE = Rule(
    "text_instead_of_varchar",
    STYLE,
    (("create", "table"), ("alter", "table")),
    "A change of the length of a varchar(n) may need a lock.",
    "text, with a CHECK constraint for its length.",
    _find,
)
