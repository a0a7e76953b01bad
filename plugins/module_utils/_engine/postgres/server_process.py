# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's process that answers a connection, where it runs on this host: what it has had of the processor, and waited for it.

Linux counts both for each process: clock_getcpuclockid(3), and /proc/PID/schedstat (Documentation/scheduler/sched-stats.rst of the kernel).
"""

from __future__ import annotations

import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from .database import Database

_PEER = struct.Struct("3i")  # process, user, group: unix(7)
_NANO = 1e-9
_STATUS = re.compile(rb"^State:\s+(?P<state>.).*^voluntary_ctxt_switches:\s+(?P<yielded>\d+)", re.MULTILINE | re.DOTALL)


class Usage(NamedTuple):
    """Since the process began.

    Attributes:
        processor: Seconds that it has computed.
        waited: Seconds for which it could have gone on, and others had the processor.
        yielded: How often it has given the processor away by itself: it waited for its client, a disk, or another process.
            Where it still runs, once more: an idle one is about to.
    """

    processor: float
    waited: float
    yielded: int


class ServerProcess:
    """One that runs on this host, in whatever process namespace."""

    def __init__(self, number: int) -> None:
        self._clock = (~number << 3) | 2  # what clock_getcpuclockid makes of it
        self._files: list[int] = []
        for name in ("schedstat", "status"):
            self._files.append(os.open(f"/proc/{number}/{name}", os.O_RDONLY | os.O_CLOEXEC))

    def usage(self) -> Usage:
        """What it has had until now.

        Raises:
            OSError: it has ended.
        """
        waited, status = (os.pread(file, 8192, 0) for file in self._files)
        found = _STATUS.search(status)
        if not found:
            raise ProcessLookupError("the process has ended")
        yielded = int(found["yielded"]) + (found["state"] != b"S")
        return Usage(time.clock_gettime(self._clock), int(waited.split()[1]) * _NANO, yielded)

    def close(self) -> None:
        while self._files:
            os.close(self._files.pop())


@contextmanager
def server_process(database: Database) -> Iterator[ServerProcess | None]:
    """The process that answers this connection, as long as the block runs; None where it is not seen from here."""
    found = find_server_process(database)
    try:
        yield found
    finally:
        if found:
            found.close()


def find_server_process(database: Database) -> ServerProcess | None:
    """The same, to be closed by the caller: of a connection through a Unix socket, and not through a pooler."""
    try:
        with socket.socket(fileno=os.dup(database.raw.fileno())) as ours:
            if ours.family != socket.AF_UNIX:
                return None
            listening = _PEER.unpack(ours.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[0]
        for name in filter(str.isdigit, os.listdir("/proc")):
            if _is(name, listening, database.backend_pid):
                return _usable(int(name))
    except OSError:
        pass
    return None


def _is(name: str, parent: int, number: int) -> bool:
    """Whether it is the child of that process which has this number in its own namespace."""
    with suppress(OSError), open(f"/proc/{name}/status", "rb") as stream:
        text = stream.read()
        above = re.search(rb"^PPid:\s+(\d+)", text, re.MULTILINE)
        numbers = re.search(rb"^NSpid:\s+(.*)$", text, re.MULTILINE)
        return bool(above and numbers and int(above[1]) == parent and int(numbers[1].split()[-1]) == number)
    return False


def _usable(number: int) -> ServerProcess | None:
    found = ServerProcess(number)
    try:
        found.usage()
    except OSError:  # a kernel that does not count it
        found.close()
        return None
    return found


def waited_here() -> float:
    """Seconds for which this thread could have gone on, and others had the processor; 0.0 where nobody counts it."""
    with suppress(OSError, IndexError), open("/proc/thread-self/schedstat", "rb") as stream:
        return int(stream.read().split()[1]) * _NANO
    return 0.0
