# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cron expressions, in the part of Debian cron's language that means one thing only.

Everything accepted here is accepted by ``crontab -n``. Some of what that program accepts is refused all the same,
because it never runs (31 February), runs at other times than it reads (reversed ranges), or both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..errors import OptionError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# What the words stand for. @reboot is left out: it has no time, so nothing could tell whether it was missed.
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_WEEKS = ("first", "second", "third", "fourth")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Field:
    """One of the five fields: its name, its limits, and the names that stand for its numbers."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field("month", 1, 12, _MONTHS),
    Field("day of week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True)
class Expression:
    """A parsed schedule.

    Attributes:
        text: The five fields or the nickname, white space folded.
        minutes, hours, days, months: The values on which it fires.
        weekdays: 0 is Sunday.
        wild: Minute or hour starts with ``*``; such a job follows the clock on days when it is put forward or back,
            while others run exactly once on such a day.
        star_day: Day of month or day of week starts with ``*``: a day must match both fields, otherwise either.
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    wild: bool
    star_day: bool

    @property
    def both_days(self) -> bool:
        """Day of month and day of week are both restricted: what cron does then differs from what it reads like."""
        return len(self.days) < 31 and len(self.weekdays) < 7


def parse_expression(text: str, option: str = "schedule") -> Expression:
    """Parse five fields or a nickname such as ``@daily``.

    Raises:
        OptionError: names the field and what it may hold.
    """
    text = text.replace("\t", " ")
    folded = " ".join(text.split(" "))
    if re.search(r"[^ -~]", text):
        raise OptionError(option, text, "It may contain only printable ASCII characters and spaces.")
    words = folded.split()
    if folded.strip().startswith("@"):
        if folded.strip() not in NICKNAMES:
            raise OptionError(option, text, f"The words that are allowed here are {', '.join(NICKNAMES)}.")
        return replace(parse_expression(NICKNAMES[folded.strip()], option), text=folded.strip())
    if len(words) != 5:
        raise OptionError(
            option,
            text,
            f"It has {len(words)} fields; write five (minute, hour, day of month, month, day of week), a word such as @daily, "
            "or 'first sunday 04:00'.",
        )
    sets = [_field(word, rule, option, text) for word, rule in zip(words, FIELDS)]
    weekdays = frozenset(0 if day == 7 else day for day in sets[4])
    expression = Expression(
        " ".join(words),
        sets[0],
        sets[1],
        sets[2],
        sets[3],
        weekdays,
        wild=words[0].startswith("*") or words[1].startswith("*"),
        star_day=words[2].startswith("*") or words[4].startswith("*"),
    )
    if len(weekdays) == 7 and min(expression.days) > max(_LONGEST_MONTH[month - 1] for month in expression.months):
        raise OptionError(option, text, "It never runs: no month that it names has such a day.")
    return expression


def spelled_out(schedule: str, only_on: str, label: str) -> tuple[str, str]:
    """Turn ``first sunday 04:00`` into its five fields and the weekday; anything else stays as it is."""
    words = schedule.lower().split()
    if len(words) != 3 or words[0] not in _WEEKS or words[1] not in WEEKDAYS:
        return schedule, only_on
    clock = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", words[2])
    if not clock:
        raise OptionError(f"{label}.schedule", schedule, "Write the time as HH:MM, from 00:00 to 23:59.")
    if only_on:
        raise OptionError(f"{label}.only_on", only_on, "The schedule names the weekday already.")
    first = 1 + 7 * _WEEKS.index(words[0])
    return f"{int(clock.group(2))} {int(clock.group(1))} {first}-{first + 6} * *", words[1]


def _field(word: str, rule: Field, option: str, text: str) -> frozenset[int]:
    values: set[int] = set()
    for item in word.split(","):
        values |= _item(item, rule, option, text)
    return frozenset(values)


def _item(item: str, rule: Field, option: str, text: str) -> set[int]:
    def refuse(why: str) -> OptionError:
        return OptionError(option, text, f"Field {rule.name!r}, {item!r}: {why}", field=rule.name)

    # A name such as MON-FRI, or a misspelt one, may hold such a letter, too.
    unknown = "".join(part for part in re.split("([-/])", item) if not (part.isalpha() and len(part) > 1))
    foreign = next((sign for sign in "L#?WRH~" if sign in unknown and not item.isalpha()), "") or (
        item if item in ("L", "?", "W", "R", "H") else ""
    )
    if foreign:
        raise refuse(
            f"Debian's cron does not know {foreign!r}. For the first Sunday of a month write 'first sunday 04:00'."
        )
    match = re.fullmatch(r"(\*|[0-9a-zA-Z]+(?:-[0-9a-zA-Z]+)?)(?:/([0-9]+))?", item)
    if not match:
        raise refuse(f"write *, a number, a range a-b, either with a step /n, or a list of them; {_limits(rule)}.")
    span, step = match.group(1), int(match.group(2) or "1")
    if step < 1 or step > 999:
        raise refuse("a step is a number from 1 on.")
    if match.group(2) and span != "*" and "-" not in span:
        raise refuse(f"Debian's cron takes a step only after * or a range; write {span}-{rule.high}/{step}.")
    if span == "*":
        return set(range(rule.low, rule.high + 1, step))
    first, dash, last = span.partition("-")
    low = _number(first, rule)
    high = _number(last, rule) if dash else low
    if low is None or high is None:
        raise refuse(f"{_limits(rule)}.")
    if low > high:
        raise refuse(f"the range runs backwards; write {span.partition('-')[0]}-{rule.high},{rule.low}-{last}.")
    return set(range(low, high + 1, step))


def _number(word: str, rule: Field) -> int | None:
    if word.lower() in rule.names:
        return rule.names.index(word.lower()) + (rule.low if rule.name == "month" else 0)
    if not word.isdigit() or len(word) > 2:
        return None
    value = int(word)
    return value if rule.low <= value <= rule.high else None


def _limits(rule: Field) -> str:
    named = f", or {rule.names[0]} to {rule.names[-1]}" if rule.names else ""
    return f"it may hold {rule.low} to {rule.high}{named}"
