# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of an index a rebuild would give back. No database here."""

from __future__ import annotations

from dataclasses import dataclass

_PAGE_HEADER, _SPECIAL, _ITEM, _TUPLE, _META_PAGES = 24, 16, 4, 8, 1


@dataclass(frozen=True)
class Pages:
    """What pgstatindex counted in a btree index; density in percent of the leaf pages that are not deleted."""

    total: int
    internal: int
    leaf: int
    density: float


def measured_pages(pages: Pages, fill: int) -> int:
    """Pages after a rebuild: what the leaf pages hold, packed to the fill factor. Deleted and empty pages are gone.

    The density alone misleads: after a large deletion half of the index can be deleted pages while the rest is full.
    """
    leaves = _ceil(pages.leaf * max(0.0, min(pages.density, 100.0)) / fill)
    internal = _ceil(pages.internal * leaves / pages.leaf) if pages.leaf else 0
    return min(pages.total, _META_PAGES + max(1, leaves) + internal)


def estimated_pages(rows: float, key_width: float, nullable: bool, fill: int, block: int) -> int:
    """Pages after a rebuild, from the planner's statistics; duplicates that btree folds are not reckoned with.

    Args:
        rows: Entries.
        key_width: Average bytes of the key columns together.
        nullable: Some key is sometimes NULL, which costs a bitmap.
        fill: Fill factor in percent.
        block: Bytes of a page.
    """
    entry = _ITEM + _aligned(_TUPLE + (8 if nullable else 0) + key_width)
    per_page = max(1, int((block - _PAGE_HEADER - _SPECIAL) * fill / 100 / entry))
    leaves = _ceil(max(rows, 0.0) / per_page)
    return _META_PAGES + max(1, leaves) + _ceil(leaves / 200)


def share(total: int, after: int) -> float:
    """The part of the index that a rebuild gives back, between 0 and 1."""
    return max(0.0, 1 - after / total) if total else 0.0


def _aligned(size: float) -> int:
    return _ceil(size / 8) * 8


def _ceil(value: float) -> int:
    whole = int(value)
    return whole if whole == value else whole + 1
