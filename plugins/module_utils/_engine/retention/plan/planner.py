# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the rows of one relation are deleted, and how large the next batch is. No database here."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST_BATCH, FIRST_BATCH, LARGEST_BATCH = 100, 1_000, 20_000  # rows
KEYSET_SHARE = 0.2  # above it, reading every page once is cheaper than fetching through the index
SMALL = 256  # pages; below, reading all of them is never worth a thought
LARGEST_TIE = 20_000  # rows with one and the same time that a keyset batch may have to sort

# Batches are steered to this part of the target, so that the outliers stay below the target itself.
_AIM = 0.25


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
        key: A valid unique index that starts with the integer key; empty if there is none.
        key_share: The part of the key's values that lies between the first and the last due row's.
        span: Pages from the first to the last that holds a due row.
    """

    rows: int
    due: int
    pages: int
    index: str = ""
    largest_tie: float = 0
    expired: bool = False
    archived: bool = False
    key: str = ""
    key_share: float = 1.0
    span: int = 0

    @property
    def thinly_spread(self) -> bool:
        """Whether most pages from the first to the last due row have none or few: if not, no key leads to fewer pages."""
        return self.span >= SMALL and self.due / max(self.rows, 1) <= KEYSET_SHARE * self.span / max(self.pages, 1)

    @property
    def narrow_key(self) -> bool:
        """Whether a walk through the key meets far fewer pages than one from the first to the last due row."""
        return bool(self.key) and self.span >= SMALL and self.key_share <= KEYSET_SHARE * self.span / max(self.pages, 1)


@dataclass(frozen=True)
class Strategy:
    """kind is none, drop_partition, keyset, pk_window or tid_sweep; reason is for people."""

    kind: str
    reason: str
    index: str = ""


def choose(facts: Facts) -> Strategy:
    """The cheapest way that holds no lock for long."""
    if facts.expired:
        return Strategy("drop_partition", "the whole partition is older than the cut-off")
    if not facts.due:
        return Strategy("none", "no row is due")
    share = facts.due / max(facts.rows, 1)
    why = why_not_keyset(facts)
    if not why:
        return Strategy("keyset", f"{share:.1%} of the rows are due; walks index {facts.index}", facts.index)
    if facts.narrow_key:
        return Strategy(
            "pk_window",
            f"{why}; the due rows lie within {facts.key_share:.1%} of the key's values, but on {facts.span:,} of {facts.pages:,} "
            f"pages; walks index {facts.key}",
            facts.key,
        )
    pages = f"{facts.span:,} of {facts.pages:,}" if 0 < facts.span < facts.pages else f"the {facts.pages:,}"
    return Strategy("tid_sweep", f"reads each of {pages} pages once; {why}")


def why_not_keyset(facts: Facts) -> str:
    """Why the index on the time column is not walked; empty if it is."""
    share = facts.due / max(facts.rows, 1)
    if facts.archived:
        return "the rows are archived as they go"
    if not facts.index:
        return "no index starts with the time column"
    if share > KEYSET_SHARE:
        return f"{share:.0%} of the rows are due, too many for index {facts.index}"
    if facts.largest_tie > LARGEST_TIE:
        return f"about {facts.largest_tie:,.0f} rows share one time, too many for a position in {facts.index}"
    return ""


def next_batch(
    size: int, seconds: float, target_seconds: float, smallest: int, largest: int, waited: bool = False
) -> int:
    """The next batch's size, in the unit of the last one's (rows or pages).

    Args:
        size: Of the last batch.
        seconds: That it took.
        target_seconds: What no batch should take longer than.
        smallest, largest: Bounds.
        waited: Somebody waited for the last batch.
    """
    wanted = min(0.5 if waited else 2.0, _AIM * target_seconds / max(seconds, 1e-6))
    return max(smallest, min(largest, int(size * max(0.1, wanted))))


def page_bounds(rows: int, pages: int) -> tuple[int, int, int]:
    """Smallest, first and largest number of pages of a batch, from the batch sizes in rows."""
    density = max(rows / max(pages, 1), 1.0)
    return (
        max(1, int(SMALLEST_BATCH / density)),
        max(1, int(FIRST_BATCH / density)),
        max(1, int(LARGEST_BATCH / density)),
    )
