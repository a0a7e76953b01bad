# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule drop_view."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    yield Match()


RULE = Rule(
    "drop_view",
    RISKY,
    (("drop", "view"), ("drop", "materialized")),
    "The application that runs now may still read the view.",
    "CREATE OR REPLACE VIEW, or release a version that does not use it first.",
    _find,
)
