# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds of without, with, without: who is executed when. Knows no database: what a phase and an execution is, is given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from random import Random
from typing import Callable

from .stopwatch import Spent, Timed, least_of, timed

# What makes a phase: called with whether the indexes are there; the block gets what executes.
Phase = Callable[[bool], AbstractContextManager[None]]
# Executes something once, and says what that took.
Execution = Callable[[], Spent]

_MOST, _ENOUGH = 20, 0.05  # executions in one phase; seconds after which there are no more
_PASSES = 5
_FEWEST, _SLOW = 5, 0.5  # but so many within so many seconds: the first one may have waited for a busy machine


def measure_rounds(executions: Mapping[str, Execution], phase: Phase, rounds: int, random: Random) -> dict[str, Timed]:
    """The least time of each execution in each phase of each round, in milliseconds.

    In every phase each is executed once without counting it, so that what was read before is in memory in all of them alike,
    and then as often as in every other phase: in several passes over all of them, so that what the machine does beside it for a
    moment is not all that one of them sees. The order is shuffled in each pass.

    Args:
        executions: What is measured, by its name.
        phase: See Phase; False, True, False in every round.
        rounds: How many.
        random: Shuffles.
    """
    repeats: dict[str, int] = {}
    found: dict[str, list[tuple[Spent, Spent, Spent]]] = {name: [] for name in executions}
    for _round in range(rounds):
        before, there, after = (_phase(executions, phase(present), repeats, random) for present in (False, True, False))
        for name in executions:
            found[name].append((before[name], there[name], after[name]))
    return {name: timed(each) for name, each in found.items()}


def _phase(
    executions: Mapping[str, Execution], phase: AbstractContextManager[None], repeats: dict[str, int], random: Random
) -> dict[str, Spent]:
    """The least of each; how often each is executed is set by the first phase."""
    spent: dict[str, list[Spent]] = {name: [] for name in executions}
    with phase:
        for at in range(_PASSES):
            for name in random.sample(list(executions), len(executions)):
                if at == 0:
                    warm = executions[name]()
                    if name not in repeats:
                        repeats[name] = _often(executions[name], warm.clock / 1000)
                spent[name] += [executions[name]() for _time in range(_share(repeats[name], at))]
    return {name: least_of(each) for name, each in spent.items()}


def _share(often: int, at: int) -> int:
    """How many of so many executions are in this pass; the first ones have the rest."""
    return often // _PASSES + (at < often % _PASSES)


def _often(execute: Execution, warm: float) -> int:
    """How often something is executed in a phase that took so many seconds at first; twice more where that says too little."""
    if _ENOUGH / _MOST < warm < _SLOW:
        warm = min(warm, execute().clock / 1000, execute().clock / 1000)
    return max(1, min(_MOST, int(_ENOUGH / warm)), min(_FEWEST, int(_SLOW / warm)))
