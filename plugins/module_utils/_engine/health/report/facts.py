# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Callable

from ...backups.catalog.entry import Entry
from ...environment.config import JobPlan
from ...environment.runs_log import RunEntry
from ...index_effect.record import Remembered
from ...page.charts import Day
from ...rehearsal.remembered import Rehearsed
from ..checks.definition import CheckData
from .schema import SchemaFacts
from .statistics import SizeSample, TableRow


@dataclass(frozen=True)
class PageFacts:
    """One moment of an environment, and its history.

    Attributes:
        environment, host, database: Names; the first is empty without a configuration.
        now: Of this host, in UTC.
        size: Bytes of the database.
        tables: The largest first.
        checks, not_checked: As health ends with them.
        entries: The backups that are kept, the newest first.
        days: The last 90 with their backup.
        runs: The ended runs of two years, as far as they are kept, the oldest first.
        plans: The scheduled jobs.
        samples, earlier: Former sizes, the oldest first; the one of about a week ago.
        hidden: The user whose records this one may not read; empty when it may.
        measured: What titan-db measure has last found; None if nothing is recorded.
        rehearsed: What the last rehearsal has shown, likewise.
        typed: A subcommand of titan-db as one types it here.
    """

    environment: str
    host: str
    database: str
    now: datetime
    size: int
    tables: Sequence[TableRow]
    checks: Sequence[CheckData]
    not_checked: Mapping[str, str]
    knows_backups: bool
    entries: Sequence[Entry]
    days: Sequence[Day]
    runs: Sequence[RunEntry]
    plans: Sequence[JobPlan]
    samples: Sequence[SizeSample]
    earlier: SizeSample | None
    schema: SchemaFacts
    hidden: str
    typed: Callable[[str], str]
    backup_place: str
    measured: Remembered | None = None
    rehearsed: Rehearsed | None = None
