# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a schedule fires, by the rules of Debian's cron. Pure: hosts need no cron library for it.

On the day when clocks go forward a job with fixed minute and hour whose time is skipped runs right after the jump; on
the day when they go back it runs once. Jobs with ``*`` in minute or hour follow the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from itertools import islice, takewhile

from .expression import Expression

# Within eight years every schedule that can fire at all has fired (29 February across a common century year).
_HORIZON_DAYS = 366 * 8 + 2

UTC = timezone.utc


@dataclass(frozen=True)
class Run:
    """One start of a job.

    Attributes:
        utc: The moment, aware, in UTC.
        local: The same moment on the host's clock.
        note: What is special about the day ("" on most): the clocks change on it.
    """

    utc: datetime
    local: datetime
    note: str = ""


def fires_on(expression: Expression, day: date, only_on: int | None = None) -> bool:
    """Whether the schedule has runs on the day; only_on is the one ISO weekday (Monday 1) to keep, or None."""
    if day.month not in expression.months or (only_on is not None and day.isoweekday() != only_on):
        return False
    in_month, in_week = day.day in expression.days, day.isoweekday() % 7 in expression.weekdays
    return (in_month and in_week) if expression.star_day else (in_month or in_week)


def runs(expression: Expression, after: datetime, zone: tzinfo, only_on: int | None = None) -> Iterator[Run]:
    """The starts later than the aware moment ``after``, in order, for about eight years."""
    first = after.astimezone(zone).date() - timedelta(days=1)
    for offset in range(_HORIZON_DAYS):
        day = first + timedelta(days=offset)
        if fires_on(expression, day, only_on):
            yield from (run for run in _on_day(expression, day, zone) if run.utc > after)


def next_runs(
    expression: Expression, after: datetime, zone: tzinfo, only_on: int | None = None, count: int = 3
) -> list[Run]:
    """The next ``count`` starts (fewer only if there are none within eight years)."""
    return list(islice(runs(expression, after, zone, only_on), count))


def previous_run(expression: Expression, before: datetime, zone: tzinfo, only_on: int | None = None) -> Run | None:
    """The last start at or before the aware moment ``before``; None when there was none within 13 months."""
    for days in (2, 9, 33, 400):
        earlier = list(
            takewhile(lambda run: run.utc <= before, runs(expression, before - timedelta(days=days), zone, only_on))
        )
        if earlier:
            return earlier[-1]
    return None


def days_in_year(expression: Expression, year: int, only_on: int | None = None) -> int:
    """On how many days of the year the schedule fires."""
    start = date(year, 1, 1)
    return sum(
        fires_on(expression, start + timedelta(days=offset), only_on)
        for offset in range((date(year + 1, 1, 1) - start).days)
    )


def _on_day(expression: Expression, day: date, zone: tzinfo) -> list[Run]:
    note = _change(day, zone)
    moments: set[datetime] = set()
    for hour in sorted(expression.hours):
        for minute in sorted(expression.minutes):
            moments.update(_moments(datetime(day.year, day.month, day.day, hour, minute), zone, expression.wild))
    return [Run(moment, moment.astimezone(zone), note) for moment in sorted(moments)]


def _moments(wall: datetime, zone: tzinfo, wild: bool) -> list[datetime]:
    """The moments at which a clock on the wall shows the time, and cron acts on it."""
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early == late:
        return [early]
    if early < late:  # shown twice
        return [early, late] if wild else [early]
    return [] if wild else [_jump(late, early, zone)]  # never shown


def _jump(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The moment between the two at which the zone's offset changes."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _change(day: date, zone: tzinfo) -> str:
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    end = start + timedelta(days=1)
    length = end.astimezone(UTC) - start.astimezone(UTC)
    if length == timedelta(days=1):
        return ""
    return f"clocks go {'forward' if length < timedelta(days=1) else 'back'} on this day"


def longest_interval(expression: Expression | None, now: datetime, zone: tzinfo, weekday: int | None) -> float:
    """The longest time in seconds between two of the next starts; 0 for what nothing starts."""
    if expression is None:
        return 0.0
    moments = [run.utc for run in next_runs(expression, now, zone, weekday, 14)]
    return max(((later - sooner).total_seconds() for sooner, later in zip(moments, moments[1:])), default=0.0)
