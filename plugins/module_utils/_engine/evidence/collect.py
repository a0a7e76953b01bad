# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence out of what is kept: manifests of backups, ended runs, the jobs' records. Pure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ..backups.catalog.entry import Entry
from ..backups.catalog.record_text import format_time
from ..environment.records import Record
from ..environment.runs_log import RunEntry
from ..health.report.days import proof, restore_seconds
from ..text.one_line import one_line
from ..version import VERSION
from .shape import FORMAT, AlertEvidence, BackupEvidence, DeletionEvidence, Evidence, RunEvidence

_LIMITS = (
    "Backups are those that are kept; of one that was removed since, the run that took it is there.",
    "Runs are those of scheduled jobs, and of jobs that somebody started with their record; what else was typed by hand is not recorded.",
    "Of alerts, the newest message of each job is kept, and the count of those that no channel took.",
    "The key says who has signed this, not that the host's records were not altered before.",
)


@dataclass(frozen=True)
class Found:
    """What an environment has kept; since and until in seconds since 1970, oldest_run None where there is no run at all."""

    environment: str
    host: str
    since: float
    until: float
    entries: Sequence[Entry]
    runs: Sequence[RunEntry]
    records: Sequence[Record]
    undelivered: int
    oldest_run: float | None


def evidence(found: Found) -> Evidence:
    """The evidence of what lies between since and until."""
    limits = list(_LIMITS)
    if found.oldest_run is None or found.oldest_run > found.since:
        first = (
            "none is" if found.oldest_run is None else f"the oldest is of {moment(found.oldest_run)}, none before it is"
        )
        limits.append(f"Of runs {first} recorded.")
    return Evidence(
        format=FORMAT,
        environment=found.environment,
        host=found.host,
        made_at=moment(found.until),
        since=moment(found.since),
        until=moment(found.until),
        version=VERSION,
        python=".".join(map(str, sys.version_info[:3])),
        backups=[_backup(each) for each in found.entries if found.since <= each.started.timestamp() <= found.until],
        runs=[_run(each) for each in found.runs if found.since <= each["start"] <= found.until],
        alerts=[_alert(each) for each in found.records if each.runs_total or each.alert.sent],
        undelivered_messages=found.undelivered,
        limits=limits,
    )


def moment(seconds: float) -> str:
    """The time in UTC, to the second."""
    return format_time(datetime.fromtimestamp(seconds, timezone.utc))


def _backup(entry: Entry) -> BackupEvidence:
    manifest = entry.manifest
    return BackupEvidence(
        file=entry.path,
        name=entry.name,
        database=entry.database,
        started=moment(entry.started.timestamp()),
        finished=moment(entry.finished.timestamp()),
        bytes=entry.size,
        sha256=entry.sha256,
        format=entry.format,
        proof="unproven" if entry.problem else proof(entry),
        proven_at=moment(entry.verified_at.timestamp()) if entry.verified_at else None,
        restore_seconds=restore_seconds(entry) or None,
        pinned=entry.pinned,
        problem=one_line(entry.problem),
        server_version=manifest.source.server_version if manifest and manifest.source else "",
        made_by_version=entry.written.engine_version if entry.written else "",
    )


def _run(run: RunEntry) -> RunEvidence:
    deletions = [
        DeletionEvidence(policy=name, due=int(rows[0]), done=int(rows[1]))
        for name, rows in sorted(run.get("policies", {}).items())
    ]
    return RunEvidence(
        job=run["job"],
        run=str(run.get("run", "")),
        started=moment(run["start"]),
        seconds=float(run["seconds"]),
        status=int(run["status"]),
        message=one_line(str(run.get("message", ""))) if run["status"] else "",
        numbers={name: float(value) for name, value in run.get("result", {}).items()},
        deletions=deletions,
    )


def _alert(record: Record) -> AlertEvidence:
    return AlertEvidence(
        job=record.name,
        sent=moment(record.alert.sent) if record.alert.sent else None,
        delivered=record.alert.delivered,
        reason=one_line(record.alert.reason),
        failures_in_a_row=record.failures,
        last_success=moment(record.last_success) if record.last_success else None,
    )
