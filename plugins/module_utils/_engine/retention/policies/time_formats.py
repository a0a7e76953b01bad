# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time columns: those of a time type, and those that hold a time in a number, a UUID of version 7 or a ULID.

Each condition compares the bare column with a literal of its type, so an index on it is used. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ...errors import TitanError
from ...postgres.database import sql
from .policy import Policy
from .tables import Column

TIME_TYPES = {"timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp", "date": "date"}
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "double precision")
_TEXTS = ("text", "character varying", "bpchar")
FORMATS = {
    "epoch_seconds": _NUMBERS,
    "epoch_milliseconds": _NUMBERS,
    "epoch_microseconds": _NUMBERS,
    "uuid7": ("uuid", *_TEXTS),
    "ulid": (*_TEXTS, "uuid"),
}
_SUGGESTED = {
    **dict.fromkeys(_NUMBERS, "epoch_seconds, epoch_milliseconds or epoch_microseconds"),
    "uuid": "uuid7 or ulid",
    **dict.fromkeys(_TEXTS, "ulid or uuid7; a date written as text needs a column of a time type"),
}
_MICROSECONDS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000, "epoch_microseconds": 1}
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def kind_of(policy: Policy, column: Column) -> str:
    """The type that the cut-off is computed in: that of the column, or timestamptz where the column is no time."""
    return "timestamptz" if policy.time_format else TIME_TYPES[column.base]


def time_problem(policy: Policy, column: Column, table: str) -> str:
    """Why the column cannot be a time column as the policy says; empty if it can."""
    if policy.time_format:
        allowed = FORMATS[policy.time_format]
        return (
            ""
            if column.base in allowed
            else f"{table}.{column.name} is of type {column.type}; time_format {policy.time_format} is for {', '.join(allowed)}."
        )
    if column.base not in TIME_TYPES:
        hint = _SUGGESTED.get(column.base)
        if hint:
            return f"{table}.{column.name} is of type {column.type}; set what it holds with time_format: {hint}."
        return (
            f"{table}.{column.name} is of type {column.type}; a time column is of type timestamp with time zone, "
            "timestamp without time zone or date, or has a time_format."
        )
    if TIME_TYPES[column.base] != "timestamptz" and not policy.time_zone:
        return (
            f"{table}.{column.name} is of type {column.type}, which has no time zone; name the zone in which the application "
            "writes it with time_zone, for example time_zone: UTC or time_zone: Europe/Berlin."
        )
    return ""


def older(policy: Policy, column: Column, cut: str) -> Any:
    """The condition that the row's time is before the cut-off (the server's text of kind_of, in UTC)."""
    name = sql.Identifier(column.name)
    if not policy.time_format:
        return sql.SQL("{} < {}::{}").format(name, sql.Literal(cut), sql.SQL(TIME_TYPES[column.base]))
    before = sql.SQL("{} < {}").format(name, _bound(policy, column, _moment(cut)))
    valid = _valid(policy, column)
    return sql.SQL("{} AND {}").format(before, valid) if valid else before


def as_time(policy: Policy, column: Column) -> Any:
    """The row's time as a timestamp without time zone: in UTC where it is written in a number, UUID or ULID, which has to be valid."""
    name = sql.Identifier(column.name)
    if not policy.time_format:
        return sql.SQL("{}::timestamp").format(name)
    if policy.time_format.startswith("epoch"):
        seconds = sql.SQL(
            f"greatest({{}}, 0)::double precision / {1_000_000 // _MICROSECONDS[policy.time_format]}"
        ).format(name)
    elif column.base == "uuid" or policy.time_format == "uuid7":
        digits = "pg_catalog.replace({}::text, '-', '')"
        seconds = sql.SQL(f"('x' || pg_catalog.substr({digits}, 1, 12))::bit(48)::bigint / 1000.0").format(name)
    else:
        seconds = sql.SQL(
            "(SELECT pg_catalog.sum((pg_catalog.strpos({}, pg_catalog.substr({}::text, place, 1)) - 1)::bigint << 5 * (10 - place)) "
            "FROM pg_catalog.generate_series(1, 10) place) / 1000.0"
        ).format(sql.Literal(_CROCKFORD), name)
    return sql.SQL("(pg_catalog.to_timestamp({}) AT TIME ZONE 'UTC')").format(seconds)


def no_time(policy: Policy, column: Column) -> Any | None:
    """The condition that the row has no time; None if each has one."""
    valid = _valid(policy, column)
    if valid:
        return sql.SQL("({} IS NULL OR NOT {})").format(sql.Identifier(column.name), valid)
    return None if column.filled else sql.SQL("{} IS NULL").format(sql.Identifier(column.name))


def never(policy: Policy, column: Column) -> Any:
    """The condition that the row's time stands for "never": the first day of year 1 and before, the first moment of 1970.

    An application in any time zone writes the latter, so it lies within the hours around it.
    """
    name = sql.Identifier(column.name)
    if policy.time_format.startswith("epoch"):
        return sql.SQL("{} = 0").format(name)
    if policy.time_format:
        return sql.SQL("{} < {}").format(name, _bound(policy, column, _EPOCH + timedelta(milliseconds=1)))
    kind = sql.SQL(TIME_TYPES[column.base])
    if column.base == "date":
        return sql.SQL("({0} < '0002-01-01'::date OR {0} = '1970-01-01'::date)").format(name)
    return sql.SQL(
        "({0} < '0002-01-01'::{1} OR {0} BETWEEN '1969-12-31 10:00'::{1} AND '1970-01-01 14:00'::{1})"
    ).format(name, kind)


def _valid(policy: Policy, column: Column) -> Any | None:
    name = sql.Identifier(column.name)
    if policy.time_format == "uuid7" and column.base == "uuid":
        return sql.SQL("substr({}::text, 15, 1) = '7'").format(name)
    if policy.time_format == "uuid7":  # in lower case: the order of a text is that of the numbers then
        return sql.SQL(
            "{}::text ~ '^[0-9a-f]{{8}}-[0-9a-f]{{4}}-7[0-9a-f]{{3}}-[0-9a-f]{{4}}-[0-9a-f]{{12}} *$'"
        ).format(name)
    if policy.time_format == "ulid" and column.base != "uuid":
        return sql.SQL("{}::text ~ '^[0-7][0-9A-HJKMNP-TV-Z]{{25}}$'").format(name)
    return None


def _bound(policy: Policy, column: Column, moment: datetime) -> Any:
    """The smallest value that a row of the moment can have, as a literal that takes the column's type."""
    micros = max(0, (moment - _EPOCH) // timedelta(microseconds=1))
    if policy.time_format.startswith("epoch"):
        unit = _MICROSECONDS[policy.time_format]
        whole, rest = divmod(micros, unit)
        exact = column.base in ("numeric", "double precision")
        return sql.SQL(f"{micros / unit!r}::{column.base}" if exact else str(whole + (1 if rest else 0)))
    millis = -(-micros // 1000)
    if column.base == "uuid" or policy.time_format == "uuid7":
        digits = f"{millis:012x}".ljust(32, "0")
        return sql.Literal(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")
    return sql.Literal("".join(_CROCKFORD[millis >> 5 * place & 31] for place in range(9, -1, -1)) + "0" * 16)


def _moment(cut: str) -> datetime:
    """The cut-off as the server prints it with TimeZone UTC and DateStyle ISO."""
    try:
        whole, _other, fraction = cut.partition("+")[0].partition(".")
        found = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise TitanError(
            f"The cut-off {cut} cannot be written in the column's format; correct the policy's keep."
        ) from error
    return found + timedelta(microseconds=int(fraction.ljust(6, "0") or 0))
