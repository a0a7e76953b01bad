# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule attach_partition."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.statements import qualified, written
from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.starts("attach", "partition"):
            yield Match(written(action.tokens[2 : qualified(action.tokens, 2)]), what="partition")


RULE = Rule(
    "attach_partition",
    BLOCKING,
    (("alter", "table"),),
    "ATTACH PARTITION reads the whole new partition under a lock on it, unless a CHECK constraint proves its bounds.",
    "Add a CHECK constraint with the bounds NOT VALID, validate it, attach, and drop it.",
    _find,
)
