# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far behind the archive of the write-ahead log was, hour by hour, as health has seen it: what a recovery point's trend needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..environment.records import StateDirectory
from ..postgres.database import Database

FILE = "archived.json"
HOUR = 3600.0
_KEPT = 24 * 40  # hours

_BEHIND = """
SELECT extract(epoch FROM clock_timestamp() - last_archived_time)::float8 FROM pg_catalog.pg_stat_archiver
 WHERE pg_catalog.current_setting('archive_mode') = 'always'
    OR (pg_catalog.current_setting('archive_mode') = 'on' AND NOT pg_catalog.pg_is_in_recovery())
"""


def with_reading(hours: Mapping[int, float], now: float, behind: float) -> dict[int, float]:
    """The hours with one more reading: the largest of each hour, of the last ones; pure."""
    hour = int(now // HOUR)
    grown = {**hours, hour: max(hours.get(hour, 0.0), behind, 0.0)}
    return {each: grown[each] for each in sorted(grown) if hour - _KEPT < each <= hour}


def hours_from_json(data: Mapping[str, Any]) -> dict[int, float]:
    """Seconds by the number of the hour since 1970; what is no such pair is left out."""
    hours = data.get("hours")
    found = {}
    for hour, behind in hours.items() if isinstance(hours, dict) else ():
        if hour.isdecimal() and len(hour) < 9 and isinstance(behind, (int, float)) and 0 <= behind < 1e12:
            found[int(hour)] = float(behind)
    return found


def remember_archived(database: Database, state: StateDirectory, now: float) -> None:
    """Ask how far the archive is behind, and keep it; nothing where the server does not archive."""
    behind = database.value(_BEHIND)
    if behind is None:
        return
    hours = with_reading(hours_from_json(state.read(FILE)), now, float(behind))
    state.write(FILE, {"hours": {str(hour): round(seconds, 1) for hour, seconds in hours.items()}})
