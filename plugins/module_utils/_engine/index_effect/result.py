# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured: of each query, with and without a group of indexes; of each index, what it costs and whom it serves."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

from .indexes import Index
from .queries import Skipped
from .verdict import FASTER, SLOWER, Round, Verdict
from .writes import Costs


class Side(NamedTuple):
    """A query with the indexes, or without.

    Attributes:
        shapes: Of its plan for each sample of values.
        scans: How the plan of the first sample reads, for people.
        indexes: The names in all the plans.
        pages: One execution reads on average.
    """

    shapes: tuple[str, ...]
    scans: str
    indexes: frozenset[str]
    pages: float


class Effect(NamedTuple):
    """What a group of indexes does for one query.

    Attributes:
        query: Its name.
        indexes: The names of the group.
        without, present: The two plans.
        rounds: Milliseconds of one execution; empty if it was not measured, because the plan is the same.
        verdict: None if it was not measured.
        by_clock: Those are the clock's and not the processor's.
        expected: The index that its file names; empty for none.
        text: Of a statement of production; empty for one in a file.
    """

    query: str
    indexes: tuple[str, ...]
    without: Side
    present: Side
    rounds: tuple[Round, ...]
    verdict: Verdict | None
    by_clock: bool = False
    expected: str = ""
    text: str = ""

    @property
    def plan_changed(self) -> bool:
        return self.without.shapes != self.present.shapes

    @property
    def words(self) -> str:
        return self.verdict.words if self.verdict else "no effect: the same plan"

    @property
    def seen(self) -> bool:
        """Whether there is an effect."""
        return self.verdict is not None and self.verdict.effect in (FASTER, SLOWER)

    @property
    def without_ms(self) -> float:
        return median(value for each in self.rounds for value in (each.before, each.after))

    @property
    def present_ms(self) -> float:
        return median(each.present for each in self.rounds)


class IndexResult(NamedTuple):
    """One index: whom it serves, and what it costs.

    Attributes:
        serves: Queries that are faster for it.
        unknown: Queries that it may serve: their plan uses it, and the machine was too busy to tell.
    """

    measured: Index
    build_seconds: float
    costs: Costs
    serves: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether it serves none of the queries."""
        return not self.serves and not self.unknown


class Advice(NamedTuple):
    """Indexes that were proposed: those of the result, which is what was measured with them and without.

    Attributes:
        rejected: (index as text, why) of the candidates that are not proposed.
        path, rollback_path: The files that were written; empty if no index is proposed.
        migration, rollback: Their contents.
    """

    rejected: tuple[tuple[str, str], ...] = ()
    path: str = ""
    rollback_path: str = ""
    migration: str = ""
    rollback: str = ""


class Result(NamedTuple):
    """All of it.

    Attributes:
        backup, version, database: What was measured on: the backup's path, and its source.
        one_by_one: Each index was left out alone; else all of them together.
        effects: Of each query; one by one, those whose plan an index changes.
        indexes: Of each index.
        kept: Indexes that are needed for something else, as "NAME: WHAT".
        skipped: Queries that could not be measured.
        missing: Indexes that migrations create and that are not there: left out as duplicates.
        queries: How many were measured.
        rounds, samples, seed: As asked for.
        load: The host's load average at the end.
        advice: If indexes were to be proposed.
    """

    backup: str
    version: str
    database: str
    one_by_one: bool
    effects: tuple[Effect, ...]
    indexes: tuple[IndexResult, ...]
    kept: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    missing: tuple[str, ...]
    queries: int
    rounds: int
    samples: int
    seed: int
    load: float
    advice: Advice | None = None
