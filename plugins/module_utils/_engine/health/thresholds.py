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
        meaning: What is measured.
    """

    warning: float
    critical: float
    unit: str
    meaning: str


DEFAULTS: dict[str, Threshold] = {
    "database_size": Threshold(5, 10, "GB", "size of the database"),
    "active_connections": Threshold(50, 80, "", "client sessions that are running a statement or hold a transaction"),
    "slow_queries": Threshold(10, 50, "an hour", "statements that ran longer than slow_query_seconds in the last hour"),
    "waiting_locks": Threshold(5, 10, "", "sessions that wait for a lock"),
    "bloat": Threshold(30, 50, "%", "unused space in the worst table of at least 8 MB, estimated"),
    "backup_age": Threshold(25, 48, "h", "age of the newest backup that has no problem"),
    "verified_backup_age": Threshold(25, 48, "h", "age of the newest backup that a restore has proven"),
    "jobs_missed": Threshold(0, 0, "", "scheduled jobs whose last due start did not happen"),
    "jobs_failed": Threshold(0, 0, "", "jobs whose last run failed or was interrupted"),
    "jobs_stuck": Threshold(0, 0, "", "jobs that have been running longer than their time limit"),
    "programs": Threshold(0, 0, "", "copies of titan-db that are missing, cannot be run, or differ from each other"),
    "invalid_indexes": Threshold(0, 5, "", "indexes that a failed build left behind"),
    "migrations_pending": Threshold(0, 10, "", "migrations that the last converge knew and the database has not had"),
    "checksum_mismatches": Threshold(0, 0, "", "applied migrations whose text was another than the last converge's"),
    "wraparound": Threshold(
        500, 1000, "million", "transactions since the oldest unfrozen one (they end at 2,147 million)"
    ),
    "sequences": Threshold(85, 95, "%", "used part of the sequence that is nearest to its end"),
    "disk": Threshold(85, 95, "%", "used part of the fullest file system of database and backups"),
    "replication_slots": Threshold(1, 10, "GB", "write-ahead log kept for the slot that is furthest behind"),
    "inactive_slots": Threshold(0, 3, "", "replication slots that nobody reads"),
    "archiving": Threshold(
        0, 60, "min", "time since a segment of the write-ahead log was last archived, while that fails"
    ),
    "oldest_transaction": Threshold(60, 240, "min", "age of the oldest open transaction"),
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
