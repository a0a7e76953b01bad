# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule domain_constraint."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import RISKY, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if "check" in view.words or view.has("not", "null"):
        yield Match()


RULE = Rule(
    "domain_constraint",
    RISKY,
    (("create", "domain"), ("alter", "domain")),
    "Changing a constraint of a domain scans every table that uses it.",
    "text and a CHECK constraint of the table.",
    _find,
)
