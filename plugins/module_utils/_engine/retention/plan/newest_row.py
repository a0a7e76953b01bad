# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the server's clock plausible beside the rows of a table? Where rows came daily and none came for a month, it may have jumped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ...errors import OptionError, TitanError
from ...postgres.database import Database, sql
from ...text.durations import Duration, parse_duration
from ..policies.policy import Policy
from ..policies.predicate import cutoff
from ..policies.tables import Table
from ..policies.time_formats import older

_DOUBLINGS, _LONGEST = 12, timedelta(days=36500)
_ROWS = 6  # in the time before: fewer say nothing of how often rows are written


def row_within(option: str, text: str) -> timedelta | None:
    """How old the newest row may be; None when the guard is switched off by "off".

    Raises:
        OptionError: no length of time, or none.
    """
    if text == "off":
        return None
    try:
        within = parse_duration(option, text).as_timedelta
    except OptionError as error:
        raise OptionError(option, text, 'Write a length of time as "7 days" or "36h", or "off".') from error
    if not timedelta(0) < within < _LONGEST:
        raise OptionError(option, text, 'Write a length of time above 0 and below 100 years, or "off".')
    return within


def require_plausible_clock(database: Database, table: Table, policy: Policy, clock: str, within: timedelta) -> None:
    """Refuse when rows used to be written to the table, and all are older than this by the server's clock.

    One statement reads the table until it finds a newer row; only without one it is counted how often rows came before.

    Raises:
        TitanError: the clock may have jumped ahead.
    """
    source = sql.Identifier(table.schema, table.name)
    recent = _newer(database, table, policy, clock, within)
    if database.value(sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {})").format(source, recent)):
        return
    lengths = [within * 2**doubling for doubling in range(_DOUBLINGS) if within * 2**doubling < _LONGEST]
    newer = [_newer(database, table, policy, clock, length) for length in [*lengths, lengths[-1] * 2]]
    counted = [
        sql.SQL("count(*) FILTER (WHERE {}) AS {}").format(one, sql.Identifier(str(number)))
        for number, one in enumerate(newer)
    ]
    rows = database.row(sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(counted), source)) or {}
    for number in range(1, len(lengths)):
        if rows.get(str(number)):
            written = rows[str(number + 1)]
            if written >= _ROWS:
                raise TitanError(
                    f"It has no row of the last {_days(lengths[number - 1])}, and {written:,} of the {_days(lengths[number] * 2)} "
                    f"up to the server's clock {clock}: the clock may have jumped ahead, so none was deleted. Check the clock; if "
                    'nothing writes to the table any more, say require_row_within: "off".'
                )
            return


def _newer(database: Database, table: Table, policy: Policy, clock: str, length: timedelta) -> sql.Composable:
    """The condition that the row's time lies between the clock and this long before it."""
    column = table.columns[policy.column]

    def before(past: timedelta) -> sql.Composable:
        keep = Duration(0, 0, int(past.total_seconds()))
        return older(policy, column, cutoff(database, replace(policy, keep=keep), column, clock))

    return sql.SQL("{} AND NOT ({})").format(before(timedelta(0)), before(length))


def _days(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:,.0f} days" if hours >= 48 else f"{hours:g} hours"
