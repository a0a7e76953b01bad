# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind the module crontab."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime, timezone, tzinfo
from typing import Any

from ..errors import TitanError
from ..host.clock import host_zone
from ..host.env_file import check_against_shell, read_env_text
from ..outcome import Call, Outcome
from .adoption import Adoption, find_adoptable
from .block import Table, begin_marker, split_table, with_block, without_block
from .calendar import Run, next_runs
from .crontab_store import CrontabStore, crontab_program, require_store
from .double_work import directories
from .jobs import ScheduledJob, jobs_from_options, render_lines, require_name
from .known_jobs import job_options, require_known_jobs
from .managed_files import ManagedFile, managed_files_from_options
from .other_lines import other_lines


@dataclass(frozen=True)
class Plan:
    """What the crontab is and what it is to be (None: no crontab), and the files that have to change."""

    before: str | None
    after: str | None
    was: Table
    becomes: Table
    adoption: Adoption
    managed_files: tuple[ManagedFile, ...]
    skipped_by_cron: bool = False

    @property
    def writes_table(self) -> bool:
        return self.before != self.after or self.skipped_by_cron

    @property
    def changed(self) -> bool:
        return self.writes_table or bool(self.managed_files)


def crontab(call: Call) -> Outcome:
    """Make one block of a crontab hold exactly the given jobs.

    Raises:
        OptionError: a field cannot be used; nothing was written.
        TitanError: the markers are broken, cron refuses the lines, or what was written does not read back.
    """
    options = call.options
    present = options["state"] == "present"
    name = require_name(options["name"], "name")
    store = require_store(options.get("user") or "", options.get("cron_file") or "")
    jobs = jobs_from_options(options["jobs"]) if present else []
    require_known_jobs(jobs, options["files"])
    managed_files = tuple(each for each in managed_files_from_options(options["files"], present) if each.changes())
    warnings = _check_env_files(jobs, call.check_mode)
    if jobs:
        store.validate("\n".join([*render_lines(jobs), ""]))
    planned_only = call.check_mode and not store.cron_file and crontab_program() is None
    if planned_only:
        warnings.append("There is no crontab program yet: the plan assumes an empty crontab.")
    with nullcontext() if call.check_mode else store.locked():
        plan = _plan(None if planned_only else store.read(), store, jobs, managed_files, options)
        if plan.changed and not call.check_mode:
            _apply(store, plan)
    return _outcome(store, name, jobs, plan, warnings, options)


def _plan(
    before: str | None,
    store: CrontabStore,
    jobs: list[ScheduledJob],
    managed_files: tuple[ManagedFile, ...],
    options: Mapping[str, Any],
) -> Plan:
    name = options["name"]
    was = split_table(before or "", name, store.label)
    if options["state"] == "absent":
        if not was.block:
            return Plan(before, before, was, was, Adoption((), ()), managed_files)
        becomes = without_block(was)
        return Plan(before, becomes.text or None, was, becomes, Adoption((), ()), managed_files)
    sixth = store.user if store.cron_file else ""
    outside = was.before + was.after
    found = find_adoptable(outside, jobs, sixth) if options["adopt"] else Adoption((), ())
    becomes = with_block(was, name, render_lines(jobs, sixth), found.adopt, store.label)
    skipped = before is not None and not store.cron_reads_it()
    return Plan(before, becomes.text, was, becomes, found, managed_files, skipped)


def _apply(store: CrontabStore, plan: Plan) -> None:
    """Write the files first (the lines use them), then the crontab; read it back and undo what does not match."""
    removing = plan.after is None or not plan.becomes.block
    for each in () if removing else plan.managed_files:
        each.apply()
    if plan.writes_table:
        store.write(plan.after)
        if store.read() != plan.after:
            store.write(plan.before)
            raise TitanError(
                f"The {store.label} does not read back as it was written; the old text was put back. "
                "Another program may be changing it at the same time."
            )
    for each in plan.managed_files if removing else ():
        each.apply()


def _check_env_files(jobs: Sequence[ScheduledJob], check_mode: bool) -> list[str]:
    """Each env file has to mean the same to the shell that sources it and to titan-db."""
    warnings = []
    for path in sorted({each.job.env_file for each in jobs if each.job.env_file}):
        if check_mode and not os.path.exists(path):
            warnings.append(f"The env file {path!r} does not exist yet; the jobs could not start without it.")
            continue
        check_against_shell(path)
        warnings += [f"{path}: {note}" for note in read_env_text(path).notes]
    for path in sorted({each.job.directory for each in jobs if each.job.directory}):
        if not os.path.isdir(path):
            warnings.append(f"The directory {path!r} of the jobs does not exist; they could not start.")
    return warnings


