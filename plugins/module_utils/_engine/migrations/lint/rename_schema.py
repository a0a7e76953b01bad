# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule rename_schema."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if view.has("rename", "to"):
        yield Match()


RULE = Rule(
    "rename_schema",
    RISKY,
    (("alter", "schema"),),
    "The application that runs now still uses the old name.",
    "Make a new schema, and move what is in it when nothing uses the old name any more.",
    _find,
)
