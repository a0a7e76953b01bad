# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an execution takes: by the clock, and of the processor.

Beside other work the clock says how long a process has waited for a processor, too, which no index changes. What the server's process
and this one have computed does not grow with that. It is all that an execution takes, unless the server's process waits for something
else: a disk, the workers of a parallel plan. Then it gives its processor away by itself, which the kernel counts, and the clock is right.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ..postgres.server_process import ServerProcess
from .verdict import Round

_LEAST = 1e-6  # milliseconds


class Spent(NamedTuple):
    """Milliseconds of one execution, or the least of several.

    Attributes:
        clock: By the clock.
        processor: That the server's process and this thread have computed; not a number where that is not known.
        waited: The server's process waited for something else, in each execution.
    """

    clock: float
    processor: float = math.nan
    waited: bool = False


class Timed(NamedTuple):
    """Rounds of one kind of time.

    Attributes:
        by_clock: Whether it is the clock's: what was executed waits, or its process is not seen.
    """

    rounds: tuple[Round, ...]
    by_clock: bool


class Stopwatch:
    """Looks at the clock and at the server's process, as far as that is seen."""

    def __init__(
        self,
        server: ServerProcess | None,
        clock: Callable[[], float] = time.perf_counter,
        ours: Callable[[], float] = time.thread_time,
    ) -> None:
        self._server, self._clock, self._ours = server, clock, ours

    def __call__(self, execute: Callable[[], object], statements: int = 1) -> Spent:
        """Execute it once.

        Args:
            execute: Sends statements, one after the other.
            statements: How many: after each, the server's process waits for the next one.
        """
        if self._server is None:
            began = self._clock()
            execute()
            return Spent(max((self._clock() - began) * 1000, _LEAST))
        before, computed, began = self._server.usage(), self._ours(), self._clock()
        execute()
        ended, computed = self._clock(), self._ours() - computed
        after = self._server.usage()
        processor = after.processor - before.processor + computed
        waited = after.yielded - before.yielded > statements
        return Spent(max((ended - began) * 1000, _LEAST), max(processor * 1000, _LEAST), waited)


def least_of(found: Iterable[Spent]) -> Spent:
    """The least of several executions: what else a machine does can only add to it.

    As in Chen and Revels, "Robust benchmarking in noisy environments" (2016).
    """
    several = list(found)
    return Spent(
        min(each.clock for each in several),
        min(each.processor for each in several),
        all(each.waited for each in several),
    )


def timed(found: Sequence[tuple[Spent, Spent, Spent]]) -> Timed:
    """The rounds of without, with, without; of the processor's time where that is known and nothing else is waited for."""
    everything = [spent for phases in found for spent in phases]
    by_clock = any(each.waited or math.isnan(each.processor) for each in everything)
    rounds = (Round(*(each.clock if by_clock else each.processor for each in phases)) for phases in found)
    return Timed(tuple(rounds), by_clock)
