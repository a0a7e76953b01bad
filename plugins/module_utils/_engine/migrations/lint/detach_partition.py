# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule detach_partition."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.starts("detach") and action.words[-1] not in ("concurrently", "finalize"):
            yield Match(view.name_at(2))


RULE = Rule(
    "detach_partition",
    BLOCKING,
    (("alter", "table"),),
    "DETACH PARTITION takes an ACCESS EXCLUSIVE lock on the partitioned table.",
    "DETACH PARTITION ... CONCURRENTLY in a file of its own.",
    _find,
)
