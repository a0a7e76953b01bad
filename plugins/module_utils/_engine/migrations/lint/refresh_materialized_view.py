# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule refresh_materialized_view."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View


def _find(view: View) -> Iterator[Match]:
    if "concurrently" not in view.words:
        yield Match(view.name_at(3))


RULE = Rule(
    "refresh_materialized_view",
    BLOCKING,
    (("refresh",),),
    "REFRESH MATERIALIZED VIEW blocks its readers.",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index.",
    _find,
)
