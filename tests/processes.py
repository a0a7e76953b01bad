# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that tests start: forked children that never come back into the test, and an end for whatever is left.

Run as a program (processes.py MARK [DIRECTORY]), it waits until its standard input ends, which is when the process that started
it is gone, however it ended; then it kills every process whose environment has the mark in PATH, and removes the directory.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def forked(work: Callable[[], object]) -> Iterator[int]:
    """Do the work in a forked process, whose number is given; it is killed and reaped at the end of the block.

    Whatever the work raises, the child ends with status 70 and its traceback on standard error: it never returns into
    the test, whose fixtures and connections are its parent's. It does not outlive its parent either.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == parent:
                work()
                status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stderr.flush()
            os._exit(status)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def ended(pid: int, limit: float = 240) -> int:
    """Wait for the child; return its exit status, or minus the signal that ended it.

    Raises:
        AssertionError: if it still runs after limit seconds.
    """
    end = time.monotonic() + limit
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        assert time.monotonic() < end, f"the child {pid} still runs after {limit} s"
        time.sleep(0.01)


def end_of(work: Callable[[], object], limit: float = 240) -> int:
    """Do the work in a forked process; return its exit status, or minus the signal that ended it."""
    with forked(work) as pid:
        return ended(pid, limit)


def mark_this_process(directory: str = "") -> None:
    """From now on what this process starts is killed when it has ended, also what has left its session; then the directory goes.

    The mark is a directory that does not exist, at the end of PATH: programs of ours hand little else on to what they start.
    """
    mark = f"/nonexistent/titan-test-{uuid.uuid4().hex}"
    unmarked = dict(os.environ)
    reading, writing = os.pipe()  # its writing end is this process's alone: closed when it ends, by whatever
    os.environ["PATH"] = f"{unmarked.get('PATH', os.defpath)}:{mark}"
    subprocess.Popen(
        [sys.executable, "-I", __file__, mark, directory],
        stdin=reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=unmarked, cwd="/", start_new_session=True,
    )  # fmt: skip
    os.close(reading)
    os.set_inheritable(writing, False)


def marked(mark: str) -> list[int]:
    """Numbers of the processes that carry the mark, as far as this user may see them."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(name) != os.getpid() and mark.encode() in Path(f"/proc/{name}/environ").read_bytes():
                found.append(int(name))
    return found


def in_session(leader: int) -> list[int]:
    """Numbers of the processes in the session that this one began."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()[3]) == leader:
                found.append(int(name))
    return found


def kill_what_is_left(mark: str) -> None:
    for _attempt in range(50):
        left = marked(mark)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    kill_what_is_left(sys.argv[1])
    for directory in filter(None, sys.argv[2:]):
        shutil.rmtree(directory, ignore_errors=True)
