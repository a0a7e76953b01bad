# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server only counts up: judged by how much was added within the last day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

from ...postgres.database import Database
from ...text.json_kinds import are_like, objects_of
from .definition import Check, Limits, NotChecked, Threshold, judge
from .run import Place

DEADLOCKS = Threshold("deadlocks", 0, 20, "a day", "Deadlocks of the last day.")
TEMPORARY_FILES = Threshold(
    "temporary_files",
    20,
    200,
    "GB a day",
    "Temporary files that sorts and joins wrote within the last day, in GB (10^9 bytes).",
)
THRESHOLDS = (DEADLOCKS, TEMPORARY_FILES)

_DAY = 86400.0
_HOUR = 3600.0
_QUERY = """
SELECT deadlocks, temp_bytes, extract(epoch FROM stats_reset) AS reset FROM pg_stat_database WHERE datname = current_database()
"""


class Sample(TypedDict):
    """One reading: at and reset in seconds since 1970 (reset 0: never), the counters since reset."""

    at: float
    reset: float
    deadlocks: int
    temp_bytes: int


@dataclass(frozen=True)
class Growth:
    """What was added in so many seconds."""

    seconds: float
    deadlocks: int
    temp_bytes: int


def read_counters(database: Database, now: float) -> Sample | None:
    """The counters of this database."""
    row = database.row(_QUERY)
    if row is None:
        return None
    return Sample(
        at=now, reset=float(row["reset"] or 0), deadlocks=int(row["deadlocks"]), temp_bytes=int(row["temp_bytes"])
    )


def kept_samples(samples: object, newest: Sample) -> list[Sample]:
    """The samples of a day, an hour apart, of counters that were not set back since, and the newest."""
    same = [
        cast(Sample, each)
        for each in objects_of(samples)
        if {*newest} == {*each}
        and are_like(each, newest)
        and 0 <= newest["at"] - each["at"] <= _DAY + _HOUR
        and each["reset"] == newest["reset"]
        and each["deadlocks"] <= newest["deadlocks"]
        and each["temp_bytes"] <= newest["temp_bytes"]
    ]
    kept: list[Sample] = []
    for each in same:
        if not kept or each["at"] - kept[-1]["at"] >= _HOUR:
            kept.append(each)
    return kept if kept and newest["at"] - kept[-1]["at"] < _HOUR else [*kept, newest]


def growth(samples: Sequence[Sample], newest: Sample, days: float) -> Growth | None:
    """What was added since the oldest sample; without one the mean of the whole statistics, when they are old enough."""
    first = samples[0] if samples else newest
    if first is not newest and first["at"] < newest["at"]:
        return Growth(
            newest["at"] - first["at"],
            newest["deadlocks"] - first["deadlocks"],
            newest["temp_bytes"] - first["temp_bytes"],
        )
    age = newest["at"] - newest["reset"]
    if not newest["reset"] or age < days * _DAY:
        return None
    return Growth(_DAY, round(newest["deadlocks"] * _DAY / age), round(newest["temp_bytes"] * _DAY / age))


def counter_checks(found: Growth | None, limits: Limits, place: Place) -> tuple[list[Check], list[NotChecked]]:
    """The two checks; nothing is said before there are two readings."""
    if found is None:
        why = "the server counts these since its statistics began; two readings are needed, which the job health keeps (job_config)"
        return [], [NotChecked(each.name, why) for each in THRESHOLDS]
    hours = f"in {found.seconds / 3600:.0f} h" if found.seconds >= _HOUR else f"in {found.seconds / 60:.0f} min"
    logs = place.psql("ALTER SYSTEM SET log_lock_waits = on", "SELECT pg_reload_conf()")
    files = place.psql("ALTER SYSTEM SET log_temp_files = '100MB'", "SELECT pg_reload_conf()")
    gigabytes = found.temp_bytes / 1e9
    return [
        judge(
            DEADLOCKS,
            found.deadlocks,
            limits,
            hours,
            "the server's log has both statements of each (DETAIL of the error 40P01): let them lock in the same order; "
            f"to see also who waits: {logs}",
        ),
        judge(
            TEMPORARY_FILES,
            gigabytes,
            limits,
            hours,
            f"raise work_mem for the roles that sort much, or give them an index; to see which statements do: {files}",
        ),
    ], []
