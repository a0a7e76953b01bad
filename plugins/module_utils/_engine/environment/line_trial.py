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
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..crontab.block import Table, split_table
from ..crontab.crontab_store import CrontabStore
from ..crontab.entry import parse_entry, parse_variable
from ..crontab.line import Job, parse_command, render_command
from ..crontab.percent import unescape_cron
from ..crontab.titan_command import titan_run
from ..host.cron_session import variables_of_session
from ..host.programs import run
from .config import Environment
from .readiness import Obstacle, user_name

CRONIE = "/usr/sbin/crond"  # which starts nothing where it cannot change to HOME; Debian's cron does
_RUNNING = 75
_SHOWN = ("HOME", "PATH", "SHELL")  # of the variables that a crontab may set; another one's value may be a password


def try_lines(environment: Environment, cron_file: str) -> list[Obstacle]:
    """What is in the way of the lines that the crontab has for the environment, as the user of this process.

    Args:
        cron_file: Path of the system crontab that holds them; "" for the user's own.
    """
    table = _installed_table(environment.name, cron_file)
    jobs = _jobs(table, bool(cron_file))
    own, above = _own_variables(), _set_in(table)
    variables = {**own, **above, "LOGNAME": user_name()}
    if os.path.exists(CRONIE) and not _enters(variables["HOME"]):
        return [
            Obstacle(
                f"{user_name()} cannot enter HOME, {variables['HOME']}: cron starts no job",
                _home_fix(variables["HOME"]),
            )
        ]
    missing = [name for name, plan in environment.jobs.items() if plan.expression and name not in jobs]
    again = f"ansible-playbook titan.database.site -l {shlex.quote(environment.name)} --tags crontab"
    found = [Obstacle(f"no line of the crontab starts the job {name}", again) for name in missing]
    well: set[Job] = set()
    for name, job in jobs.items():
        plan = environment.jobs.get(name)
        backup = bool(plan and plan.subcommand == "backup")
        if plan and not backup and _without_job(job) in well:
            continue
        tried = _tried(job, variables, backup, {name: own.get(name) for name in above})
        found += tried
        if not tried:
            well.add(_without_job(job))
    return found


def _without_job(job: Job) -> Job:
    """What the lines of several jobs have in common: directory, env file, program and environment."""
    words = shlex.split(unescape_cron(job.command))[:-1]
    return replace(job, name="", schedule="", command=shlex.join(words), log="", only_on="", on_failure="")


def _installed_table(block: str, cron_file: str) -> Table:
    """The crontab that holds the environment's lines.

    Raises:
        TitanError: the crontab cannot be read, or its markers are broken.
    """
    store = CrontabStore(pwd.getpwuid(os.geteuid()).pw_name if cron_file else "", cron_file)
    return split_table(store.read() or "", block, store.label)


def _jobs(table: Table, has_user: bool) -> dict[str, Job]:
    """The jobs of titan-db in the block, by their names in the configuration."""
    found = {}
    for line in table.block:
        entry = parse_entry(line.rstrip("\n"), has_user)
        job = parse_command("", *entry) if entry else None
        titan = titan_run(job.command) if job else None
        if job and titan and titan.decides_itself:
            found[titan.job] = replace(job, name=titan.job)
    return found


def _own_variables() -> dict[str, str]:
    """The environment that cron gives to every line: PAM's, and its own."""
    own = {"HOME": pwd.getpwuid(os.geteuid()).pw_dir, "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    return {**variables_of_session(), **own}


def _set_in(table: Table) -> dict[str, str]:
    """What lines above those of the block set for them."""
    return dict(filter(None, (parse_variable(line.rstrip("\n")) for line in (*table.before, *table.block))))


def _enters(folder: str) -> bool:
    return os.path.isdir(folder) and os.access(folder, os.X_OK)


def _home_fix(folder: str) -> str:
    user = pwd.getpwuid(os.geteuid())
    if user.pw_dir != folder:
        return f"crontab -l | grep -n HOME, and correct that line to HOME={user.pw_dir}"
    return f"install -d -o {user.pw_name} -m 0750 {shlex.quote(folder)}"


def _tried(
    job: Job, variables: Mapping[str, str], in_check_mode: bool, instead: Mapping[str, str | None]
) -> list[Obstacle]:
    """What is in the way of the line; a variable of the crontab, where the line does its work with the value instead."""
    command = f"{job.command} --check" if in_check_mode else job.command.replace(" cron ", " why ", 1)
    line = unescape_cron(render_command(replace(job, command=command, log="/dev/stdout", on_failure="", only_on="")))
    said = _refused(line, variables)
    if not said:
        return []
    what = f"the job {job.name} could not be done now"
    for name, value in instead.items():
        others = {key: given for key, given in variables.items() if key != name}
        if not _refused(line, others if value is None else {**others, name: value}):
            shown = f"={variables[name]}" if name in _SHOWN else ""
            what += f" (the crontab sets {name}{shown})"
            return [Obstacle(f"{what}: {said}", f"crontab -l | grep -n {name}, and correct that line or remove it")]
    typed: Sequence[str] = shlex.split(unescape_cron(command))
    return [Obstacle(f"{what}: {said}", shlex.join(typed))]


def _refused(line: str, variables: Mapping[str, str]) -> str:
    """What the line says where it cannot do its work; empty where it can, or is just doing it."""
    shell = variables["SHELL"]
    try:
        home = variables["HOME"] if _enters(variables["HOME"]) else "/"
        done = run([shell, "-c", line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(variables), cwd=home)
        status, printed = done.returncode, done.stdout
    except OSError as error:
        status, printed = 1, f"{shell}: {error.strerror}".encode()
    said = " ".join(printed.decode("utf-8", "replace").split())[-600:].rstrip(".")
    if status == _RUNNING or (status == 0 and said):  # a shell that runs nothing is silent
        return ""
    return said or f"status {status}"
