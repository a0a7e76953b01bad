# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a relation the due rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PageRange:
    """The due rows of one policy in one relation lie within these bounds, all of them inclusive.

    Attributes:
        first_page, last_page: Of the relation's file.
        key: The integer key's column; empty if there is none, or nobody asked.
        low, high: Of the key, among the due rows.
        key_share: What part of all the key's values that is.
    """

    first_page: int
    last_page: int
    key: str = ""
    low: int = 0
    high: int = 0
    key_share: float = 1.0

    @property
    def span(self) -> int:
        """How many pages that is."""
        return self.last_page - self.first_page + 1


def page_ranges(groups: Sequence[Mapping[str, Any]], number: int) -> dict[int, PageRange]:
    """The page ranges of a policy's due rows by relation, from the groups that were counted."""
    ranges: dict[int, PageRange] = {}
    for leaf in {group["leaf"] for group in groups if group[f"due_{number}"]}:
        due = [group for group in groups if group["leaf"] == leaf and group[f"due_{number}"]]
        first = min(_page(group[f"first_{number}"]) for group in due)
        ranges[leaf] = PageRange(first, max(_page(group[f"last_{number}"]) for group in due))
    return ranges


def _page(location: str) -> int:
    """The page of a row's location as the server writes it: 12 of "(12,3)"."""
    return int(location[1:].split(",")[0])
