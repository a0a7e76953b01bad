# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of ended runs of an environment's jobs, one JSON object a line; the oldest lines go when it becomes too long."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from ..host.files import published
from ..host.safe_open import UnsafePathError, open_file, read_file
from ..text.json_kinds import are_like, is_number, parsed

RUNS = "runs.jsonl"  # its name in the state directory

_KEPT_RUNS = 1500  # the newest, of whatever jobs
_KEPT_OF_A_JOB = 800  # before those: two years of a nightly job; health alone would push it out within weeks
_MOST_RUNS, _MOST_BYTES = 10_000, 4_500_000  # what is more is cut down to half


class _EndedRun(TypedDict):
    job: str
    run: str
    start: float
    seconds: float
    status: int
    message: str


class RunEntry(_EndedRun, total=False):
    """One ended run in the log of runs; start in seconds since 1970.

    Later additions, which older lines lack: result has the run's numbers by the names of their metrics, policies the rows
    (due, deleted or marked) of a clean-up's policies.
    """

    result: dict[str, float]
    policies: dict[str, list[int]]


# An example of what is written, by which a damaged line is told.
_RUN = {**_EndedRun(job="", run="", start=0.0, seconds=0.0, status=0, message=""), "result": {}}


def add_run(path: str, entry: RunEntry) -> None:
    """Append one line to the log of runs; the oldest lines go."""
    descriptor = open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    with os.fdopen(descriptor, "ab+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        cut_off = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # the host has died meanwhile
        stream.write(b"\n" * cut_off + json.dumps(entry, sort_keys=True).encode() + b"\n")
        stream.flush()
        stream.seek(max(0, size - 2 * _MOST_BYTES))
        lines = stream.read().decode("utf-8", "replace").splitlines(keepends=True)
        if len(lines) > _MOST_RUNS or sum(map(len, lines)) > _MOST_BYTES:
            with published(path, 0o600, label="state") as smaller:
                smaller.write("".join(_kept(lines)).encode())


def runs_since(path: str, since: float) -> list[RunEntry]:
    """The ended runs that started at or after the moment."""
    try:
        lines = read_file(path).decode("utf-8", "replace").splitlines()
    except (OSError, UnsafePathError):
        return []
    found: list[RunEntry] = []
    for line in lines:
        try:
            entry = parsed(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and _is_run(entry) and entry.get("start", 0) >= since:
            found.append(cast(RunEntry, entry))
    return found


def _is_run(entry: Mapping[str, Any]) -> bool:
    policies = entry.get("policies", {})
    return (
        are_like(entry, _RUN)
        and isinstance(policies, dict)
        and all(isinstance(counts, list) and all(map(is_number, counts)) for counts in policies.values())
    )


def _kept(lines: Sequence[str]) -> list[str]:
    """The lines of the log that stay: half of what may be there, the newest of all jobs, and more of those that seldom run."""
    counts: dict[str, int] = {}
    kept: list[str] = []
    size = 0
    for number, line in enumerate(reversed(lines)):
        try:
            job = str(parsed(line)["job"])
        except (ValueError, KeyError, TypeError):
            continue
        counts[job] = counts.get(job, 0) + 1
        if number < _KEPT_RUNS or counts[job] <= _KEPT_OF_A_JOB:
            kept.append(line)
            size += len(line)
        if len(kept) >= _MOST_RUNS // 2 or size > _MOST_BYTES // 2:
            break
    return kept[::-1]
