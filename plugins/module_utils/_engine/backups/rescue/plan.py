# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rescue would bring, table by table, and in which order. Pure but for the counts that are filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .shapes import ForeignKey, Shape
from .sides import Pair


class Wanted(NamedTuple):
    """What to look for.

    Attributes:
        tables: "schema.table", or "table" in public; empty for all.
        where: SQL condition over the columns of the one table; empty for all rows.
        changed: Also rows that are in both and differ.
        skip_conflicts: Leave out rows that cannot be brought, and those that refer to them.
        without_triggers: Bring the rows without firing the tables' triggers.
    """

    tables: tuple[str, ...] = ()
    where: str = ""
    changed: bool = False
    skip_conflicts: bool = False
    without_triggers: bool = False


@dataclass
class TablePlan:
    """What is planned for one table.

    Attributes:
        missing: Rows that the live table lacks and that are brought.
        changed: Rows that differ; put back only if that is wanted.
        new: Rows that only the live table has; None if that was not counted.
        skipped: Rows that are left out, because they cannot be brought.
        examples: Keys of missing rows, as text.
        reason: Why a table is here that was not asked for.
        told: How many of the missing rows' keys the copy's session has; -1 before it has a table for them.
        needed_only: Whether it is here for rows that refer to it: what else referred to its rows is not wanted.
        notes: Sentences about what is lost, or what fires.
        problems: Sentences about what is in the way.
        sequences: Sequences that are moved ahead, quoted, with the value that they get.
    """

    pair: Pair
    missing: int = 0
    changed: int = 0
    new: int | None = None
    skipped: int = 0
    examples: list[str] = field(default_factory=list)
    reason: str = ""
    told: int = -1
    needed_only: bool = False
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        return {
            "table": self.pair.label, "missing": self.missing, "changed": self.changed, "new": self.new,
            "skipped": self.skipped, "examples": self.examples, "reason": self.reason, "notes": self.notes,
        }  # fmt: skip


@dataclass
class Plan:
    """All that is planned.

    Attributes:
        tables: In the order in which their rows can be brought.
        equal: Tables that are the same on both sides.
        foreign_keys: Of the live database.
        live: The live database's tables.
        notes: Sentences about tables of one side only.
    """

    tables: list[TablePlan]
    equal: int
    foreign_keys: list[ForeignKey]
    live: Mapping[str, Shape]
    notes: list[str]

    @property
    def rows(self) -> int:
        return sum(table.missing for table in self.tables)


def in_order(tables: Sequence[TablePlan], keys: Sequence[ForeignKey]) -> list[TablePlan]:
    """Parents before children. Of tables that refer to each other, the first by name goes first."""
    waiting = {table.pair.label: table for table in sorted(tables, key=lambda table: table.pair.label)}
    found = []
    while waiting:
        parents = {
            label: {key.parent for key in keys if key.child == label and key.parent != label and key.parent in waiting}
            for label in waiting
        }
        label = next((label for label in waiting if not parents[label]), next(iter(waiting)))
        found.append(waiting.pop(label))
    return found
