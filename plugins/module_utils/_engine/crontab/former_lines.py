# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines as earlier versions of this collection wrote them. They are only read: a converge writes the line of today. Pure.

    trap 'case $?:$1 in *:|12[67]:*) ON_FAILURE;; esac' EXIT; exec >> LOG 2>&1; cd DIRECTORY && set -a && . ENV_FILE && set +a || exit;
    set -- started; COMMAND

The form before that one had the trap's command alone, and ended the trap before COMMAND.
"""

from __future__ import annotations

from .expression import WEEKDAYS
from .line import Job, Rest
from .percent import unescape_cron

_TRAP_HEAD, _TRAP_TAIL = "case $?:$1 in *:|12[67]:*) ", ";; esac"
_NULL_COMMAND = ":; "


def parse_former_command(name: str, schedule: str, text: str) -> Job | None:
    """The job that an earlier version wrote as this command part; None if it is none of ours."""
    rest = Rest(text)
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
    """The command in a trap's text, and what ends the trap's first part."""
    if trap.startswith(_TRAP_HEAD) and trap.endswith(_TRAP_TAIL):
        return trap[len(_TRAP_HEAD) : -len(_TRAP_TAIL)], "set -- started; "
    return trap, "trap - EXIT; "
