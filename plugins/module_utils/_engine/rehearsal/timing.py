# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the files take, and the run of them: an observer that looks at clocks only.

A rehearsal has a low priority, a deployment has not: where others have the processor, it waits longer than that one would. So these
waits are counted, and a duration is told from what it is without them to what it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from ..errors import DatabaseError
from ..migrations.session.observer import Observer
from ..postgres.database import Database
from ..postgres.server_process import ServerProcess, find_server_process, waited_here


class Took(NamedTuple):
    """Seconds, and how many of them were spent waiting for a processor that others had."""

    seconds: float
    waited: float

    @property
    def least(self) -> float:
        """What it would have taken if a processor had been free."""
        return max(0.0, self.seconds - self.waited)


class Round(NamedTuple):
    """One run forward.

    Attributes:
        files: The files' transactions, and their statements that commit by themselves.
        whole: With connecting, reading and planning, and the history.
    """

    files: Took
    whole: Took


class Range(NamedTuple):
    """Seconds, from and to."""

    least: float
    most: float


def range_of(found: list[Took]) -> Range:
    """From the least that any of them would have taken to the most that one has."""
    return Range(min((each.least for each in found), default=0.0), max((each.seconds for each in found), default=0.0))


class Timing(Observer):
    """Sums up transactions, and statements that commit by themselves. It stands still while somebody asks questions of his own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, waited: Callable[[], float] = waited_here) -> None:
        self._clock, self._waited_here = clock, waited
        self._server: ServerProcess | None = None
        self._before, self._last = 0.0, 0.0  # waited by the server's processes of earlier connections, and by this one
        self._paused = Took(0.0, 0.0)
        self._inside = False
        self.starts()

    def starts(self) -> None:
        """The run begins now."""
        self._since = self._files = Took(0.0, 0.0)
        self._began = self._moment()

    def now(self) -> float:
        """Seconds of the run's own work, from no particular moment."""
        return self._clock() - self._paused.seconds

    def round(self) -> Round:
        """What has come together since it was made, or has started."""
        return Round(self._files, _between(self._began, self._moment()))

    def close(self) -> None:
        """It looks at no process any more."""
        self._before, self._last = self._server_waited(), 0.0
        if self._server:
            self._server.close()
            self._server = None

    @contextmanager
    def _pause(self) -> Iterator[None]:
        """What happens in the block is not the run's."""
        began = self._raw()
        try:
            yield
        finally:
            self._paused = _sum(self._paused, _between(began, self._raw()))

    def connected(self, database: Database) -> None:
        with self._pause():
            self.close()
            self._server = find_server_process(database)

    def transaction_begins(self) -> None:
        self._inside, self._since = True, self._moment()

    def statement_begins(self, text: str, line: int) -> None:
        if not self._inside:
            self._since = self._moment()

    def statement_ends(self, error: DatabaseError | None) -> None:
        if not self._inside:
            self._count()

    def transaction_ends(self, committed: bool) -> None:
        if self._inside:
            self._count()
        self._inside = False

    def _count(self) -> None:
        self._files = _sum(self._files, _between(self._since, self._moment()))

    def _moment(self) -> Took:
        return _between(self._paused, self._raw())

    def _raw(self) -> Took:
        return Took(self._clock(), self._waited_here() + self._server_waited())

    def _server_waited(self) -> float:
        """What the server's processes have waited, as far as was seen: one that has ended is not heard of any more."""
        if self._server:
            with suppress(OSError):
                self._last = self._server.usage().waited
        return self._before + self._last


def _between(began: Took, ended: Took) -> Took:
    return Took(ended.seconds - began.seconds, max(0.0, ended.waited - began.waited))


def _sum(one: Took, other: Took) -> Took:
    return Took(one.seconds + other.seconds, one.waited + other.waited)
