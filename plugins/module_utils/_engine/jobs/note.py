# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end of a job's line tells: a run that could not start, or that was killed before it could tell of its end."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from ..environment.config import Environment, JobPlan
from ..environment.records import StateDirectory
from ..errors import TitanError
from ..host.env_file import check_against_shell
from ..host.safe_open import UnsafePathError, open_file
from .lines import not_today, own_line
from .programs import broken_copies
from .run import note_failure

# The shell's statuses for what cannot be executed, and what cannot be found.
_NO_PROGRAM = (126, 127)
_ALREADY_RUNNING = 75


def note_end(environment: Environment, name: str, status: int) -> None:
    """Record and report the line's failure, unless its run has done that itself; status is the shell's.

    Raises:
        TitanError: another user's records.
    """
    plan, state = environment.job(name, name), StateDirectory(environment.state_dir)
    if owner := state.hidden_by():
        raise TitanError(f"The records are those of the user {owner}; run it as {owner}: sudo -u {owner} titan-db ...")
    record = state.record(name)
    if record.line and record.line in own_line():
        if not record.last_end:
            _tell(environment, plan, status, _how_killed(status))
    elif status != _ALREADY_RUNNING and not not_today(plan):
        note_failed_start(environment, name, status)


def note_failed_start(environment: Environment, name: str, status: int) -> None:
    """Record and report that the job's line failed before titan-db could start."""
    plan = environment.job(name, name)
    if name not in environment.jobs:
        reason = f"{environment.config_path} has no such job; its jobs are: {', '.join(environment.jobs) or 'none'}"
    else:
        reason = why_not_started(environment, plan, status)
    _tell(environment, plan, status, f"the job could not start: {reason}")


def why_not_started(environment: Environment, plan: JobPlan, status: int) -> str:
    """What is in the way of the job's line now; where nothing is, where to look."""
    found = broken_copies(environment) if status in _NO_PROGRAM else []
    if plan.log and not _can_append(plan.log):
        found.append(f"its log {plan.log} cannot be written")
    try:
        if environment.env_file:
            check_against_shell(environment.env_file)
    except TitanError as error:
        found.append(error.message.rstrip("."))
    return "; ".join(found) or f"its line ended with status {status}; the log says why"


def _can_append(path: str) -> bool:
    if os.path.exists(path):
        return os.access(path, os.W_OK) and not os.path.isdir(path)
    return os.access(os.path.dirname(path), os.W_OK | os.X_OK)


def _how_killed(status: int) -> str:
    if status <= 128:
        return f"the job ended with status {status} and could not record it; its log says why"
    with suppress(ValueError):
        return f"the job was killed by {signal.Signals(status - 128).name}"
    return f"the job was killed (status {status})"


def _tell(environment: Environment, plan: JobPlan, status: int, message: str) -> None:
    """Tell it, with the lines in the job's log where there is one: the standard output of a line's end is cron's mail."""
    try:
        log = open_file(plan.log, os.O_WRONLY | os.O_APPEND)
    except (OSError, UnsafePathError):
        note_failure(environment, plan.name, status, message)
        return
    try:
        note_failure(environment, plan.name, status, message, out=log)
    finally:
        os.close(log)
