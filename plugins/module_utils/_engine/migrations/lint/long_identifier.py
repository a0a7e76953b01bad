# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule long_identifier."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.tokens import QUOTED, WORD
from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for token in view.tokens:
        if len(token.text) < 16:  # a letter has four bytes at most
            continue
        if token.kind in (WORD, QUOTED) and len(token.text.strip('"').encode()) > 63:
            yield Match()
            return


RULE = Rule(
    "long_identifier",
    RISKY,
    (("create",), ("alter",)),
    "A name of more than 63 bytes is cut off by the server.",
    "A shorter name.",
    _find,
)
