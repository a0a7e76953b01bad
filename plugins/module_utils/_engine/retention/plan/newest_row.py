# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the server's clock plausible beside the rows of a table? Where rows came daily and none came for a month, it may have jumped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ...errors import OptionError, TitanError
from ...postgres.database import Database, sql
from ...text.durations import Duration
from ..policies.policy import Policy
from ..policies.predicate import cutoff
from ..policies.tables import Table
from ..policies.time_formats import as_time, older
from .guards import age_limit

_LONGEST = timedelta(days=36500)
# Rows on so many days of the period before the newest row: it is then as old as five usual pauses, or more.
_DAYS, _PERIOD = 20, 4  # the period: so many times the newest row's age


def row_within(option: str, text: str) -> timedelta | None:
    """How old the newest row may be; None when the guard is switched off by "off".

    Raises:
        OptionError: no length of time, or none.
    """
    within = age_limit(option, text, '"7 days" or "36h"')
    if within is None:
        return None
    if not timedelta(0) < within < _LONGEST:
        raise OptionError(option, text, 'Write a duration above 0 and below 100 years, or "off".')
    return within


def require_plausible_clock(database: Database, table: Table, policy: Policy, clock: str, within: timedelta) -> None:
    """Refuse when rows used to be written to the table, and all are older than this by the server's clock.

    The table is read until there is a newer row. Only without one, the days are counted on which rows were written before.

    Raises:
        TitanError: the clock may have jumped ahead.
    """
    column = table.columns[policy.column]

    def past(length: timedelta) -> str:
        keep = Duration(0, 0, int(length.total_seconds()))
        return cutoff(database, replace(policy, keep=keep), column, clock)

    now = past(timedelta(0))
    names = {
        "at": as_time(policy, column),
        "source": sql.Identifier(table.schema, table.name),
        "is_past": older(policy, column, now),
        "is_old": older(policy, column, past(within)),
    }
    if database.value(
        sql.SQL("SELECT EXISTS (SELECT FROM {source} WHERE {is_past} AND NOT ({is_old}))").format(**names)
    ):
        return
    before = database.row(sql.SQL(_BEFORE).format(**names, now=sql.Literal(now), period=sql.Literal(_PERIOD)))
    if before and before["days"] >= _DAYS:
        age = before["age"]
        raise TitanError(
            f"Its newest row is {age:.0f} days old by the server's clock {clock}, and rows were written on {before['days']} of the "
            f"{_PERIOD * age:.0f} days before it: the clock may have jumped ahead, so none was deleted. Check the clock; if nothing "
            'writes to the table any more, set require_row_within: "off".'
        )


_BEFORE = """
WITH past AS (SELECT at FROM (SELECT CASE WHEN {is_past} THEN {at} END AS at FROM {source}) AS every WHERE pg_catalog.isfinite(at)),
     newest AS (SELECT max(at) AS at, {now}::timestamp - max(at) AS age FROM past)
SELECT pg_catalog.date_part('epoch', newest.age) / 86400 AS age,
       (SELECT count(DISTINCT past.at::date) FROM past WHERE past.at >= newest.at - {period} * newest.age) AS days
  FROM newest
"""
