# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that titan-db would not know when cron starts them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import OptionError
from ..text.json_kinds import parsed
from .jobs import SUBCOMMANDS, ScheduledJob, no_such_job
from .titan_command import titan_run


def require_known_jobs(jobs: Sequence[ScheduledJob], files: Sequence[Mapping[str, Any]]) -> None:
    """Compare the jobs that ``titan-db cron`` starts with the configurations among the files that come with them.

    Raises:
        OptionError: a configuration does not schedule the job, or the job does something that titan-db cannot do.
    """
    schedules = {str(each["path"]): _schedule(str(each.get("content") or "")) for each in files}
    for index, each in enumerate(jobs):
        run = titan_run(each.job.command)
        schedule = schedules.get(run.config) if run and run.decides_itself else None
        if run is None or schedule is None:
            continue
        option = f"jobs[{index}] ({each.job.name}).command"
        if run.job not in schedule:
            known = ", ".join(schedule) or "none"
            raise OptionError(option, run.job, f"{run.config} has no such job; its jobs are: {known}.")
        if schedule[run.job] not in SUBCOMMANDS:
            raise OptionError(option, schedule[run.job], no_such_job())


def _schedule(text: str) -> dict[str, str] | None:
    """The subcommand of each job of a configuration; None for a text that is none."""
    try:
        jobs = parsed(text)["schedule"]
        return {str(name): str(each.get("subcommand") or name) for name, each in jobs.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def job_options(text: str) -> list[object]:
    """The options of each job of a configuration; none for a text that is none."""
    try:
        return list(parsed(text)["jobs"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
