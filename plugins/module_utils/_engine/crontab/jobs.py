# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as options give them: every field is judged before anything is written."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import OptionError
from .calendar import days_in_year
from .expression import WEEKDAYS, Expression, parse_expression, spelled_out
from .line import LONGEST_COMMAND, Job, render_command
from .percent import has_bare_percent
from .titan_command import titan_run

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
# Any year does for the count of days: this one begins on a Thursday and is no leap year.
_SAMPLE_YEAR = 2026
# What titan-db does from cron with a configuration.
SUBCOMMANDS = ("backup", "drill", "cleanup", "reindex", "stats", "health")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class ScheduledJob:
    """A job together with its parsed schedule."""

    job: Job
    expression: Expression

    @property
    def weekday(self) -> int | None:
        """The ISO weekday of only_on, or None."""
        return WEEKDAYS.index(self.job.only_on) + 1 if self.job.only_on else None


def require_name(value: str, option: str) -> str:
    """A name that may stand in a marker: letters, digits, dot, underscore, hyphen."""
    if not _NAME.fullmatch(value):
        raise OptionError(option, value, "Use 1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit.")
    return value


def jobs_from_options(items: Sequence[Mapping[str, Any]]) -> list[ScheduledJob]:
    """Check every job of the option ``jobs``.

    Raises:
        OptionError: names the job's field, its value and what may stand there.
    """
    found = [_job(item, f"jobs[{index}]") for index, item in enumerate(items)]
    names = [each.job.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise OptionError("jobs", name, "Two jobs have this name; each job of a block needs its own.")
    return found


def _job(item: Mapping[str, Any], option: str) -> ScheduledJob:
    values = {key: str(item.get(key) or "") for key in Job.__dataclass_fields__}
    require_name(values["name"], f"{option}.name")
    values["schedule"] = values["schedule"].replace("\t", " ")  # between fields cron takes both
    label = f"{option} ({values['name']})"
    for key, value in values.items():
        _require_one_line(value, f"{label}.{key}")
    for key in ("log", "directory", "env_file"):
        _require_path(values[key], f"{label}.{key}", needed=key == "log")
    for key in ("command", "on_failure"):
        _require_command(values[key], f"{label}.{key}", needed=key == "command")
    _require_subcommand(values["command"], f"{label}.command")
    _require_closed(values["on_failure"], f"{label}.on_failure")
    if values["only_on"] and values["only_on"] not in WEEKDAYS:
        raise OptionError(f"{label}.only_on", values["only_on"], f"Allowed: {', '.join(WEEKDAYS)}.")
    values["schedule"], values["only_on"] = spelled_out(values["schedule"], values["only_on"], label)
    job = Job(**values)
    expression = parse_expression(job.schedule, f"{label}.schedule")
    scheduled = ScheduledJob(job, expression)
    _require_one_meaning(scheduled, f"{label}.schedule")
    length = len(render_command(job).encode())
    if length > LONGEST_COMMAND:
        raise OptionError(
            f"{label}.command",
            job.command[:60] + "...",
            f"The line's command has {length} bytes; cron takes no more than {LONGEST_COMMAND}. Put it into a script.",
        )
    return scheduled


def _require_one_line(value: str, option: str) -> None:
    found = _CONTROL.search(value)
    if found:
        names = {"\n": "a line feed", "\r": "a carriage return", "\0": "a NUL byte", "\t": "a tab"}
        what = names.get(found.group(), f"the control character {found.group()!r}")
        raise OptionError(option, value, f"It holds {what}, which would change or add lines in the crontab.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise OptionError(option, value, "It is not valid UTF-8 text.") from error


def _require_path(value: str, option: str, needed: bool) -> None:
    if not value and not needed:
        return
    if not posixpath.isabs(value):
        raise OptionError(option, value, "Give an absolute path: cron starts jobs in the user's home directory.")


def _require_command(value: str, option: str, needed: bool) -> None:
    if not value.strip():
        if needed or value:
            raise OptionError(option, value, "It must contain the command to run.")
        return
    if value != value.strip(" "):
        raise OptionError(option, value, "Remove the spaces around it.")
    if has_bare_percent(value):
        raise OptionError(
            option, value, "Cron ends the command at an unescaped '%' and feeds the rest to it as input; write '\\%'."
        )


def _require_subcommand(command: str, option: str) -> None:
    """Refuse a run of titan-db as a job whose word is no job: it would fail each night with a usage error."""
    run = titan_run(command)
    if run and run.subcommand and run.subcommand not in SUBCOMMANDS:
        raise OptionError(option, run.subcommand, no_such_job())


def no_such_job() -> str:
    """What to do about a word that is no job of titan-db."""
    return f"titan-db has no such job: name the job, or its 'job', one of {', '.join(SUBCOMMANDS)}."


def _require_closed(value: str, option: str) -> None:
    """Refuse what would swallow the end of the list of commands that it becomes."""
    try:
        whole = shlex.split(value) == shlex.split(value, comments=True)
    except ValueError as error:
        raise OptionError(option, value, "A quote in it is not closed, or it ends with a backslash.") from error
    if not whole:
        raise OptionError(option, value, "It holds a comment; remove it, or put the '#' in quotes.")
    if value.endswith((";", "&")):
        raise OptionError(option, value, f"Remove the {value[-1]!r} at its end: the line ends the command itself.")


def _require_one_meaning(scheduled: ScheduledJob, option: str) -> None:
    """Refuse what runs on other days than it reads like, or never."""
    expression, weekday = scheduled.expression, scheduled.weekday
    if expression.both_days:
        rule = "on days that match both" if expression.star_day else "on days that match either of them"
        count = days_in_year(expression, _SAMPLE_YEAR)
        raise OptionError(
            option,
            expression.text,
            "Day of month and day of week are both restricted: Debian's cron would run it "
            f"{rule}, {count} runs a year counting one for each day. Restrict one of them; for a weekday of a week of "
            "the month write it in words: 'first sunday 04:00' (12 runs a year).",
            runs_per_year=count,
        )
    if weekday is not None and len(expression.weekdays) < 7:
        raise OptionError(option, expression.text, "With only_on the field 'day of week' has to be '*'.")


def render_lines(scheduled: Sequence[ScheduledJob], user: str = "") -> list[str]:
    """The crontab lines of the jobs: a comment with the name, then the line (with the user as sixth field, if given)."""
    lines = []
    for each in scheduled:
        sixth = f"{user} " if user else ""
        lines += [f"# {each.job.name}", f"{each.expression.text} {sixth}{render_command(each.job)}"]
    return lines
