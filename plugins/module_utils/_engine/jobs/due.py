# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a job started when it was due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from ..crontab.calendar import UTC, previous_run
from ..environment.config import JobPlan
from ..environment.records import Record

# How late a start may be before it counts as missed: cron starts on the minute, machines may be busy.
GRACE_SECONDS = 600.0
# How far apart two machines' clocks may be before something counts as from the future.
CLOCK_SECONDS = 300.0


@dataclass(frozen=True)
class JobFacts:
    """What is known of one scheduled job: its plan, its record, and whether its lock is held now."""

    plan: JobPlan
    record: Record
    running: bool


def missed_due(each: JobFacts, installed: float, now: datetime, zone: tzinfo) -> datetime | None:
    """The last due start that did not happen; None if it did, or lies before the schedule was installed."""
    if each.plan.expression is None:
        return None
    latest = datetime.fromtimestamp(now.timestamp() - GRACE_SECONDS, UTC)
    due = previous_run(each.plan.expression, latest, zone, each.plan.weekday)
    if due is None or due.utc.timestamp() < max(installed, 1.0) or each.running:
        return None
    # A start recorded up to a minute early is that of a busy machine's clock correction; one in the future is of a wrong clock.
    started = due.utc.timestamp() - 60 <= each.record.last_start <= now.timestamp() + CLOCK_SECONDS
    return None if started else due.utc
