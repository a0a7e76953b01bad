# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a piece of work in a process group of its own, with a time limit, and hear all that it says."""

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
from typing import Any, Callable

from ..host.programs import run

# A group that was told to end gets this long before it is killed.
KILL_AFTER = 10.0
_OUTPUT_LIMIT = 1_000_000
_LINE_LIMIT = 65_536
_LAST_WORDS = 2.0  # seconds; whoever left the group may hold the pipe, and may never be silent


@dataclass(frozen=True)
class Ended:
    """How the work ended.

    Attributes:
        exit_status: 124 after the time limit, 128 + n after signal n.
        data: What the work returned; empty if it did not come that far.
        why: "timeout", "signal" (this process was told to end) or "".
    """

    exit_status: int
    data: dict[str, Any]
    why: str = ""


def supervise(
    work: Callable[[], tuple[int, dict[str, Any]]], timeout: float, nice: int, heard: Callable[[str], None]
) -> Ended:
    """Run work in a child process (a session of its own) and pass each line it prints to heard.

    The whole process group gets SIGTERM at the time limit or when this process is told to end, and SIGKILL
    afterwards. Output beyond 1 MB is dropped. A lock held by this process stays held while the child lives.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    said, speak = os.pipe()
    returned = os.memfd_create("titan-db result")
    child = os.fork()
    if child == 0:
        os.close(said)
        _work_and_leave(work, speak, returned, nice)
    os.close(speak)
    if nice:
        _be_idle(child)
    with _told_to_end() as told:
        why = _listen(child, said, heard, time.monotonic() + timeout, told)
        status = _reap(child, why)
    with os.fdopen(returned, "rb") as stream:
        stream.seek(0)
        raw = stream.read()
    os.close(said)
    try:
        data = json.loads(raw)
    except ValueError:
        data = {}
    return Ended({"timeout": 124, "signal": 143}.get(why, status), data if isinstance(data, dict) else {}, why)


def _work_and_leave(work: Callable[[], tuple[int, dict[str, Any]]], speak: int, returned: int, nice: int) -> None:
    """In the child: work, hand over the result, and leave without running anybody's exit handlers."""
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(speak, 1)
        os.dup2(speak, 2)
        os.nice(nice)
        status, data = work()
        sys.stdout.flush()
        sys.stderr.flush()
        with os.fdopen(returned, "wb", closefd=False) as stream:
            stream.write(json.dumps(data, default=str).encode())
    except BaseException:  # whatever it is, the parent must hear of it
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _listen(child: int, said: int, heard: Callable[[str], None], deadline: float, told: list[int]) -> str:
    """Pass lines on until the child is gone and silent; return why it had to be stopped, if it had."""
    why, pending, left, gone = "", b"", _OUTPUT_LIMIT, float("inf")
    while True:
        gone = (
            min(gone, time.monotonic()) if _is_gone(child) else gone
        )  # asked first: then all it wrote is there to read
        ready, _writes, _errors = select.select([said], [], [], 0.2)
        if time.monotonic() > gone + (_LAST_WORDS if ready else 0.0):
            break
        if ready:
            piece = os.read(said, 65536)
            if not piece:
                break
            pending += piece
            *lines, pending = pending.split(b"\n")
            while len(pending) > _LINE_LIMIT:  # a line of this length is told in parts
                lines.append(pending[:_LINE_LIMIT])
                pending = pending[_LINE_LIMIT:]
            for line in lines:
                if 0 < left <= len(line):
                    heard(f"(output beyond {_OUTPUT_LIMIT} bytes is dropped)")
                if left > len(line):
                    heard(line.decode("utf-8", errors="replace"))
                left = max(0, left - len(line) - 1)
        if not why and gone == float("inf") and (told or time.monotonic() > deadline):
            why = "signal" if told else "timeout"
            _signal_group(child, signal.SIGTERM)
            deadline = time.monotonic() + KILL_AFTER
        elif why and time.monotonic() > deadline:
            _signal_group(child, signal.SIGKILL)
            deadline = time.monotonic() + KILL_AFTER
    if pending and left:
        heard(pending.decode("utf-8", errors="replace"))
    return why


def _is_gone(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _reap(child: int, why: str) -> int:
    """Wait for the child, end what is left of its group, return the exit status as a shell counts it."""
    deadline = time.monotonic() + (KILL_AFTER if why else float("inf"))
    while not _is_gone(child):
        if time.monotonic() > deadline:
            _signal_group(child, signal.SIGKILL)
        time.sleep(0.05)
    _signal_group(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _signal_group(child: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody is left, or only a zombie
        os.killpg(child, number)


def _be_idle(child: int) -> None:
    """Lowest best-effort disk priority, where the program for it is there."""
    with suppress(OSError):
        run(["ionice", "-c", "2", "-n", "7", "-p", str(child)], capture_output=True)


@contextmanager
def _told_to_end() -> Iterator[list[int]]:
    """Collect SIGTERM, SIGINT and SIGHUP instead of dying of them."""
    told: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
