# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the evidence lies, and what is read there besides the database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from ..backups.catalog.exchanges import unfinished_in
from ..backups.catalog.kept_clusters import kept_clusters
from ..backups.catalog.nothing_there import nothing_there
from ..backups.catalog.read import read_catalog
from ..crontab.crontab_store import CrontabStore
from ..crontab.double_work import directories
from ..crontab.other_lines import other_lines
from ..environment.config import Environment, read_environment
from ..environment.installed_lines import crontab_user, installed_lines, unlike_the_schedule
from ..environment.records import StateDirectory, owner_of
from ..errors import OptionError, TitanError
from ..host.act_as import acting_for
from ..host.cron_daemon import cron_running
from ..jobs.due import JobFacts
from ..jobs.programs import broken_copies, copies
from .checks.definition import Check, Limits, unknown
from .checks.host import (
    JOB_LINES,
    JOBS_NOT_READY,
    clock_checks,
    cron_checks,
    disk_checks,
    job_line_checks,
    other_line_checks,
    program_checks,
    readiness_checks,
)
from .checks.records import (
    BACKUP_AGE,
    JOBS_FAILED,
    JOBS_MISSED,
    JOBS_STUCK,
    KEPT_CLUSTERS,
    VERIFIED_BACKUP_AGE,
    backup_checks,
    job_checks,
    kept_checks,
)
from .ready import not_ready
from .thresholds import OFF


@dataclass(frozen=True)
class Places:
    """The environment's records and the backups; either may be unknown."""

    environment: Environment | None
    state: StateDirectory | None
    backup_dest: str
    backup_name: str | None

    @property
    def drill_dirs(self) -> list[str]:
        """The directories in which the environment's jobs make throw-away clusters, if they do not take the default one."""
        jobs = self.environment.options.values() if self.environment else ()
        return [str(job["drill_dir"]) for job in jobs if job.get("drill_dir")]


def places_from_options(options: Mapping[str, Any]) -> Places:
    """What the options name; the environment's configuration fills in what they leave out.

    Raises:
        OptionError: the configuration cannot be used.
    """
    environment = read_environment(options["job_config"]) if options.get("job_config") else None
    backup = environment.options.get("backup", {}) if environment else {}
    return Places(
        environment,
        StateDirectory(environment.state_dir) if environment else None,
        str(options.get("backup_dest") or backup.get("dest") or ""),
        options.get("backup_name") or backup.get("name") or None,
    )


def backups_of(places: Places, now: datetime, limits: Limits) -> list[Check]:
    """Unknown when the catalog cannot be read, such as that of a repository out of reach: the other checks are still made."""
    if not places.backup_dest:
        return []
    try:
        with acting_for([places.backup_dest]):
            entries = read_catalog(places.backup_dest, places.backup_name)
            where = places.backup_dest if entries else nothing_there(places.backup_dest, places.backup_name)
        return backup_checks(entries, now, limits, where)
    except OptionError:
        raise
    except TitanError as error:
        return [unknown(each, error.message, "titan-db list") for each in (BACKUP_AGE, VERIFIED_BACKUP_AGE)]


def kept_of(places: Places, now: datetime, limits: Limits) -> list[Check]:
    """The data directories that recoveries have kept beside the live one."""
    if not places.backup_dest or limits[KEPT_CLUSTERS.name] == OFF:
        return []
    try:
        with acting_for([places.backup_dest]):
            cut_off = unfinished_in(places.backup_dest)
            return kept_checks(kept_clusters(places.backup_dest), now, limits, cut_off)
    except TitanError as error:
        return [unknown(KEPT_CLUSTERS, error.message)]


def jobs_of(places: Places, now: datetime, zone: tzinfo, limits: Limits) -> list[Check]:
    """The jobs, their programs, and what starts them."""
    environment, state = places.environment, places.state
    if environment is None or state is None:
        return []
    if owner := state.hidden_by():
        why = f"the records in {state.path} are those of the user {owner}; run it as {owner}: sudo -u {owner} titan-db health"
        checks = [unknown(each, why) for each in (JOBS_MISSED, JOBS_FAILED, JOBS_STUCK, JOB_LINES)]
        broken = broken_copies(environment)
        return checks + program_checks(len(copies(environment)), broken, limits, environment.name)
    checks = _runs_of(environment, state, now, zone, limits)
    checks += program_checks(len(copies(environment)), broken_copies(environment), limits, environment.name)
    if any(plan.expression for plan in environment.jobs.values()):
        checks += cron_checks(cron_running(), limits)
        named = directories([environment.directory], environment.options.values())
        checks += other_line_checks([each.sentence for each in other_lines(CrontabStore("", ""), named)], limits)
        checks += job_line_checks(_lines_of(environment), limits, environment.name)
    return checks


def _runs_of(
    environment: Environment, state: StateDirectory, now: datetime, zone: tzinfo, limits: Limits
) -> list[Check]:
    """Missed, failed and stuck jobs; unknown where a record that is there does not tell."""
    damaged = [f"{state.path_of(name)}.json {why}" for name in environment.jobs if (why := state.damaged(name))]
    if damaged:
        why = f"{'; '.join(damaged)}. Remove it: the job's next run writes a new one"
        return [unknown(each, why) for each in (JOBS_MISSED, JOBS_FAILED, JOBS_STUCK)]
    jobs = [JobFacts(plan, state.record(name), state.running(name)) for name, plan in environment.jobs.items()]
    return job_checks(jobs, environment, now, zone, limits)


def readiness_of(places: Places, reachable: bool, limits: Limits) -> list[Check]:
    """Whether the scheduled jobs can do their work; unknown to whoever is not their user."""
    environment, state = places.environment, places.state
    if environment is None or state is None or limits[JOBS_NOT_READY.name] == OFF:
        return []
    if not any(plan.expression for plan in environment.jobs.values()):
        return []
    if os.path.isdir(state.path) and not state.ours():
        owner = owner_of(state.path)
        return [unknown(JOBS_NOT_READY, f"the jobs are those of the user {owner}; ask as {owner}")]
    return readiness_checks(not_ready(environment, reachable), limits)


def _lines_of(environment: Environment) -> list[str] | str:
    """What is wrong with the lines of the environment's jobs; or why they cannot be read."""
    try:
        return unlike_the_schedule(environment, installed_lines(environment, crontab_user(environment)))
    except TitanError as error:
        return error.message


def clock_of(
    places: Places, difference: float | None, before: tuple[float, str], now: datetime, limits: Limits
) -> list[Check]:
    """The clock of this host beside the server's, and beside the records of its own jobs.

    Args:
        difference: Seconds by which the server's clock is ahead; None without a server.
        before: How far the newest record was ahead before this run wrote its own, as in Call.
    """
    state, jobs = places.state, places.environment.jobs if places.environment else {}
    future, job = max(before, state.ahead(jobs, now.timestamp()) if state else before)
    return clock_checks(difference, future, job, limits)


def disks_of(places: Places, data_directory: str, limits: Limits) -> list[Check]:
    """The fullest of the file systems that must not fill up and are on this machine."""
    used = {}
    for path in filter(None, (places.backup_dest, data_directory, places.state.path if places.state else "")):
        try:
            usage = shutil.disk_usage(path)
        except OSError:
            continue
        used[path] = 100.0 * usage.used / (usage.used + usage.free) if usage.used + usage.free else 0.0
    return disk_checks(used, limits)
