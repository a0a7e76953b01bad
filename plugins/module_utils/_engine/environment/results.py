# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the work of a job hands back, as far as its record, metrics and messages read it."""

from __future__ import annotations

from typing import TypedDict


class CheckRow(TypedDict):
    """One health check; value is the measured number, if it has one."""

    name: str
    status: str
    value: object


class BackupRow(TypedDict, total=False):
    """The new backup; size in bytes."""

    size: int
    verified: object
    verified_level: str


class CleanupRow(TypedDict, total=False):
    """One policy of a clean-up; its rows."""

    policy: str
    due: int
    deleted: int
    marked: int


class JobResult(TypedDict, total=False):
    """The result; each operation has further values of its own. page is the path of a report's page."""

    changed: bool
    message: str
    summary: str
    report: str
    page: str
    state: str
    checks: list[CheckRow]
    backup: BackupRow
    results: list[CleanupRow]
