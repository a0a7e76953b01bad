# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one line that starts a job, for /bin/sh (dash) in cron's almost empty environment.

    (set -a; . ENV_FILE && exec COMMAND) >>LOG 2>&1 || ON_FAILURE

The parentheses keep the env file's variables from ON_FAILURE, and send everything that goes wrong inside them to the log: an
env file that is missing or broken, a program that is missing. A log that cannot be opened is a failure, too. ``titan-db cron``
changes to the job's directory itself, and decides itself whether today is the day.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from .expression import WEEKDAYS
from .percent import escape_for_cron, unescape_cron
from .titan_command import titan_run

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
        on_failure: Command to run when log, directory or env file cannot be used, or the command ends with another status than
            0 (``$?`` is the status); "" for none.
    """

    name: str
    schedule: str
    command: str
    log: str
    directory: str = ""
    env_file: str = ""
    only_on: str = ""
    on_failure: str = ""


# A command of plain words, as shlex.quote writes them, is started as it is; anything else by a shell of its own.
_WORD = r"""(?:'[^']*'|"'"|[\w./:=@,+-]|\\%)+"""
_PLAIN = re.compile(rf"(?![\w]*=){_WORD}(?: {_WORD})*", re.ASCII)
_PLAIN_FAILURE = re.compile(rf"(?![\w]*=){_WORD}(?: (?:{_WORD}|\$\?))*", re.ASCII)
_SHELL = "/bin/sh -c "
_SHELLS_OWN = re.compile(
    r"(\.|:|alias|bg|break|case|cd|command|continue|do|done|elif|else|esac|eval|exec|exit|export|fg|fi|for|getopts|hash|if|in|"
    r"jobs|local|read|readonly|return|set|shift|then|times|trap|type|ulimit|umask|unalias|unset|until|wait|while)(?= |$)"
)


def render_command(job: Job) -> str:
    """The command part of the job's line."""
    titan = titan_run(job.command)
    parts = []
    if job.only_on and not (titan and titan.decides_itself):
        parts.append(f'[ "$(date +\\%u)" = {WEEKDAYS.index(job.only_on) + 1} ] || exit 0; ')
    parts.append("(")
    if job.env_file:
        parts.append(f"set -a; . {_word(job.env_file)} && ")
    if job.directory and not (titan and titan.decides_itself):
        parts.append(f"cd {_word(job.directory)} && ")
    parts.append(f"exec {job.command if _is_plain(job.command) else _SHELL + shlex.quote(job.command)}")
    parts.append(f") >>{_word(job.log)} 2>&1")
    if job.on_failure:
        plain = _PLAIN_FAILURE.fullmatch(job.on_failure) and not _SHELLS_OWN.match(job.on_failure)
        parts.append(f" || {job.on_failure if plain else '{ ' + job.on_failure + '; }'}")
    return "".join(parts)


def _is_plain(command: str) -> bool:
    return bool(_PLAIN.fullmatch(command)) and not _SHELLS_OWN.match(command) and not command.startswith(_SHELL)


def parse_command(name: str, schedule: str, text: str) -> Job | None:
    """The job that renders to this command part; None if it is none of ours."""
    rest = Rest(text)
    only_on = directory = env_file = ""
    weekday = rest.match(r'\[ "\$\(date \+\\%u\)" = ([1-7]) \] \|\| exit 0; ')
    if weekday:
        only_on = WEEKDAYS[int(weekday.group(1)) - 1]
    if not rest.match(r"\("):
        return None
    if rest.match(r"set -a; \. "):
        env_file = unescape_cron(rest.word())
        if not rest.match(" && "):
            return None
    if rest.match("cd "):
        directory = unescape_cron(rest.word())
        if not rest.match(" && "):
            return None
    if not rest.match("exec "):
        return None
    if rest.match(_SHELL):
        command = rest.word()
    else:
        plain = rest.match(_PLAIN.pattern)
        command = plain.group() if plain else ""
    if not command or not rest.match(r"\) >>"):
        return None
    log = unescape_cron(rest.word())
    if not rest.match(" 2>&1"):
        return None
    failure = rest.match(r" \|\| (?:\{ (?P<list>.*); \}|(?P<plain>.*))$")
    if rest.left:
        return None
    on_failure = (failure["list"] or failure["plain"] or "") if failure else ""
    return Job(name, schedule, command, log, directory, env_file, only_on, on_failure)


class Rest:
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
