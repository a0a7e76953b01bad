# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs, the backups and the migrations, as their records say."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from ...backups.catalog.entry import Entry
from ...crontab.calendar import longest_interval
from ...environment.config import Environment, JobPlan
from ...jobs.due import CLOCK_SECONDS, JobFacts, missed_due
from ...migrations.history.known_files import PendingStatus
from ...text.sizes import shown_bytes
from .definition import CRITICAL, Check, Limits, Threshold, judge, unknown

BACKUP_AGE = Threshold(
    "backup_age",
    25,
    48,
    "h",
    "Age in hours of the newest backup without a problem. With O(job_config) the default is an hour more than the time "
    "between two scheduled backups, and twice that time.",
)
VERIFIED_BACKUP_AGE = Threshold(
    "verified_backup_age",
    25,
    48,
    "h",
    "Age in hours of the newest backup that a restore has proven. With O(job_config) the default is that of "
    "O(thresholds.backup_age).",
)
JOBS_MISSED = Threshold("jobs_missed", 0, 0, "", "Number of scheduled jobs whose last due start did not happen.")
JOBS_FAILED = Threshold("jobs_failed", 0, 0, "", "Number of jobs whose last run failed or was interrupted.")
JOBS_STUCK = Threshold("jobs_stuck", 0, 0, "", "Number of jobs that have been running longer than their time limit.")
MIGRATIONS_PENDING = Threshold(
    "migrations_pending",
    0,
    10,
    "",
    "Number of migrations that the last converge knew and that are not applied, as after a failed converge, a rollback, "
    "or the restore of an older backup. Needs O(job_config), and the record that M(titan.database.migration) leaves in the "
    "directory of the jobs' states.",
)
CHECKSUM_MISMATCHES = Threshold(
    "checksum_mismatches",
    0,
    0,
    "",
    "Number of applied migrations whose text was another than that of the file that the last converge knew.",
)
KEPT_CLUSTERS = Threshold(
    "kept_clusters",
    7,
    90,
    "d",
    "Age in days of the oldest data directory that a recovery into the live cluster's place has kept beside it (O(backup_dest) says which). "
    "Nothing removes it by itself.",
)
_COMMANDS = 6  # that a fix names
THRESHOLDS = (
    BACKUP_AGE, VERIFIED_BACKUP_AGE, JOBS_MISSED, JOBS_FAILED, JOBS_STUCK, MIGRATIONS_PENDING, CHECKSUM_MISMATCHES, KEPT_CLUSTERS,
)  # fmt: skip


def kept_checks(
    kept: Sequence[tuple[str, datetime, int]], now: datetime, limits: Limits, cut_off: str = ""
) -> list[Check]:
    """How long whole clusters have been kept beside the live one; none kept, none checked.

    Args:
        kept: Path, since when, and bytes (0 if they cannot be counted), oldest first.
        cut_off: Says that an exchange was cut off, so that the live one may be out of its place; empty if none was.
    """
    if cut_off:
        fix = "run the same titan-db recover again, or any other one: it completes that first"
        return [Check(KEPT_CLUSTERS.name, CRITICAL, None, cut_off, fix, KEPT_CLUSTERS.unit)]
    if not kept:
        return []
    what = "; ".join(f"{path}{f' ({shown_bytes(size)})' if size else ''}" for path, _since, size in kept)
    fix = "when the cluster as it is now is right: rm -r " + " ".join(shlex.quote(path) for path, _since, _size in kept)
    return [
        judge(
            KEPT_CLUSTERS,
            (now - kept[0][1]).total_seconds() / 86400,
            limits,
            f"kept beside the live cluster: {what}",
            fix,
        )
    ]


def migration_checks(
    status: PendingStatus | str | None, limits: Limits, environment: str, untaken: Sequence[str] = ()
) -> list[Check]:
    """Whether the database has had what the last converge knew.

    Args:
        status: A text says why that is unknown, None that nobody recorded it.
        untaken: What has to be done first about the histories of other tools: the pending files may have run already.
    """
    play = f"ansible-playbook titan.database.migrate -l {environment}"
    if status is None:
        return []
    if isinstance(status, str):
        return [unknown(MIGRATIONS_PENDING, status, play)]
    of = f"of {status.known} that the last converge knew"
    return [
        judge(
            check, len(keys), limits, f"{of}{': ' if keys else ''}{', '.join(keys[:5])}", fix
        )
        for check, keys, fix in (
            (MIGRATIONS_PENDING, status.pending, " ".join(untaken) or play),
            (
                CHECKSUM_MISMATCHES, status.mismatched,
                f"{play} --check shows what was edited; put the file back, or let migrations_accept_edited take its text over",
            ),
        )
    ]  # fmt: skip


