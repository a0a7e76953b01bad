# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a measured value is a warning and when it is critical. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..environment.status import CRITICAL, OK, UNKNOWN, WARNING, WORDS
from ..errors import OptionError

OFF = (float("inf"), float("inf"))


@dataclass(frozen=True)
class Threshold:
    """A check's limits: more than warning is a warning, more than critical is critical.

    Attributes:
        warning, critical: In the unit.
        unit: For people.
        description: What is measured, in sentences for the documentation.
    """

    warning: float
    critical: float
    unit: str
    description: str


DEFAULTS: dict[str, Threshold] = {
    "database_size": Threshold(
        5,
        10,
        "GB",
        "Size of the database in GB (10^9 bytes).",
    ),
    "active_connections": Threshold(
        50,
        80,
        "",
        "Client sessions that run a statement or hold a transaction open.",
    ),
    "slow_queries": Threshold(
        10,
        50,
        "an hour",
        "Statements that ran longer than O(slow_query_seconds) within the last hour. They are sampled at each "
        "call, so this is a lower bound; without O(job_config) only those that run right now are counted.",
    ),
    "waiting_locks": Threshold(
        5,
        10,
        "",
        "Sessions that wait for a lock.",
    ),
    "bloat": Threshold(
        30,
        50,
        "%",
        "Unused space in the worst table of at least 8 MB, in percent, estimated from the statistics of ANALYZE.",
    ),
    "backup_age": Threshold(
        25,
        48,
        "h",
        "Age in hours of the newest backup without a problem. With O(job_config) the default is an hour more than "
        "the time between two scheduled backups, and twice that time.",
    ),
    "verified_backup_age": Threshold(
        25,
        48,
        "h",
        "Age in hours of the newest backup that a restore has proven. With O(job_config) the default is that of "
        "O(thresholds.backup_age).",
    ),
    "jobs_missed": Threshold(
        0,
        0,
        "",
        "Number of scheduled jobs whose last due start did not happen.",
    ),
    "jobs_failed": Threshold(
        0,
        0,
        "",
        "Number of jobs whose last run failed or was interrupted.",
    ),
    "jobs_stuck": Threshold(
        0,
        0,
        "",
        "Number of jobs that have been running longer than their time limit.",
    ),
    "programs": Threshold(
        0,
        0,
        "",
        "Number of the two copies of C(titan-db) that are missing or cannot be run, or 1 if they differ. Needs "
        "O(job_config).",
    ),
    "invalid_indexes": Threshold(
        0,
        5,
        "",
        "Number of indexes that a failed concurrent build left behind.",
    ),
    "migrations_pending": Threshold(
        0,
        10,
        "",
        "Number of migrations that the last converge knew and the database has not had, as after a failed "
        "converge, a rollback, or the restore of an older backup. Needs O(job_config), and the record that "
        "M(titan.database.migration) leaves in the directory of the jobs' states.",
    ),
    "checksum_mismatches": Threshold(
        0,
        0,
        "",
        "Number of applied migrations whose text was another than that of the file that the last converge knew.",
    ),
    "wraparound": Threshold(
        500,
        1000,
        "million",
        "Age of the oldest unfrozen transaction or multixact in millions.",
    ),
    "sequences": Threshold(
        85,
        95,
        "%",
        "Used part, in percent, of the sequence that is nearest to its end.",
    ),
    "disk": Threshold(
        85,
        95,
        "%",
        "Used part, in percent, of the fullest file system that holds the data, the backups or the records.",
    ),
    "replication_slots": Threshold(
        1,
        10,
        "GB",
        "Write-ahead log in GB that is kept for the slot furthest behind.",
    ),
    "inactive_slots": Threshold(
        0,
        3,
        "",
        "Number of replication slots that nobody reads.",
    ),
    "archiving": Threshold(
        0,
        60,
        "min",
        "Time in minutes since a segment of the write-ahead log was last archived, while C(archive_command) "
        "fails; 0 while it works. Checked only where the server archives.",
    ),
    "oldest_transaction": Threshold(
        60,
        240,
        "min",
        "Age in minutes of the oldest open transaction.",
    ),
}


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: As in the thresholds.
        status: 0 ok, 1 warning, 2 critical, 3 unknown.
        value: In the unit; None if it could not be measured.
        message: What was measured, and where.
        fix: A command or sentence that helps; "" when all is well.
    """

    name: str
    status: int
    value: float | None
    message: str
    fix: str = ""

    def as_data(self) -> dict[str, Any]:
        limits = DEFAULTS.get(self.name)
        return {
            "name": self.name,
            "status": WORDS[self.status],
            "value": self.value,
            "unit": limits.unit if limits else "",
            "message": self.message,
            "fix": self.fix,
        }


def thresholds_from_options(given: Mapping[str, Any] | None) -> dict[str, tuple[float, float]]:
    """The limits in force: the defaults with the given pairs in their places; OFF where an empty list was given.

    Raises:
        OptionError: not two numbers, or the critical limit lies below the warning limit.
    """
    limits = {name: (each.warning, each.critical) for name, each in DEFAULTS.items()}
    for name, pair in (given or {}).items():
        if pair is None:
            continue
        if name not in limits:
            raise OptionError(f"thresholds.{name}", pair, f"Known are: {', '.join(limits)}.")
        if not pair:
            limits[name] = OFF
            continue
        if len(pair) != 2 or float(pair[0]) > float(pair[1]):
            raise OptionError(
                f"thresholds.{name}",
                pair,
                "Give two numbers, the warning limit first, as in [25, 48]; or [] for no check.",
            )
        limits[name] = (float(pair[0]), float(pair[1]))
    return limits


def judge(name: str, value: float | None, limits: Mapping[str, tuple[float, float]], what: str, fix: str) -> Check:
    """The check of one value; what completes the sentence, fix is only told when there is something to fix."""
    if value is None:
        return Check(name, UNKNOWN, None, what, fix)
    warning, critical = limits[name]
    status = CRITICAL if value > critical else WARNING if value > warning else OK
    unit = DEFAULTS[name].unit
    shown = f"{value:,.1f}".rstrip("0").rstrip(".") + (unit if unit == "%" else f" {unit}" if unit else "")
    return Check(name, status, round(value, 6), f"{shown}{': ' if what else ''}{what}", fix if status else "")


def worst(checks: list[Check]) -> int:
    """The status of all: critical before unknown before warning before ok."""
    order = (OK, WARNING, UNKNOWN, CRITICAL)
    return max((check.status for check in checks), key=order.index, default=OK)
