# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has run out when the operating system refuses, and where it is set."""

from __future__ import annotations

import errno
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import TitanError

FULL = (errno.ENOSPC, errno.EDQUOT)  # there is no room for another byte
_LIMITS = {
    errno.EFBIG: "a file would become larger than the limit of this process allows (ulimit -f, LimitFSIZE of a service)",
    errno.EMFILE: "this process may not open more files (ulimit -n, LimitNOFILE of a service; 256 are enough)",
    errno.ENFILE: "this host may not open more files (sysctl fs.file-max)",
    errno.EAGAIN: "this user or service may not start more processes or threads (ulimit -u, TasksMax of a service)",
    errno.ENOMEM: "there is no more memory for this process (ulimit -v, MemoryMax of a service)",
    errno.EDQUOT: "the user's disk quota is used up",
}
# How programs word the same, in English.
_WORDED = (
    ("File too large", errno.EFBIG), ("Too many open files", errno.EMFILE), ("insufficient file descriptors", errno.EMFILE),
    ("Cannot allocate memory", errno.ENOMEM), ("out of memory", errno.ENOMEM), ("Disk quota exceeded", errno.EDQUOT),
    ("Resource temporarily unavailable", errno.EAGAIN),
)  # fmt: skip
_NO_MEMORY = f"The operating system refused: {_LIMITS[errno.ENOMEM]}."
_NO_THREAD = (
    f"The operating system refused: there is no memory for another thread (ulimit -v, MemoryMax of a service), or "
    f"{_LIMITS[errno.EAGAIN]}."
)


def reason(error: OSError) -> str:
    """Why the operating system refused, as a clause: the limit and where it is set, or the system's own words."""
    return _LIMITS.get(error.errno or 0) or error.strerror or str(error)


def is_limit(error: OSError) -> bool:
    """Whether a limit of the process, its user or the host is the reason."""
    return error.errno in _LIMITS


def limit_in(said: str) -> str:
    """The limit that a program's message is about, as a clause that says where it is set; empty if it names none."""
    return next((_LIMITS[number] for words, number in _WORDED if words in said), "")


# What Python raises when the operating system refuses something.
REFUSALS = (OSError, MemoryError, RuntimeError)


def refusal(error: BaseException) -> str:
    """The sentence for an error that nobody expected; empty if it is not the operating system that refuses."""
    if isinstance(error, MemoryError):
        return _NO_MEMORY
    if not isinstance(error, OSError):
        return _NO_THREAD if "start new thread" in str(error) else ""
    where = f" {error.filename!r}" if error.filename else ""
    return f"The operating system refused{where}: {reason(error)}."


@contextmanager
def os_errors() -> Iterator[None]:
    """Full disks and read-only directories as sentences."""
    try:
        yield
    except OSError as error:
        raise TitanError(refusal(error)) from error


def ended_by(number: int) -> str:
    """How a signal ended a program, with the limit that the signal stands for."""
    if number == signal.SIGXFSZ:
        return f"was killed by SIGXFSZ: {_LIMITS[errno.EFBIG]}"
    if number == signal.SIGXCPU:
        return "was killed by SIGXCPU: its limit of processor time is used up (ulimit -t, LimitCPU of a service)"
    return f"was killed by signal {number}"


def file_size_limit() -> str:
    """A clause that names the limit for the size of files, if this process has one; else empty."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    return "" if soft == resource.RLIM_INFINITY else f"files may not become larger than {soft:,} bytes (ulimit -f)"
