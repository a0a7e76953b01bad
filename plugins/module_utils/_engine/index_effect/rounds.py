# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds of without, with, without: who is executed when. Knows no database: what a phase is, and a clock, are given."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from random import Random
from typing import Callable

from .verdict import Round, least_time

# What makes a phase: called with whether the indexes are there; the block gets what executes.
Phase = Callable[[bool], AbstractContextManager[None]]

_MOST, _ENOUGH = 20, 0.05  # executions in one phase; seconds after which there are no more
_PASSES = 5
_FEWEST, _SLOW = 5, 0.5  # but so many within so many seconds: the first one may have waited for a busy machine


def measure_rounds(
    executions: Mapping[str, Callable[[], object]],
    phase: Phase,
    rounds: int,
    random: Random,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[Round]]:
    """The least time of each execution in each phase of each round, in milliseconds.

    In every phase each is executed once without the clock, so that what was read before is in memory in all of them alike,
    and then as often as in every other phase: in several passes over all of them, so that what the machine does beside it for a
    moment is not all that one of them sees. The order is shuffled in each pass.

    Args:
        executions: What is measured, by its name.
        phase: See Phase; False, True, False in every round.
        rounds: How many.
        random: Shuffles.
        clock: Seconds.
    """
    repeats: dict[str, int] = {}
    found: dict[str, list[Round]] = {name: [] for name in executions}
    for _round in range(rounds):
        times: dict[str, list[float]] = {name: [] for name in executions}
        for present in (False, True, False):
            least = dict.fromkeys(executions, math.inf)
            with phase(present):
                for at in range(_PASSES):
                    for name in random.sample(list(executions), len(executions)):
                        if at == 0:
                            warm = least_time(executions[name], 1, clock)
                            if name not in repeats:
                                repeats[name] = _often(executions[name], warm / 1000, clock)
                        least[name] = min(least[name], least_time(executions[name], _share(repeats[name], at), clock))
            for name, milliseconds in least.items():
                times[name].append(milliseconds)
        for name, (before, there, after) in times.items():
            found[name].append(Round(before, there, after))
    return found


def _share(often: int, at: int) -> int:
    """How many of so many executions are in this pass; the first ones have the rest."""
    return often // _PASSES + (at < often % _PASSES)


def _often(execute: Callable[[], object], warm: float, clock: Callable[[], float]) -> int:
    """How often something is executed in a phase that took so many seconds at first; twice more where that says too little."""
    if _ENOUGH / _MOST < warm < _SLOW:
        warm = min(warm, least_time(execute, 2, clock) / 1000)
    return max(1, min(_MOST, int(_ENOUGH / warm)), min(_FEWEST, int(_SLOW / warm)))
