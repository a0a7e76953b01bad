# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule serial_column."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View

_SERIAL = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.adds_column and (
            action.has("as", "identity") or _SERIAL.intersection(token.word for token in action.definition[1:2])
        ):
            yield Match(view.name_at(2))


RULE = Rule(
    "serial_column",
    BLOCKING,
    (("alter", "table"),),
    "A serial or identity column rewrites the table under an ACCESS EXCLUSIVE lock.",
    "Add a bigint column, fill it in batches, then attach a sequence and a key made USING INDEX.",
    _find,
)
