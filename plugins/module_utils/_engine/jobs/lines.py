# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that the crontab's line started has to know: which shell it was, and where and on which day it works.

The line is ``(... && exec titan-db cron ENVIRONMENT JOB) >>LOG 2>&1 || titan-db note ENVIRONMENT JOB $?``. Its shell is the
parent of both, or has become the second one: so ``note`` knows the run that its own line started.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..crontab.calendar import UTC, next_runs
from ..environment.config import JobPlan
from ..errors import TitanError
from ..host.clock import host_zone


@dataclass(frozen=True)
class Line:
    """The line that started a run.

    Attributes:
        process: identity() of its shell; "" for a run without a line.
        directory: Where the job works; "" to stay.
    """

    process: str = ""
    directory: str = ""

    def enter(self) -> None:
        """Change to the directory.

        Raises:
            TitanError: it is missing or closed.
        """
        try:
            if self.directory:
                os.chdir(self.directory)
        except OSError as error:
            raise TitanError(
                f"The job could not start: its directory {self.directory} cannot be used ({error.strerror})."
            ) from error


def identity(pid: int) -> str:
    """A process, told apart from an earlier one with its number by the time of its start (proc(5), stat, field 22); "" if gone."""
    try:
        return f"{pid}:{Path(f'/proc/{pid}/stat').read_text(encoding='latin-1').rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return ""


def parent() -> str:
    """The process that started this one."""
    return identity(os.getppid())


def own_line() -> set[str]:
    """What the shell of this process's line may be."""
    return {identity(os.getpid()), parent()} - {""}


def not_today(plan: JobPlan, now: datetime | None = None) -> str:
    """Why the job has nothing to do on a day on which cron starts its line; "" when it has."""
    now = now or datetime.now(UTC)
    zone, _name = host_zone()
    today = now.astimezone(zone).date()
    if plan.expression is None or plan.weekday is None or today.isoweekday() == plan.weekday:
        return ""
    if today.day not in plan.expression.days or today.month not in plan.expression.months:
        return ""  # cron does not start it today: somebody did
    coming = next_runs(plan.expression, now, zone, plan.weekday, 1)
    return f"nothing to do today: it runs next on {coming[0].local:%A %Y-%m-%d %H:%M}" if coming else "nothing to do"
