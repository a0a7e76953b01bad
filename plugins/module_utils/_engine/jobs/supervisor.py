# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a piece of work in a process group of its own, with a time limit, and pass on its output."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Callable, cast

from ..environment.results import JobResult
from ..host.limits import refusal
from ..host.programs import run
from ..text.json_kinds import parsed

# A group that was told to end gets this long before it is killed.
KILL_AFTER = 4.0
_OUTPUT_LIMIT = 1_000_000
_LINE_LIMIT = 65_536
_DRAIN_SECONDS = 2.0  # seconds; whoever left the group may hold the pipe, and may never be silent


@dataclass(frozen=True)
class Ended:
    """How the work ended.

    Attributes:
        exit_status: 124 after the time limit, 128 + n after signal n.
        data: What the work returned; empty if it did not come that far.
        why: "timeout", "signal" (this process was told to end) or "".
    """

    exit_status: int
    data: JobResult
    why: str = ""


def supervise(
    work: Callable[[], tuple[int, JobResult]], timeout: float, nice: int, on_line: Callable[[str], None]
) -> Ended:
    """Run work in a child process (a session of its own) and pass each line it prints to on_line.

    The whole process group gets SIGTERM at the time limit or when this process is told to end, and SIGKILL
    afterwards. Output beyond 1 MB is dropped. A lock held by this process stays held while the child lives.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    returned = os.memfd_create("titan-db result")
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_child(work, writer, returned, nice)
    os.close(writer)
    if nice:
        _lower_io_priority(child)
    with _termination_signals() as received:
        why = _pass_on_lines(child, reader, on_line, time.monotonic() + timeout, received)
        status = _reap(child, why)
    with os.fdopen(returned, "rb") as stream:
        stream.seek(0)
        raw = stream.read()
    os.close(reader)
    try:
        data = parsed(raw)
    except ValueError:
        data = {}
    return Ended(
        {"timeout": 124, "signal": 143}.get(why, status), cast(JobResult, data) if isinstance(data, dict) else {}, why
    )


def _run_child(work: Callable[[], tuple[int, JobResult]], writer: int, returned: int, nice: int) -> None:
    """In the child: work, hand over the result, and leave without running anybody's exit handlers."""
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os.nice(nice)
        status, data = work()
        sys.stdout.flush()
        sys.stderr.flush()
        with os.fdopen(returned, "wb", closefd=False) as stream:
            stream.write(json.dumps(data, default=str).encode())
    except BaseException as error:  # whatever it is, the parent must know of it
        os.write(2, f"{refusal(error) or traceback.format_exc()}\n".encode())
    finally:
        os._exit(status)


def _pass_on_lines(
    child: int, reader: int, on_line: Callable[[str], None], deadline: float, received: list[int]
) -> str:
    """Pass lines on until the child has ended and is silent; return why it had to be stopped, if it had."""
    why, pending, left, ended_at = "", b"", _OUTPUT_LIMIT, float("inf")
    while True:
        ended_at = (
            min(ended_at, time.monotonic()) if _has_ended(child) else ended_at
        )  # asked first: then all it wrote is there to read
        ready, _writes, _errors = select.select([reader], [], [], 0.2)
        if time.monotonic() > ended_at + (_DRAIN_SECONDS if ready else 0.0):
            break
        if ready:
            piece = os.read(reader, 65536)
            if not piece:
                break
            pending += piece
            *lines, pending = pending.split(b"\n")
            while len(pending) > _LINE_LIMIT:  # a line of this length is passed on in parts
                lines.append(pending[:_LINE_LIMIT])
                pending = pending[_LINE_LIMIT:]
            for line in lines:
                if 0 < left <= len(line):
                    on_line(f"(output beyond {_OUTPUT_LIMIT} bytes is dropped)")
                if left > len(line):
                    on_line(line.decode("utf-8", errors="replace"))
                left = max(0, left - len(line) - 1)
        if not why and ended_at == float("inf") and (received or time.monotonic() > deadline):
            why = "signal" if received else "timeout"
            _signal_group(child, signal.SIGTERM)
            deadline = time.monotonic() + KILL_AFTER
        elif why and time.monotonic() > deadline:
            _signal_group(child, signal.SIGKILL)
            deadline = time.monotonic() + KILL_AFTER
    if pending and left:
        on_line(pending.decode("utf-8", errors="replace"))
    return why


def _has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _reap(child: int, why: str) -> int:
    """Wait for the child, end what is left of its group, return the exit status as a shell counts it."""
    deadline = time.monotonic() + (KILL_AFTER if why else float("inf"))
    while not _has_ended(child):
        if time.monotonic() > deadline:
            _signal_group(child, signal.SIGKILL)
        time.sleep(0.05)
    _signal_group(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _signal_group(child: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody is left, or only a zombie
        os.killpg(child, number)


def _lower_io_priority(child: int) -> None:
    """Lowest best-effort disk priority, where the program for it is there."""
    with suppress(OSError):
        run(["ionice", "-c", "2", "-n", "7", "-p", str(child)], capture_output=True)


@contextmanager
def _termination_signals() -> Iterator[list[int]]:
    """Collect SIGTERM, SIGINT and SIGHUP instead of dying of them."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
