# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that start an environment's jobs on this host, compared with its schedule."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from typing import Callable, NamedTuple

from ..crontab import crontab_store, other_lines
from ..crontab.crontab_store import CrontabStore
from ..crontab.entry import parse_entry
from ..crontab.former_lines import parse_former_command
from ..crontab.line import Job, parse_command
from ..crontab.percent import unescape_cron
from ..crontab.readable import files_in, is_closed
from ..crontab.titan_command import config_path, titan_run
from ..errors import TitanError
from .config import Environment, JobPlan
from .records import owner_of

# A line that somebody wrote otherwise: the job that it starts can still be told.
_STARTS = re.compile(r"""titan-db['"]? cron (['"]?)([\w./@+-]+)\1 (['"]?)([\w.@+-]+)\3(?=[\s;)&|]|$)""")


class InstalledLine(NamedTuple):
    """A line that starts a job of the environment.

    Attributes:
        where: The crontab's name and the line's number, for messages.
        name: The job's name in the configuration.
        schedule: Its first five fields, or the nickname.
        job: Its parts; None if it is not as this collection writes it.
    """

    where: str
    name: str
    schedule: str
    job: Job | None


def crontab_user(environment: Environment) -> str:
    """The user whose crontab has the environment's lines: the one who owns its records; "" for the calling user."""
    owner = owner_of(environment.state_dir) if os.path.isdir(environment.state_dir) else ""
    return "" if owner.startswith("#") else owner


def installed_lines(environment: Environment, user: str) -> list[InstalledLine]:
    """The lines of the user's crontab and of cron's files that start a job of the environment.

    Raises:
        TitanError: the user's crontab cannot be read; or a job has no line there, and it is not seen whether cron's files have it.
    """
    found = list(_lines(environment, user, lambda line: line))
    seen, folder = {line.name for line in found}, other_lines.CRON_FILES
    missing = [name for name, plan in environment.jobs.items() if plan.expression and name not in seen]
    if missing and is_closed(folder):
        raise TitanError(f"This user may not read {folder}, where a line may start the job {missing[0]}.")
    return found


def commented_out(environment: Environment, user: str) -> list[InstalledLine]:
    """The lines that would start a job of the environment if no ``#`` stood before them.

    Raises:
        TitanError: the user's crontab cannot be read.
    """
    return list(_lines(environment, user, lambda line: line.lstrip("# \t") if line.lstrip().startswith("#") else ""))


def unlike_the_schedule(environment: Environment, lines: Sequence[InstalledLine]) -> list[str]:
    """What is wrong with the lines, a sentence without its full stop for each job: missing, there twice, changed, not scheduled."""
    found = []
    for name, plan in environment.jobs.items():
        mine = [line for line in lines if line.name == name]
        if plan.expression is None:
            continue
        if not mine:
            found.append(f"no line starts the job {name}")
        elif len(mine) > 1:
            found.append(f"the job {name} is started by {len(mine)} lines: {'; '.join(line.where for line in mine)}")
        elif changed := _changes(environment, plan, mine[0]):
            found.append(f"{mine[0].where} starts the job {name} {changed}")
    scheduled = {name for name, plan in environment.jobs.items() if plan.expression}
    found += [
        f"{line.where} starts the job {line.name}, which is not in the schedule"
        for line in lines
        if line.name not in scheduled
    ]
    return found


def _lines(environment: Environment, user: str, read_as: Callable[[str], str]) -> Iterator[InstalledLine]:
    """The lines that start a job of the environment, each read as the function says."""
    programs = {environment.command, environment.spare_command}
    for label, text, has_user in _crontabs(user):
        for number, line in enumerate(text.splitlines(), 1):
            entry = parse_entry(read_as(line), has_user)
            started = _started(*entry, programs) if entry else None
            if entry and started and os.path.abspath(started[0]) == os.path.abspath(environment.config_path):
                yield InstalledLine(f"{label}, line {number}", started[1], entry[0], started[2])


def _crontabs(user: str) -> Iterator[tuple[str, str, bool]]:
    """Label, text, and whether its lines name a user, of what cron reads."""
    if crontab_store.crontab_program():
        store = CrontabStore(user, "")
        yield store.label, store.read() or "", False
    for path in [*files_in(other_lines.CRON_FILES), other_lines.SYSTEM_CRONTAB]:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as stream:
                yield path, stream.read(), True
        except OSError:  # not there, or not ours to read
            continue


def _started(schedule: str, command: str, programs: Collection[str]) -> tuple[str, str, Job | None] | None:
    """Configuration and name of the job that the command starts, and its parts if it is a line of this collection.

    Args:
        programs: The paths of titan-db on this host, whose names may be other ones.
    """
    job = parse_command("", schedule, command) or parse_former_command("", schedule, command)
    run = titan_run(job.command) if job else None
    if run:
        return run.config, run.job, job
    words = _words(job.command) if job else []
    if len(words) == 4 and words[1] == "cron" and words[0] in programs:
        return config_path(words[2]), words[3], job
    other = _STARTS.search(unescape_cron(command))
    return (config_path(other[2]), other[4], None) if other else None


def _changes(environment: Environment, plan: JobPlan, line: InstalledLine) -> str:
    """How the line differs from what the schedule says; "" for not at all."""
    said = plan.expression.text if plan.expression else ""
    if line.schedule != said:
        return f"at {line.schedule!r} instead of {said!r}"
    if line.job is None:
        return "in another form than the converge writes"
    words = _words(line.job.command)
    programs = {environment.command, environment.spare_command or environment.command}
    if words and environment.command != "titan-db" and words[0] not in programs:
        return f"by {words[0]} instead of {environment.command}"
    if plan.log and line.job.log != plan.log:
        return f"with the log {line.job.log} instead of {plan.log}"
    if line.job.env_file != environment.env_file:
        return f"with {_file(line.job.env_file)} instead of {_file(environment.env_file)}"
    end = _words(line.job.on_failure)
    if len(end) < 4 or (end[1], end[3]) != ("note", line.name):
        return "without the end that tells of its failure"
    return ""


def _words(command: str) -> list[str]:
    """The words of a command; none where a quote is not closed."""
    try:
        return shlex.split(unescape_cron(command))
    except ValueError:
        return []


def _file(path: str) -> str:
    return f"the env file {path}" if path else "no env file"
