# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that starts other programs: from an argument list, never through a shell."""

from __future__ import annotations

import os
import signal
import subprocess
import weakref
from collections.abc import Sequence
from typing import Any

from ..errors import TitanError


class TimedOutError(TitanError):
    """A program that took longer than it may."""

    def __init__(self, program: str, seconds: float) -> None:
        super().__init__(f"{os.path.basename(program)} did not end within {seconds:.0f} seconds and was killed.")


_started: weakref.WeakSet[subprocess.Popen[Any]] = weakref.WeakSet()


def run(
    arguments: Sequence[str], *, input: Any = None, capture_output: bool = False, timeout: float | None = None, **options: Any
) -> subprocess.CompletedProcess[Any]:  # fmt: skip
    """As subprocess.run, with no standard input unless one is given; the caller looks at the status.

    What was started is known to whoever ends the run, and is killed with all that it has started when the time is over.

    Raises:
        OSError: it cannot be started.
        TimedOutError: it was killed after timeout seconds.
    """
    if input is not None:
        options["stdin"] = subprocess.PIPE
    if capture_output:
        options.update(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with start(arguments, **options) as process:
        try:
            stdout, stderr = process.communicate(input, timeout)
        except subprocess.TimeoutExpired as error:
            kill_tree(process.pid)
            raise TimedOutError(arguments[0], timeout or 0) from error
        except BaseException:
            kill_tree(process.pid)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def start(arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """subprocess.Popen with no standard input unless one is given."""
    options.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen(list(arguments), **options)  # pylint: disable=ansible-bad-function
    _started.add(process)
    return process


def running_programs() -> list[subprocess.Popen[Any]]:
    """The programs that start() has started and that were not seen to end."""
    return [process for process in list(_started) if process.returncode is None]


def run_until(arguments: Sequence[str], limit: float | None, **options: Any) -> int:
    """Run the program and return its status; killed with all that it has started after limit seconds (None: never)."""
    with start(arguments, **options) as process:
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            kill_tree(process.pid)
            return process.wait()
        except BaseException:
            kill_tree(process.pid)
            raise


def kill_tree(pid: int) -> None:
    """Kill a process and all that it has started: a script's child would hold its pipes open and outlive it.

    They stay in our process group, so that whoever ends the group ends them, too.
    """
    parents: dict[int, list[int]] = {}
    for item in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{item}/stat", "rb") as stream:
                parent = int(stream.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        parents.setdefault(parent, []).append(int(item))
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        waiting += parents.get(one, [])
        try:
            os.kill(one, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
