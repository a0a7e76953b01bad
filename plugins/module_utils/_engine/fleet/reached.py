# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recovery point and the recovery time that an environment reaches. Pure.

A disaster at some moment costs what was written since the newest backup that was finished by then had begun: a dump holds the
database as it was at its start. Where write-ahead log is archived beside physical backups, it costs what was not archived yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable, NamedTuple

from .record import Finding, Reached

DAY, HOUR = 86400.0, 3600.0
SHOWN = 30  # days of the trend


class Backup(NamedTuple):
    """A sound backup, kept or removed since: when it began and ended, in seconds since 1970."""

    started: float
    finished: float


def recovery_point(
    backups: Sequence[Backup],
    now: float,
    target: float | None,
    archived: float | None = None,
    behind: Mapping[int, float] | None = None,
) -> Reached:
    """The recovery point.

    Args:
        archived: Until when write-ahead log is archived that a physical backup can be brought forward with.
        behind: By how many seconds the archive was behind, by the number of the hour since 1970. An hour of which that is not
            known costs what the backups alone would.
    """
    done = sorted((each for each in backups if each.finished <= now), key=_finished)
    begin = now - SHOWN * DAY
    trend = [_worst_day(done, begin + number * DAY, behind or {}) for number in range(SHOWN)]
    last = max((each.started for each in done), default=None)
    if last is not None and archived is not None:
        last = max(last, min(archived, now))
    known = [each for each in trend if each is not None]
    return Reached(now=None if last is None else now - last, worst=max(known, default=None), target=target, trend=trend)


def _finished(each: Backup) -> tuple[float, float]:
    """Of two that were finished at once the one that began later counts."""
    return each.finished, -each.started


def _worst_of(done: Sequence[Backup], begin: float, end: float) -> float | None:
    """The most that a disaster between the two moments would have cost; None where no backup is known before the end."""
    newest: float | None = None
    worst: float | None = None
    for each in done:
        if each.finished > end:
            break
        if newest is not None and each.finished > begin:
            worst = max(worst or 0.0, each.finished - newest)
        newest = each.started if newest is None else max(newest, each.started)
    return worst if newest is None else max(worst or 0.0, end - newest)


def _worst_day(done: Sequence[Backup], begin: float, behind: Mapping[int, float]) -> float | None:
    """The most that a disaster on that day would have cost."""
    end = begin + DAY
    if not any(begin < (hour + 1) * HOUR and hour * HOUR < end for hour in behind):
        return _worst_of(done, begin, end)
    costs = []
    for hour in range(int(begin // HOUR), int(-(-end // HOUR))):
        cost = _worst_of(done, max(begin, hour * HOUR), min(end, (hour + 1) * HOUR))
        if cost is not None:
            costs.append(min(cost, behind.get(hour, cost)))
    return max(costs, default=None)


def recovery_time(seconds: Sequence[float], target: float | None) -> Reached:
    """The recovery time, of the restores that were timed, the oldest first."""
    known = [each for each in seconds if each > 0]
    return Reached(
        now=known[-1] if known else None, worst=max(known, default=None), target=target, trend=list(known[-SHOWN:])
    )


def missed(point: Reached, time: Reached, typed: Callable[[str], str]) -> list[Finding]:
    """A finding for each target that is not reached, or of which that is unknown; typed: a subcommand as one types it."""
    found = []
    for name, what, each, none, fix in (
        ("recovery_point", "point", point, "no sound backup is known", typed("backup")),
        ("recovery_time", "time", time, "no restore of a backup was timed", typed("drill")),
    ):
        if each["target"] is None:
            continue
        wanted = f"the target is {length(each['target'])}"
        if each["now"] is None:
            status = "critical" if name == "recovery_point" else "unknown"
            found.append(Finding(name=name, status=status, message=f"{none}, and {wanted}", fix=fix))
        elif each["now"] > each["target"]:
            message = f"recovery {what} {length(each['now'])}, {wanted}"
            found.append(Finding(name=name, status="critical", message=message, fix=fix))
    return found


def length(seconds: float) -> str:
    """A length of time for people."""
    for most, unit, size in ((120, "s", 1.0), (7200, "min", 60.0), (2 * DAY, "h", 3600.0)):
        if seconds < most:
            return (
                f"{seconds / size:.0f} {unit}"
                if unit == "s" or seconds / size >= 10
                else f"{seconds / size:.1f} {unit}"
            )
    return f"{seconds / DAY:.1f} days"
