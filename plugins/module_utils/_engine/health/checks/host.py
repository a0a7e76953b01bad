# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host: its disks, the two copies of titan-db, cron, and the clock."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from .definition import Check, Limits, Threshold, judge, unknown

DISK = Threshold(
    "disk",
    85,
    95,
    "%",
    "Used part, in percent, of the fullest file system that holds the data, the backups or the records.",
)
PROGRAMS = Threshold(
    "programs",
    0,
    0,
    "",
    "Number of the two copies of C(titan-db) that are missing or cannot be run, or 1 if they differ. Needs O(job_config).",
)
CRON_DAEMON = Threshold("cron_daemon", 0, 1, "", "1 if no cron daemon runs, while jobs are scheduled.")
CLOCK = Threshold(
    "clock",
    5,
    60,
    "s",
    "Difference between this host's clock and the server's, or how far records lie in the future, in seconds.",
)
OTHER_LINES = Threshold(
    "other_crontab_lines",
    0,
    1000,
    "lines",
    "Lines outside the jobs' block, of the user's crontab, of cron's and anacron's files, of the services behind systemd's enabled "
    "timers and of the user's at jobs, that dump, vacuum, reindex or delete, call a backup "
    "script, or name a directory of the jobs. The crontabs, timers and at jobs of other users are read at each converge only. "
    "Needs O(job_config).",
)
JOBS_NOT_READY = Threshold(
    "jobs_not_ready",
    0,
    0,
    "",
    "Number of things that will keep scheduled jobs from their work: a right in the database, a program, a directory, a log, the "
    "env file, or room for the backup and its drill. Asked as the jobs' user. Needs O(job_config).",
)
JOB_LINES = Threshold(
    "job_lines",
    0,
    1000,
    "",
    "Jobs whose line in the crontab is missing, changed or there twice, and lines that start a job which is not in the schedule. Needs "
    "O(job_config).",
)
THRESHOLDS = (DISK, PROGRAMS, CRON_DAEMON, CLOCK, OTHER_LINES, JOBS_NOT_READY, JOB_LINES)

_SHOWN = 5  # findings that a message names


def disk_checks(usage: Mapping[str, float], limits: Limits) -> list[Check]:
    """usage: percent used by path."""
    if not usage:
        return []
    path = max(usage, key=lambda key: usage[key])
    fix = f"df -h {shlex.quote(path)}; titan-db stats shows what grew"
    return [judge(DISK, usage[path], limits, path, fix)]


def program_checks(copies: int, broken: Sequence[str], limits: Limits, environment: str) -> list[Check]:
    """Whether the command and its spare copy are what they were installed as; none known, none checked."""
    fix = f"ansible-playbook titan.database.site -l {environment} --tags host"
    what = "; ".join(broken) or f"of {copies} cop{'y' if copies == 1 else 'ies'}"
    return [judge(PROGRAMS, len(broken), limits, what, fix)] if copies else []


def cron_checks(running: bool | None, limits: Limits) -> list[Check]:
    """Whether what starts the jobs is there."""
    fix = "systemctl enable --now cron (or what starts the lines here: crond, cronie, cron.target)"
    if running is None:
        return [
            unknown(
                CRON_DAEMON,
                "no cron daemon is seen: the processes of other users are hidden (hidepid), or systemd does not tell of cron.target",
                "systemctl status cron cron.target",
            )
        ]
    return [judge(CRON_DAEMON, 0 if running else 1, limits, "it runs" if running else "no cron daemon runs", fix)]


def other_line_checks(lines: Sequence[str], limits: Limits) -> list[Check]:
    """lines: a sentence for each line of another hand that may do the work of the jobs."""
    fix = "remove the line, or let a job do that work: crontab -e"
    return [judge(OTHER_LINES, len(lines), limits, _first(lines), fix)]


def readiness_checks(found: Sequence[tuple[str, str]], limits: Limits) -> list[Check]:
    """found: pairs of a sentence, and the command that corrects it."""
    fixes = dict.fromkeys(fix for _sentence, fix in found[:_SHOWN])
    what = _first([sentence for sentence, _fix in found])
    return [judge(JOBS_NOT_READY, len(found), limits, what, "; ".join(fixes))]


def job_line_checks(findings: Sequence[str] | str, limits: Limits, environment: str) -> list[Check]:
    """findings: a sentence for each line that is not as the schedule says; a text says why the lines could not be read."""
    fix = f"ansible-playbook titan.database.site -l {environment} --tags crontab"
    if isinstance(findings, str):
        return [unknown(JOB_LINES, findings, "crontab -l")]
    return [judge(JOB_LINES, len(findings), limits, _first(findings), fix)]


def _first(sentences: Sequence[str]) -> str:
    """The first sentences, and how many more there are."""
    more = len(sentences) - _SHOWN
    return "; ".join(sentences[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def clock_checks(difference: float | None, future: float, job: str, limits: Limits) -> list[Check]:
    """How far the clocks are apart.

    Args:
        difference: Seconds by which the server's clock is ahead (negative: behind); None without a server.
        future: Seconds by which the newest record of a job lies ahead of this host's clock; 0 if none does.
        job: Whose record that is.
    """
    if difference is None and not future:
        return []
    apart = abs(difference or 0.0)
    if future > apart:
        what = f"the record of the job {job!r} is dated in the future: the clock was set back, or was ahead then"
    else:
        what = f"the server's clock is {'behind' if (difference or 0) < 0 else 'ahead'}" if apart >= 0.1 else ""
    return [judge(CLOCK, max(apart, future), limits, what, "timedatectl set-ntp true; timedatectl timesync-status")]
