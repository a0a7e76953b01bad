# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try the lines of the installed crontab as their user: the same shell, the same environment, but nothing is written.

A line's own text is run with another last word: the backup in check mode, the other jobs as the question when they run next. So
its env file is sourced, its program found, its configuration read, and its job known there. Lines that differ in the job only do
the same: one of them is run, and the configuration knows the others.
"""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import replace

from ..crontab.block import split_table
from ..crontab.crontab_store import CrontabStore
from ..crontab.entry import parse_entry
from ..crontab.line import Job, parse_command, render_command
from ..crontab.percent import unescape_cron
from ..crontab.titan_command import titan_run
from ..host.programs import run
from .config import Environment
from .readiness import Obstacle

_RUNNING = 75


def try_lines(environment: Environment, cron_file: str) -> list[Obstacle]:
    """What is in the way of the lines that the crontab has for the environment, as the user of this process.

    Args:
        cron_file: Path of the system crontab that holds them; "" for the user's own.
    """
    jobs = installed_jobs(environment.name, cron_file)
    missing = [name for name, plan in environment.jobs.items() if plan.expression and name not in jobs]
    again = f"ansible-playbook titan.database.site -l {shlex.quote(environment.name)} --tags crontab"
    found = [Obstacle(f"no line of the crontab starts the job {name}", again) for name in missing]
    well: set[Job] = set()
    for name, job in jobs.items():
        plan = environment.jobs.get(name)
        backup = bool(plan and plan.subcommand == "backup")
        if plan and not backup and _without_job(job) in well:
            continue
        tried = _tried(job, in_check_mode=backup)
        found += tried
        if not (tried or backup):
            well.add(_without_job(job))
    return found


def _without_job(job: Job) -> Job:
    """What the lines of several jobs have in common: directory, env file, program and environment."""
    words = shlex.split(unescape_cron(job.command))[:-1]
    return replace(job, name="", schedule="", command=shlex.join(words), log="", only_on="", on_failure="")


def installed_jobs(block: str, cron_file: str) -> dict[str, Job]:
    """The jobs of titan-db in the block of that name, by their names in the configuration.

    Raises:
        TitanError: the crontab cannot be read, or its markers are broken.
    """
    store = CrontabStore(pwd.getpwuid(os.geteuid()).pw_name if cron_file else "", cron_file)
    found = {}
    for line in split_table(store.read() or "", block, store.label).block:
        entry = parse_entry(line.rstrip("\n"), bool(cron_file))
        job = parse_command("", *entry) if entry else None
        titan = titan_run(job.command) if job else None
        if job and titan and titan.decides_itself:
            found[titan.job] = replace(job, name=titan.job)
    return found


def _tried(job: Job, in_check_mode: bool) -> list[Obstacle]:
    command = f"{job.command} --check" if in_check_mode else job.command.replace(" cron ", " why ", 1)
    line = unescape_cron(render_command(replace(job, command=command, log="/dev/stdout", on_failure="", only_on="")))
    user = pwd.getpwuid(os.geteuid())
    variables = {"HOME": user.pw_dir, "LOGNAME": user.pw_name, "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    done = run(["/bin/sh", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables, cwd="/")
    if done.returncode in (0, _RUNNING):
        return []
    said = " ".join(done.stdout.decode("utf-8", "replace").split())[-600:] or f"status {done.returncode}"
    typed: Sequence[str] = shlex.split(unescape_cron(command))
    return [Obstacle(f"the job {job.name} could not be done now: {said}", shlex.join(typed))]
