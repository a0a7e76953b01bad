# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the rows of one relation are deleted, and how large the next batch is. No database here."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST_BATCH, FIRST_BATCH, LARGEST_BATCH = 100, 1_000, 20_000  # rows
KEYSET_SHARE = 0.2  # above it, reading every page once is cheaper than fetching through the index
LARGEST_TIE = 20_000  # rows with one and the same time that a keyset batch may have to sort

# Batches are steered to this part of the target, so that the outliers stay below the target itself.
_AIM = 0.4


@dataclass(frozen=True)
class Facts:
    """What the choice depends on, for one relation.

    Attributes:
        rows: Rows now.
        due: Of these, due.
        pages: Pages of 8 KiB (or the server's block size).
        index: A valid btree index that starts with the time column; empty if there is none.
        largest_tie: Rows that share the most common time, as far as the statistics know.
        archived: The rows are written to a file before they go.
        expired: The relation is a partition that holds nothing but due rows, now and later.
    """

    rows: int
    due: int
    pages: int
    index: str = ""
    largest_tie: float = 0
    expired: bool = False
    archived: bool = False


@dataclass(frozen=True)
class Strategy:
    """kind is none, drop_partition, keyset or tid_sweep; reason is for people."""

    kind: str
    reason: str
    index: str = ""


def choose(facts: Facts) -> Strategy:
    """The cheapest way that holds no lock for long."""
    if not facts.due:
        return Strategy("none", "no row is due")
    if facts.expired:
        return Strategy("drop_partition", "the whole partition is older than the cut-off")
    share = facts.due / max(facts.rows, 1)
    sweep = f"reads each of the {facts.pages:,} pages once"
    if facts.archived:
        return Strategy("tid_sweep", f"{sweep}; the rows are archived in their order on disk")
    if not facts.index:
        return Strategy("tid_sweep", f"{sweep}; no index starts with the time column")
    if share > KEYSET_SHARE:
        return Strategy("tid_sweep", f"{sweep}; {share:.0%} of the rows are due, too many for index {facts.index}")
    if facts.largest_tie > LARGEST_TIE:
        return Strategy(
            "tid_sweep",
            f"{sweep}; about {facts.largest_tie:,.0f} rows share one time, too many for a place in {facts.index}",
        )
    return Strategy("keyset", f"{share:.1%} of the rows are due; walks index {facts.index}", facts.index)


def next_batch(size: int, seconds: float, target_seconds: float, smallest: int, largest: int) -> int:
    """The next batch's size, in the unit of the last one's (rows or pages).

    Args:
        size: Of the last batch.
        seconds: That it took.
        target_seconds: What no batch should take longer than.
        smallest, largest: Bounds.
    """
    wanted = _AIM * target_seconds / max(seconds, 1e-6)
    return max(smallest, min(largest, int(size * max(0.1, min(1.5, wanted)))))


def page_bounds(rows: int, pages: int) -> tuple[int, int, int]:
    """Smallest, first and largest number of pages of a batch, from the batch sizes in rows."""
    density = max(rows / max(pages, 1), 1.0)
    return (
        max(1, int(SMALLEST_BATCH / density)),
        max(1, int(FIRST_BATCH / density)),
        max(1, int(LARGEST_BATCH / density)),
    )