def _upcoming(jobs: list[ScheduledJob], zone: tzinfo) -> list[dict[str, Any]]:
    """Each job's next runs, in the host's time."""
    now = datetime.now(timezone.utc)
    return [
        {
            "name": each.job.name,
            "schedule": each.expression.text,
            "only_on": each.job.only_on or None,
            "runs": [_shown(run) for run in next_runs(each.expression, now, zone, each.weekday)],
        }
        for each in jobs
    ]


def _outcome(
    store: CrontabStore,
    name: str,
    jobs: list[ScheduledJob],
    plan: Plan,
    warnings: list[str],
    options: Mapping[str, Any],
) -> Outcome:
    zone, zone_name = host_zone()
    adopted = [asdict(each) for each in plan.becomes.adopted[len(plan.was.adopted) :]]
    conflicts = [asdict(each) for each in plan.adoption.conflicts]
    warnings += [
        f"{store.label}, line {each.number} looks like the job {each.job!r} and was left alone: {each.reason}."
        for each in plan.adoption.conflicts
    ]
    warnings += _double_work(store, jobs, plan, options)
    warnings += _shell_warnings(plan) + (_duplicate_blocks(store, name) if plan.becomes.block else [])
    count = f"{len(jobs)} job{'' if len(jobs) == 1 else 's'}"
    what = f"block {name!r} of {store.label}"
    done = "written" if plan.changed else "unchanged"
    return Outcome(
        changed=plan.changed,
        data={
            "lines": [line.rstrip("\n") for line in plan.becomes.block],
            "next_runs": _upcoming(jobs, zone),
            "time_zone": zone_name,
            "adopted": adopted,
            "conflicts": conflicts,
        },
        summary=f"{what} {done}: {count}"
        if plan.becomes.block
        else f"{what} {'removed' if plan.changed else 'absent'}",
        before=_diff_text(plan, old=True),
        after=_diff_text(plan, old=False),
        warnings=tuple(warnings),
    )


def _diff_text(plan: Plan, old: bool) -> str:
    """The block and what moves into or out of it; the other lines stay as they are, and may hold secrets."""
    table, other = (plan.was, plan.becomes) if old else (plan.becomes, plan.was)
    moved = [f"{each.line}\n" for each in other.adopted if each.number not in {one.number for one in table.adopted}]
    text = "".join([*moved, *table.block])
    text += "# cron skips this file for its owner, mode or second name\n" if old and plan.skipped_by_cron else ""
    for each in plan.managed_files:
        mode, content = (each.mode_before, each.before) if old else (each.mode, each.content)
        text += f"# file {each.path} mode {mode:04o}\n{content}" if content is not None else ""
    return text


def _double_work(
    store: CrontabStore, jobs: Sequence[ScheduledJob], plan: Plan, options: Mapping[str, Any]
) -> list[str]:
    """Lines of this crontab, of cron's files and of root's that may do the work of our jobs, or undo it."""
    if not jobs:
        return []
    configured = [each for item in options["files"] for each in job_options(str(item.get("content") or ""))]
    places = directories([each.job.directory for each in jobs], configured)
    known = {each.line for each in plan.adoption.conflicts}
    outside = "".join(plan.becomes.before + plan.becomes.block + plan.becomes.after)
    return [
        f"{each.sentence}. Remove the line, or let a job do that work."
        for each in other_lines(store, places, outside)
        if each.line not in known or not each.line
    ]


def _duplicate_blocks(store: CrontabStore, name: str) -> list[str]:
    """The block of this name may have stayed where it was before: then cron starts each job twice."""
    found = []
    for other in store.others():
        try:
            text = other.read() or ""
        except (TitanError, OSError):  # not ours to read
            continue
        if begin_marker(name) in text.split("\n"):
            how = f"cron_file {other.cron_file}" if other.cron_file else f"user {other.user} and no cron_file"
            found.append(
                f"A block {name!r} is in {other.label} too, so its jobs start twice: remove it there, "
                f"with state: absent, {how}."
            )
    return found


def _shell_warnings(plan: Plan) -> list[str]:
    """Another shell above our block would read our lines differently; another time zone would start them at another time."""
    for number, line in enumerate(plan.becomes.before, 1):
        zone = re.match(r"""\s*CRON_TZ\s*=\s*["']?([^"'\s]+)""", line)
        if zone:
            return [
                f"Line {number} sets CRON_TZ={zone.group(1)} for the lines below it, where cron knows it (cronie): the next runs are "
                "shown in the host's time zone. Move the line below the block."
            ]
    for number, line in enumerate(plan.becomes.before, 1):
        found = re.match(r"""\s*SHELL\s*=\s*["']?([^"'\s]+)""", line)
        if found and found.group(1).rpartition("/")[2] not in ("sh", "dash", "bash"):
            return [f"Line {number} sets SHELL={found.group(1)} for the lines below it; ours are written for /bin/sh."]
    return []


def _shown(run: Run) -> dict[str, str]:
    return {
        "local": run.local.strftime("%a %Y-%m-%d %H:%M %Z").strip(),
        "utc": run.utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "note": run.note,
    }
