# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lengths of time as people write them: "90 days", "26h", "1 month 2 days"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from ..errors import OptionError

ALLOWED = (
    'Write a number and a unit, as "90 days", "26h" or "1 week 2 days"; units are seconds, minutes, hours, days, weeks'
)

_PART = re.compile(r"\s*([0-9]{1,9})\s*([a-zA-Z]+)\s*,?")
_ONE = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-zA-Z]*)\s*")
_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_DAYS = {"d": 1, "day": 1, "w": 7, "week": 7}
_MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True)
class Duration:
    """Calendar months, days of 24 hours (all reckoning is in UTC), and seconds; PostgreSQL's interval has the same three."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    @property
    def interval(self) -> str:
        """PostgreSQL's input form."""
        return f"{self.months} months {self.days} days {self.seconds} seconds"

    @property
    def total_seconds(self) -> int:
        """The length in seconds, a month counted as 30 days."""
        return (self.months * 30 + self.days) * 86400 + self.seconds

    @property
    def as_timedelta(self) -> timedelta:
        """The length as Python has it, a month counted as 30 days."""
        return timedelta(seconds=self.total_seconds)

    def __str__(self) -> str:
        parts = [(self.months, "month"), (self.days, "day")]
        for unit, length in (("hour", 3600), ("minute", 60), ("second", 1)):
            if self.seconds and self.seconds % length == 0:
                parts.append((self.seconds // length, unit))
                break
        text = " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)
        return text or "0 seconds"


def parse_duration(option: str, text: str, calendar: bool = False) -> Duration:
    """The duration that the text says; months and years only where a calendar makes sense.

    Raises:
        OptionError: not a length of time; the message shows the allowed form.
    """
    total = {"months": 0, "days": 0, "seconds": 0}
    allowed = ALLOWED + (", months, years." if calendar else ".")
    position, given = 0, str(text)
    while position < len(given.rstrip()):
        part = _PART.match(given, position)
        if not part:
            raise OptionError(option, text, allowed)
        unit = _singular(part[2])
        for name, table in (("seconds", _SECONDS), ("days", _DAYS), ("months", _MONTHS if calendar else {})):
            if unit in table:
                total[name] += int(part[1]) * table[unit]
                break
        else:
            raise OptionError(option, text, allowed)
        position = part.end()
    if not given.strip():
        raise OptionError(option, text, allowed)
    return Duration(**total)


def parse_seconds(option: str, text: object) -> float:
    """The seconds that the text says, for waits and time limits: also a plain number of seconds ("90", 90) and one number with
    a fraction ("1.5h").

    Raises:
        OptionError: not a length of time; the message shows the allowed form.
    """
    one = _ONE.fullmatch(str(text))
    unit = _singular(one[2] or "s") if one else ""
    if one and unit in _SECONDS:
        return float(one[1]) * _SECONDS[unit]
    if one and unit in _DAYS:
        return float(one[1]) * _DAYS[unit] * 86400
    return float(parse_duration(option, str(text)).total_seconds)


def _singular(unit: str) -> str:
    unit = unit.lower()
    return unit[:-1] if len(unit) > 3 and unit.endswith("s") else unit
