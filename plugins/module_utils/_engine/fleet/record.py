# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an environment tells of itself for the page of all environments. The shapes are what travels and is kept as JSON."""

from __future__ import annotations

from typing import TypedDict


class Finding(TypedDict):
    """A check that is not ok; fix is the command that helps, or ""."""

    name: str
    status: str
    message: str
    fix: str


class Reached(TypedDict):
    """A recovery point or time beside its target, in seconds; None: unknown, or no target.

    now is what a disaster at the moment of asking would cost, worst the most of the trend. trend has, of a recovery point, the
    worst of each of the last days (the oldest first), of a recovery time what each timed restore took.
    """

    now: float | None
    worst: float | None
    target: float | None
    trend: list[float | None]


class EnvironmentRecord(TypedDict):
    """An environment at one moment; times in seconds since 1970, size in bytes (None: the database could not be asked)."""

    environment: str
    host: str
    database: str
    asked_at: float
    version: str
    state: str
    findings: list[Finding]
    size: int | None
    recovery_point: Reached
    recovery_time: Reached
    proven_at: float | None
    backups: int
    runs: int
    failed_runs: int


class Kept(TypedDict):
    """What the site keeps of a host.

    record is the newest that it told (None: never any), page_at the time of its page (0: there is none), failed_since the first of
    the tries that failed since then (0: the newest try did not), why that was.
    """

    name: str
    record: EnvironmentRecord | None
    page_at: float
    failed_since: float
    why: str
