# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries with a group of indexes and without it, on the copy: the plans first, then the rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

from ..backups.programs.pipeline import Deadline
from ..errors import DatabaseError
from ..postgres.database import Database, sql
from ..postgres.server_process import server_process
from ..steps import step
from .indexes import Index, absent
from .plans import indexes_in, pages_of, scans, shape
from .queries import Skipped
from .result import Effect, Side
from .rounds import Execution, measure_rounds
from .samples import Prepared
from .stopwatch import Stopwatch, Timed
from .verdict import LEAST, Round, judge

_MOST_ROWS = 1_000_000  # that this side would have to hold in memory
_SLOWEST = "60s"


def plans_of(
    database: Database, prepared: Sequence[Prepared], hidden: Sequence[Index], definitions: Mapping[str, str]
) -> tuple[dict[str, Side], list[Skipped]]:
    """The plans without these indexes, executed; and the queries that cannot be."""
    found, skipped = {}, []
    for each in prepared:
        name = each.query.name
        try:
            with absent(database, hidden, read_only=True):
                database.execute(f"SET LOCAL statement_timeout = '{_SLOWEST}'")
                nodes = [_explained(database, statement) for statement in each.statements]
        except DatabaseError as error:
            if database.closed:  # a foreign server out of reach, or a time limit, is the query's own trouble
                raise
            skipped.append(Skipped(name, error.message))
            continue
        if any(node["Actual Rows"] > _MOST_ROWS for node in nodes):
            skipped.append(Skipped(name, f"it returns more than {_MOST_ROWS:,} rows"))
            continue
        found[name] = Side(
            tuple(shape(node, definitions) for node in nodes),
            ", ".join(dict.fromkeys(scans(nodes[0]))),
            frozenset().union(*map(indexes_in, nodes)),
            sum(map(pages_of, nodes)) / len(nodes),
        )
    return found, skipped


def _explained(database: Database, statement: Any) -> Mapping[str, Any]:
    database.execute(statement)  # what is read for the first time is nobody's merit
    row = database.value(sql.SQL("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {}").format(statement))
    plan: Mapping[str, Any] = row[0]["Plan"]
    return plan


def effects_of(
    database: Database,
    prepared: Sequence[Prepared],
    group: Sequence[Index],
    sides: tuple[Mapping[str, Side], Mapping[str, Side]],
    rounds: int,
    random: Random,
    deadline: Deadline,
    all_of_them: bool,
) -> list[Effect]:
    """What the group does for each query that has both plans.

    Args:
        database, prepared: The session that has prepared them.
        group: Indexes that are left out together.
        sides: The plans without the group, and with it.
        rounds, random: As in measure_rounds.
        deadline: When all must be done.
        all_of_them: Measure those whose plan stays the same, too.
    """
    without, present = sides
    both = [each for each in prepared if each.query.name in without and each.query.name in present]
    changed = {each.query.name for each in both if without[each.query.name].shapes != present[each.query.name].shapes}
    counted = [each for each in both if all_of_them or each.query.name in changed]

    @contextmanager
    def phase(there: bool) -> Iterator[None]:
        deadline.left()
        step("measure.phase")
        with absent(database, () if there else group, read_only=True):
            yield

    with server_process(database) as server:
        watch = Stopwatch(server)
        executions = {each.query.name: _execution(database, each, watch) for each in counted}
        found = measure_rounds(executions, phase, rounds, random)
    names = tuple(each.plain_name for each in group)
    return [
        _effect(each, names, (without, present), found.get(each.query.name), each.query.name in changed)
        for each in both
    ]


def _execution(database: Database, prepared: Prepared, watch: Stopwatch) -> Execution:
    def execute() -> None:
        for statement in prepared.statements:
            database.execute(statement)

    return partial(watch, execute, len(prepared.statements))


def _effect(
    prepared: Prepared,
    names: tuple[str, ...],
    sides: tuple[Mapping[str, Side], Mapping[str, Side]],
    found: Timed | None,
    changed: bool,
) -> Effect:
    name, samples = prepared.query.name, len(prepared.statements)
    each = tuple(Round(*(value / samples for value in one)) for one in found.rounds) if found else ()
    verdict = judge(each, changed, LEAST) if each else None
    text = prepared.query.text if prepared.query.of_production else ""
    by_clock = bool(found and found.by_clock)
    return Effect(name, names, sides[0][name], sides[1][name], each, verdict, by_clock, prepared.query.plan, text)
