# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one line that starts a job, for /bin/sh (dash) in cron's almost empty environment.

``exec >> LOG 2>&1`` comes first, so that everything later says goes to the job's log: a missing directory, a missing
or broken env file, a missing program. The pattern that people usually write, ``cd D && . ENV && program >> LOG 2>&1``,
sends only the program's output there.

The trap is for what the program cannot tell itself: that it was not started (nothing has set $1 yet), or that it, or the
Python that it needs, is not there (the shell's statuses 126 and 127). A job that failed on its own has told of it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from .expression import WEEKDAYS

# Cron hands at most 998 bytes to the shell; crontab(1) refuses more.
LONGEST_COMMAND = 990


@dataclass(frozen=True)
class Job:
    """One job of a block.

    Attributes:
        name: Its name in the block, unique there.
        schedule: Five cron fields or a nickname.
        command: What to run, as it stands in a crontab ("%" written as "\\%").
        log: Absolute path that all output is appended to.
        directory: Absolute path to change to first; "" to stay in the user's home.
        env_file: Absolute path of a file that is sourced with its variables exported; "" for none.
        only_on: A weekday's English name in lower case: run on that weekday only; "" for all.
        on_start_failure: Command to run when log, directory or env file cannot be used, or the command cannot be found or
            executed (``$?`` is the status); "" for none.
    """

    name: str
    schedule: str
    command: str
    log: str
    directory: str = ""
    env_file: str = ""
    only_on: str = ""
    on_start_failure: str = ""


# What surrounds on_start_failure in the trap, and what comes between the preparations and the command.
_TRAP_HEAD, _TRAP_TAIL = "case $?:$1 in *:|12[67]:*) ", ";; esac"
_STARTED = "set -- started; "


def escape_for_cron(text: str) -> str:
    """Write the text so that cron hands it to the shell unchanged."""
    return text.replace("\\", "\\\\").replace("%", "\\%")


def unescape_cron(text: str) -> str:
    """What cron hands to the shell for the command of a line, without what follows an unescaped "%"."""
    out, index = [], 0
    while index < len(text):
        if text[index] == "\\" and text[index + 1 : index + 2] in ("\\", "%"):
            out.append(text[index + 1])
            index += 2
            continue
        if text[index] == "%":
            break
        out.append(text[index])
        index += 1
    return "".join(out)


def has_bare_percent(command: str) -> bool:
    """Whether cron would cut the command at a "%" and feed the rest to it as standard input."""
    return bool(re.search(r"(?<!\\)(?:\\\\)*%", command))


def render_command(job: Job) -> str:
    """The command part of the job's line."""
    parts = []
    if job.only_on:
        parts.append(f'[ "$(date +\\%u)" = {WEEKDAYS.index(job.only_on) + 1} ] || exit 0; ')
    if job.on_start_failure:
        parts.append(f"trap {shlex.quote(_TRAP_HEAD + job.on_start_failure + _TRAP_TAIL)} EXIT; ")
    parts.append(f"exec >> {_word(job.log)} 2>&1; ")
    setup = []
    if job.directory:
        setup.append(f"cd {_word(job.directory)}")
    if job.env_file:
        setup.append(f"set -a && . {_word(job.env_file)} && set +a")
    if setup:
        parts.append(" && ".join(setup) + " || exit; ")
    if job.on_start_failure:
        parts.append(_STARTED)
    if _PREFIX_LIKE.match(job.command):
        parts.append(_NULL_COMMAND)
    return "".join(parts) + job.command


# A null command keeps a command that begins like our own prefix apart from it, so that a line reads back as one job.
_NULL_COMMAND = ":; "
_PREFIX_LIKE = re.compile(r"cd |set -|trap |:; ")


def parse_command(name: str, schedule: str, text: str) -> Job | None:
    """The job that renders to this command part; None if it is none of ours.

    A line in the older form, whose trap ends before the command, reads as the job that it would be now.
    """
    rest = _Rest(text)
    only_on = trap = ended = directory = env_file = ""
    weekday = rest.match(r'\[ "\$\(date \+\\%u\)" = ([1-7]) \] \|\| exit 0; ')
    if weekday:
        only_on = WEEKDAYS[int(weekday.group(1)) - 1]
    if rest.match(r"trap "):
        trap, ended = _unwrapped(rest.word())
        if not rest.match(r" EXIT; "):
            return None
    if not rest.match(r"exec >> "):
        return None
    log = unescape_cron(rest.word())
    if not rest.match(r" 2>&1; "):
        return None
    if rest.match(r"cd "):
        directory = unescape_cron(rest.word())
        if not rest.match(r" (?:&& (?=set -a )|(?=\|\| exit; ))"):
            return None
    if rest.match(r"set -a && \. "):
        env_file = unescape_cron(rest.word())
        if not rest.match(r" && set \+a "):
            return None
    if (directory or env_file) and not rest.match(r"\|\| exit; "):
        return None
    if trap and not rest.match(ended):
        return None
    rest.match(_NULL_COMMAND)
    return Job(name, schedule, rest.left, log, directory, env_file, only_on, trap)


def _unwrapped(trap: str) -> tuple[str, str]:
    """The on_start_failure in a trap's text, and what ends the trap's first part."""
    if trap.startswith(_TRAP_HEAD) and trap.endswith(_TRAP_TAIL):
        return trap[len(_TRAP_HEAD) : -len(_TRAP_TAIL)], _STARTED
    return trap, "trap - EXIT; "


class _Rest:
    """What is left to read of a line."""

    def __init__(self, text: str) -> None:
        self.left = text

    def match(self, pattern: str) -> re.Match[str] | None:
        found = re.match(pattern, self.left)
        if found:
            self.left = self.left[found.end() :]
        return found

    def word(self) -> str:
        """One word as shlex.quote writes it."""
        found = self.match(r"""(?:'[^']*'|"'"|[^\s'";|&<>()$`*?\[#~])+""")
        if not found:
            return ""
        return "".join(
            piece[1:-1] if piece[0] in "'\"" else piece
            for piece in re.findall(r"""'[^']*'|"'"|[^'"]+""", found.group())
        )


def _word(path: str) -> str:
    return escape_for_cron(shlex.quote(path))
