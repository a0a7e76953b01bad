# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last rehearsal, kept in the environment's state directory for the statistics report. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..text.one_line import one_line
from ..text.sizes import shown_bytes
from .seen import STOPS_WRITERS, LockSeen, Seen, StatementSeen
from .texts import effect_of, shown_range, shown_seconds

FILE = "rehearsed.json"
_MOST = 5  # locks and problems that are kept


class Rehearsed(NamedTuple):
    """The last rehearsal.

    Attributes:
        at: When, in seconds since 1970.
        backup: The backup that it was on.
        passed: Whether nothing was wrong.
        summary: How many files, how long they take, what they need.
        waits: (where, what production would feel) of the locks that keep somebody waiting, the longest first.
        problems: What was wrong.
    """

    at: float
    backup: str
    passed: bool
    summary: str
    waits: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The verdict and the summary as a sentence without its end."""
        return f"{'passed' if self.passed else 'not passed'}, {self.summary}"


def remember(seen: Seen, pending: Sequence[str], problems: Sequence[str], backup: str, now: float) -> Rehearsed:
    """What is kept of a rehearsal; pending are the versions that were to run."""
    if not pending and not problems:
        return Rehearsed(now, backup, True, "no migration was pending")
    files = f"{len(pending)} {'migration' if len(pending) == 1 else 'migrations'}"
    summary = f"{files} in {shown_range(seen.files)}, {shown_bytes(seen.room)} needed on the way"
    stops = [(each, lock) for each in seen.forward for lock in each.locks if lock.mode in STOPS_WRITERS]
    stops.sort(key=_longest)
    waits = tuple((f"{each.file}:{each.line}", _felt(lock)) for each, lock in stops[:_MOST])
    return Rehearsed(now, backup, not problems, summary, waits, tuple(map(one_line, problems[:_MOST])))


def _longest(item: tuple[StatementSeen, LockSeen]) -> float:
    return -item[1].seconds


def _felt(lock: LockSeen) -> str:
    return f"{lock.mode} on {lock.relation} for {shown_seconds(lock.seconds)}: {effect_of(lock.mode)}"


def from_json(data: Mapping[str, Any]) -> Rehearsed | None:
    """The last rehearsal, or None where there is none that can be read."""
    try:
        return Rehearsed(
            float(data["at"]),
            str(data["backup"]),
            bool(data["passed"]),
            str(data["summary"]),
            tuple((str(where), str(felt)) for where, felt in data["waits"]),
            tuple(map(str, data["problems"])),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
