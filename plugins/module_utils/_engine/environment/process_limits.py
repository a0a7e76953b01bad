# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the limits of this process, which are those of the jobs, leave them enough (setrlimit(2))."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from .config import Environment
from .records import StateDirectory

# name in limits.d: what getrlimit calls it, what a job needs at least, and how it is said
_LEAST = {
    "fsize": (resource.RLIMIT_FSIZE, 32 << 20, "files may not become larger than {0:,} bytes"),
    "nofile": (resource.RLIMIT_NOFILE, 128, "a process may not open more than {0:,} files"),
    "as": (resource.RLIMIT_AS, 768 << 20, "a process may not have more than {0:,} bytes of address space"),
    "data": (resource.RLIMIT_DATA, 192 << 20, "a process may not have more than {0:,} bytes of data"),
    "stack": (resource.RLIMIT_STACK, 1 << 20, "a process may not have more than {0:,} bytes of stack"),
}
_PROCESSES = 32  # beside those that the user has: a drill's server, parallel programs, and what they start


def too_tight(environment: Environment) -> Iterator[tuple[str, str]]:
    """Each limit that ends a job, as its name in limits.d and a clause."""
    for name, (number, least, words) in _LEAST.items():
        limit = _soft(number)
        if limit is not None and limit < least:
            yield name, f"{words.format(limit)}, and {least:,} are needed"
    yield from _larger_logs(environment)
    processes, seconds = _soft(resource.RLIMIT_NPROC), _soft(resource.RLIMIT_CPU)
    if processes is not None and processes < _PROCESSES + (running := _running()):
        yield "nproc", f"the user may not have more than {processes:,} processes, and {running} run now"
    if seconds is not None:
        yield from _longer_jobs(environment, seconds)


def _soft(number: int) -> int | None:
    """The limit in force; None for none."""
    soft, _hard = resource.getrlimit(number)
    return None if soft == resource.RLIM_INFINITY else soft


def _larger_logs(environment: Environment) -> Iterator[tuple[str, str]]:
    limit = _soft(resource.RLIMIT_FSIZE)
    if limit is None or limit < _LEAST["fsize"][1]:
        return
    for log in dict.fromkeys(plan.log for plan in environment.jobs.values() if plan.log):
        if os.path.isfile(log) and os.path.getsize(log) + (1 << 20) > limit:
            yield "fsize", f"files may not become larger than {limit:,} bytes, and {log} nearly is"


def _longer_jobs(environment: Environment, seconds: int) -> Iterator[tuple[str, str]]:
    records = StateDirectory(environment.state_dir)
    for name, plan in environment.jobs.items():
        took = records.record(name).duration if plan.expression is not None else 0.0
        if took > seconds:
            yield "cpu", f"a process may compute for {seconds:,} s, and the job {name} took {took:,.0f} s"


def _running() -> int:
    """How many processes and threads this user has, as the limit counts them."""
    own, found = os.getuid(), 0
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{number}").st_uid == own:
                found += len(os.listdir(f"/proc/{number}/task"))
        except OSError:
            continue
    return found
