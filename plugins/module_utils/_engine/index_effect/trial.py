# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Candidates tried: each is left out alone, and goes for good unless a query is seen to be faster for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from ..backups.copy.copy import Copy
from ..backups.programs.pipeline import Deadline
from ..postgres.database import Database
from .build import build_candidates, drop
from .effects import effects_of, plans_of
from .indexes import Index, read_indexes
from .missing import find_candidates
from .result import Effect, Side
from .samples import Prepared
from .verdict import FASTER, SLOWER

_How = tuple[Mapping[str, str], int, Random, Deadline]  # definitions of indexes by name; as in try_candidates


class Trial(NamedTuple):
    """What came of it.

    Attributes:
        kept: Indexes that are there now: some query is faster for each of them, with the others there.
        rejected: (index as text, why) of the others.
    """

    kept: tuple[Index, ...]
    rejected: tuple[tuple[str, str], ...]


def try_candidates(
    copy: Copy, database: Database, prepared: Sequence[Prepared], rounds: int, random: Random, deadline: Deadline,
    say: Callable[[str], None],
) -> Trial:  # fmt: skip
    """Build what might serve the queries that read whole tables, and keep what is seen to.

    Args:
        copy: Where.
        database: The session that has prepared the queries, as a role that owns the tables.
        prepared: The queries.
        rounds, random: As in measure_rounds.
        deadline: When all must be done.
        say: Takes progress lines.
    """
    found = find_candidates(database, prepared)
    if not found.candidates:
        return Trial((), found.rejected)
    built = build_candidates(copy, database, prepared, list(found.candidates), deadline, say)
    rejected = [*found.rejected, *built.rejected]
    kept = sorted(
        built.indexes, key=lambda index: index.rest.count(",")
    )  # the smaller ones have to prove themselves first
    definitions = {each.plain_name: each.rest for each in read_indexes(database)}
    say(f"Trying {len(kept)} indexes ...")
    for index in tuple(kept):
        present, _slow = plans_of(database, prepared, (), definitions)
        effects = _effects(database, prepared, index, present, (definitions, rounds, random, deadline))
        why = _why_not(effects)
        if why:
            drop(database, index)
            kept.remove(index)
            rejected.append((_text(index), why))
    return _serving(database, prepared, Trial(tuple(kept), tuple(rejected)), (definitions, rounds, random, deadline))


def _serving(database: Database, prepared: Sequence[Prepared], trial: Trial, how: _How) -> Trial:
    """Those that some plan still uses: one that went may have been what the plans of another one needed."""
    present, _slow = plans_of(database, prepared, (), how[0])
    used = frozenset().union(*(side.indexes for side in present.values()))
    return without(database, trial, [each for each in trial.kept if each.plain_name not in used], "no plan uses it")


def without(database: Database, trial: Trial, idle: Sequence[Index], why: str) -> Trial:
    """The trial, after these were taken away, too."""
    for index in idle:
        drop(database, index)
    rejected = [(_text(index), why) for index in idle]
    return Trial(tuple(index for index in trial.kept if index not in idle), (*trial.rejected, *rejected))


def _text(index: Index) -> str:
    return f"{index.table} {index.rest.rpartition(' USING ')[2].removeprefix('btree ')}"


def _effects(
    database: Database, prepared: Sequence[Prepared], index: Index, present: Mapping[str, Side], how: _How
) -> list[Effect]:
    definitions, rounds, random, deadline = how
    users = [
        each for each in prepared if each.query.name in present and index.plain_name in present[each.query.name].indexes
    ]
    without, _slow = plans_of(database, users, [index], definitions)
    return effects_of(database, users, [index], (without, present), rounds, random, deadline, all_of_them=False)


def _why_not(effects: Sequence[Effect]) -> str:
    """Why an index is not kept; empty if it is."""
    slower = [each.query for each in effects if each.verdict and each.verdict.effect == SLOWER]
    if slower:
        return f"it makes {', '.join(slower)} slower"
    if any(each.verdict and each.verdict.effect == FASTER for each in effects):
        return ""
    return "no query is seen to be faster for it"