def backup_checks(entries: Sequence[Entry], now: datetime, limits: Limits, where: str) -> list[Check]:
    """How old the newest sound backup is, and the newest one that a restore has proven."""
    whole = [each for each in entries if not each.problem and not each.adopted]
    sound = [each for each in whole if each.finished <= now + timedelta(seconds=CLOCK_SECONDS)]
    later = f"; {len(whole) - len(sound)} from the future do not count" if len(whole) > len(sound) else ""
    proven = [each for each in sound if each.verified_level == "restored"]
    checks = []
    for check, found, fix in (
        (BACKUP_AGE, sound, "titan-db backup"),
        (VERIFIED_BACKUP_AGE, proven, "titan-db backup (or titan-db drill for one that exists)"),
    ):
        newest = max(found, key=lambda each: each.finished, default=None)
        if newest is None:
            checks.append(
                Check(
                    check.name,
                    CRITICAL,
                    None,
                    f"{where}{later}" if "there is no " in where else f"there is none in {where}{later}",
                    fix,
                    check.unit,
                )
            )
            continue
        hours = max(0.0, (now - newest.finished).total_seconds() / 3600)
        checks.append(judge(check, hours, limits, f"{where}{later}{newest.without}", fix))
    return checks


def job_checks(
    jobs: Sequence[JobFacts], environment: Environment, now: datetime, zone: tzinfo, limits: Limits
) -> list[Check]:
    """Missed, failed and stuck jobs; each with the commands that run, explain or end them."""
    missed, failed, stuck = [], [], []
    fixes: dict[str, list[str]] = {"missed": [], "failed": [], "stuck": []}
    for each in jobs:
        name, record = each.plan.name, each.record
        if due := missed_due(each, environment.installed, now, zone):
            missed.append(f"{name} (due {due:%Y-%m-%d %H:%M} UTC)")
            fixes["missed"].append(_typed(environment, "cron", name))
        if each.running and now.timestamp() - record.last_start > each.plan.longest + 60:
            stuck.append(name)
            fixes["stuck"].append(
                f"kill {record.pid}" if record.pid else f"end the process that the lock of {name} names"
            )
        elif record.interrupted(each.running):
            failed.append(f"{name} (interrupted)")
        elif record.failed:
            failed.append(f"{name} (status {record.exit_status}: {record.message[:200]})")
        if record.failed or record.interrupted(each.running):
            fixes["failed"] += [_typed(environment, "why", name), _typed(environment, "cron", name)]
    shown = {kind: "; ".join(commands[:_COMMANDS]) for kind, commands in fixes.items()}
    return [
        judge(
            JOBS_MISSED, len(missed), limits, ", ".join(missed), f"{shown['missed']}; to see why: systemctl status cron"
        ),
        judge(
            JOBS_FAILED,
            len(failed),
            limits,
            ", ".join(failed),
            shown["failed"],
        ),
        judge(JOBS_STUCK, len(stuck), limits, ", ".join(stuck), shown["stuck"]),
    ]


def _typed(environment: Environment, subcommand: str, job: str) -> str:
    return shlex.join([environment.command, subcommand, environment.word, job])


def age_limits(jobs: Sequence[JobPlan], now: datetime, zone: tzinfo) -> tuple[float, float] | None:
    """Limits in hours for the age of backups that are taken by the schedule: an hour late, one missed.

    For a daily backup these are 25 and 48. None if no backup is scheduled.
    """
    hours = [
        longest_interval(plan.expression, now, zone, plan.weekday) / 3600
        for plan in jobs
        if plan.subcommand == "backup" and plan.expression
    ]
    return (min(hours) + 1, min(hours) * 2) if hours and min(hours) >= 1 else None
