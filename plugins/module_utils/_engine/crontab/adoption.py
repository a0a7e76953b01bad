# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand-made crontab lines that do what a job of ours does. Pure.

A line is adopted only when it certainly is the same job of the same environment: it is one of the lines that Titan's
documents told people to install (white space, the way of sourcing the env file and the log's path may differ), in the
job's own directory, at one of the documented times; or it is exactly a line of ours outside the markers. Everything
that merely resembles a job is reported and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .block import outside_blocks
from .entry import parse_entry
from .former_lines import parse_former_command
from .jobs import ScheduledJob
from .line import Job, parse_command, render_command
from .titan_command import titan_run

# job name -> the program part, and the times at which documents had it
_PSQL = r"""psql "?\$\{?DATABASE_URL\}?"? -c ["'](?:%s);?["']"""
_KNOWN = {
    "backup": (
        r"(?:\./scripts/|(?P<path>/\S+)/scripts/)backup-(?:production|staging)-db\.sh",
        ("0 2 * * *", "0 3 * * 0"),
    ),
    "cleanup": (_PSQL % r"SELECT (?:\* FROM )?run_all_cleanups\(\)", ("15 2 * * *", "0 2 * * *")),
    "stats": (_PSQL % r"SELECT \* FROM cleanup_statistics", ("0 8 * * 0",)),
    "reindex": (_PSQL % r"REINDEX DATABASE \S+?", ("0 4 1-7 * 0",)),
}
_SETUP = r"(?:cd (?P<cd>\S+) && )?(?P<source>(?:source|\.) \S+ && )?"
_LOG = r"(?: (?:>>|>) ?\S+(?: 2>&1)?)?"


@dataclass(frozen=True)
class Conflict:
    """A line outside the block that looks like a job: its number (from 1), the line, the job's name, and why it stays."""

    number: int
    line: str
    job: str
    reason: str


@dataclass(frozen=True)
class Adoption:
    """Which outside lines move into the block (indexes from 0), and which only look like it."""

    adopt: tuple[int, ...]
    conflicts: tuple[Conflict, ...]


def find_adoptable(lines: Sequence[str], jobs: Sequence[ScheduledJob], user: str = "") -> Adoption:
    """Compare the lines outside every block with the jobs; user is the sixth field of a system crontab, "" for none."""
    adopt: list[int] = []
    conflicts: list[Conflict] = []
    for number, line in outside_blocks(lines):
        entry = parse_entry(line, bool(user))
        if entry is None:
            continue
        schedule, command = entry[0], " ".join(entry[1].split())
        for each in jobs:
            verdict = _compare(schedule, command, each)
            if verdict == "same":
                adopt.append(number - 1)
            elif verdict:
                conflicts.append(Conflict(number, line.rstrip("\n"), each.job.name, verdict))
            if verdict:
                break
    return Adoption(tuple(adopt), tuple(conflicts))


def _compare(schedule: str, command: str, each: ScheduledJob) -> str:
    """ "same", or why the line only resembles the job, or "" if it has nothing to do with it."""
    job = each.job
    if command == " ".join(render_command(job).split()):
        return "same" if schedule == each.expression.text else "the same command at another time"
    ours = parse_command(job.name, schedule, command) or parse_former_command(job.name, schedule, command)
    if ours and _same_work(ours, job):
        titan = titan_run(ours.command)
        seen = ("log", "env_file") if titan and titan.decides_itself else ("log", "directory", "env_file", "only_on")
        other = [word for word in seen if getattr(ours, word) != getattr(job, word)]
        if other:
            return f"a line of this collection for the same job, with another {' and another '.join(other)}"
        return "same" if schedule == each.expression.text else "the same job at another time"
    if re.sub(r" ?>> ?\S+ 2>&1$", "", command) == job.command:
        return "the job's own command, started in another way"
    if job.name not in _KNOWN:
        return ""
    program, times = _KNOWN[job.name]
    found = re.fullmatch(_SETUP + program + _LOG, command)
    if not found:
        loose = re.search(program, command)
        same_place = not job.directory or f"{job.directory}/" in f"{command}/" or f"{job.directory} " in command
        return "it contains the job's work among other things" if loose and same_place else ""
    groups = found.groupdict()
    place = groups.get("cd") or groups.get("path") or ""
    if not place:
        return "it does the job's work, but without naming its directory"
    if place.rstrip("/") != job.directory.rstrip("/"):
        return ""
    if schedule not in (*times, each.expression.text):
        return "the same work at a time that no document names"
    return "same"


def _same_work(ours: Job, job: Job) -> bool:
    """Whether both start the same: the same text, or titan-db for the same job of the same environment."""
    if ours.command == " ".join(job.command.split()):
        return True
    mine, theirs = titan_run(ours.command), titan_run(job.command)
    return bool(mine and theirs and (mine.config, mine.job) == (theirs.config, theirs.job))
