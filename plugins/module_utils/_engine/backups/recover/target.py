# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The moment that somebody wants to go back to, as the options say it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from ...errors import OptionError

TIME, TRANSACTION, POINT, DROP = "to", "to_transaction", "to_restore_point", "before_drop"
_KINDS = (TIME, TRANSACTION, POINT, DROP)
_TIME = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s*(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?\s*"
)
_LAST_XID = 2**32 - 1


class Target(NamedTuple):
    """What is wanted.

    Attributes:
        kind: The option that says it: "to", "to_transaction", "to_restore_point", "before_drop".
        value: As it was given.
        time: The time of "to", in UTC; else None.
        xid: The number of "to_transaction"; else 0.
        before: Whether it is the moment just before the transaction, not just after.
    """

    kind: str
    value: str
    time: datetime | None = None
    xid: int = 0
    before: bool = False

    def __str__(self) -> str:
        if self.time:
            return format_moment(self.time)
        side = "before" if self.before else "after"
        return {
            TRANSACTION: f"just {side} transaction {self.xid}",
            POINT: f"restore point {self.value!r}",
            DROP: f"just before the DROP of {self.value}",
        }[self.kind]


def target_from(options: Mapping[str, Any]) -> Target:
    """The target that the options name.

    Raises:
        OptionError: none or several are named, or one is not understood.
    """
    given = given_targets(options)
    if len(given) != 1:
        alternatives = f"a time in {TIME!r}, or one of {', '.join(map(repr, _KINDS[1:]))}"
        if not given:
            raise OptionError(TIME, None, f"Name the moment to go back to: {alternatives}.")
        raise OptionError(given[1], options[given[1]], f"{given[0]!r} is given, too. Name one moment: {alternatives}.")
    kind, value = given[0], str(options[given[0]])
    before = bool(options["exclusive"])
    if before and kind != TRANSACTION:
        raise OptionError(
            "exclusive", True, f"It belongs to {TRANSACTION!r}: the moment is just before that transaction then."
        )
    if kind == TIME:
        return Target(kind, value, time=parse_moment(value))
    if kind == TRANSACTION:
        if not re.fullmatch(r"\d{1,10}", value) or not 3 <= int(value) <= _LAST_XID:
            raise OptionError(
                kind, value, f"Use the number of a transaction, 3 to {_LAST_XID}, as the server's log has it (%x)."
            )
        return Target(kind, value, xid=int(value), before=before)
    return Target(kind, value)


def given_targets(options: Mapping[str, Any]) -> list[str]:
    """Names of the options that name a moment."""
    return [kind for kind in _KINDS if options[kind] not in (None, "")]


def parse_moment(text: str) -> datetime:
    """The time in UTC that a text with date, time and zone names.

    Raises:
        OptionError: it is not one, or says no zone.
    """
    found = _TIME.fullmatch(text)
    if not found:
        raise OptionError(TIME, text, "Write date, time and zone, such as 2026-11-26 01:59:59+00.")
    date, minutes, seconds, fraction, zone = found.groups()
    if zone is None:
        raise OptionError(
            TIME,
            text,
            f"The zone is missing. Write {date} {minutes}:{seconds or '00'}+00 for UTC, or the zone's own offset.",
        )
    try:
        moment = datetime.fromisoformat(f"{date} {minutes}:{seconds or '00'}.{(fraction or '').ljust(6, '0')}")
        return moment.replace(tzinfo=_offset(zone)).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise OptionError(TIME, text, "There is no such time. Write it such as 2026-11-26 01:59:59+00.") from error


def _offset(zone: str) -> timezone:
    if zone[0] not in "+-":
        return timezone.utc
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if minutes > 59 or hours > 15:  # as in PostgreSQL
        raise ValueError(zone)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if zone[0] == "-" else offset)


def format_moment(moment: datetime) -> str:
    """As PostgreSQL writes a time in UTC: "2026-11-26 01:59:59.5+00"."""
    text = f"{moment:%Y-%m-%d %H:%M:%S}"
    return text + (f".{moment:%f}".rstrip("0") if moment.microsecond else "") + "+00"
