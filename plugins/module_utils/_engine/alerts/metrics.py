# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics for node_exporter's textfile collector: one file for each job. Pure apart from writing it."""

from __future__ import annotations

import glob
import math
import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..environment.records import Record
from ..environment.status import WORDS
from ..host.files import published, remove_file
from ..host.safe_open import UnsafePathError, read_file
from ..version import VERSION

# name -> (type, help)
FAMILIES = {
    "titan_db_info": ("gauge", "Always 1; the labels say which version of titan-db wrote the job's metrics."),
    "titan_db_job_last_start_timestamp_seconds": ("gauge", "When the job last started."),
    "titan_db_job_last_success_timestamp_seconds": ("gauge", "When the job last ended successfully."),
    "titan_db_job_last_duration_seconds": ("gauge", "How long the last ended run took."),
    "titan_db_job_last_exit_status": ("gauge", "Exit status of the last ended run, 0 for success."),
    "titan_db_job_running": ("gauge", "Whether the job runs now."),
    "titan_db_job_timeout_seconds": ("gauge", "How long a run may take, with its waiting for another job."),
    "titan_db_job_interval_seconds": ("gauge", "The longest time between two starts that the schedule allows."),
    "titan_db_job_runs_total": ("counter", "Ended runs."),
    "titan_db_job_failures_total": ("counter", "Failed runs."),
    "titan_db_notification_failures_total": ("counter", "Messages that could not be delivered."),
    "titan_db_backup_size_bytes": ("gauge", "Size of the newest backup."),
    "titan_db_backup_finished_timestamp_seconds": ("gauge", "When the newest backup was finished."),
    "titan_db_backup_verified_level": ("gauge", "Proof of the newest backup: 0 none, 1 checksum, 2 restored."),
    "titan_db_retention_deleted_rows": ("gauge", "Rows that the last clean-up deleted."),
    "titan_db_retention_complete": ("gauge", "Whether the last clean-up deleted all that was due."),
    "titan_db_migrations_pending": ("gauge", "Migrations that the last converge knew and that are not applied."),
    "titan_db_migration_checksum_mismatches": (
        "gauge",
        "Applied migrations whose text was another than the last converge's.",
    ),
    "titan_db_indexes_invalid": ("gauge", "Indexes that a failed build left behind."),
    "titan_db_database_size_bytes": ("gauge", "Size of the database, as the last health check found it."),
    "titan_db_connections_used_ratio": ("gauge", "Sessions as a part (0 to 1) of what server, database or role allow."),
    "titan_db_check_status": ("gauge", "Status of a health check: 0 ok, 1 warning, 2 critical, 3 unknown."),
    "titan_db_check_value": ("gauge", "Measured value of a health check."),
}

# Checks whose value has a family of its own, and what the check's unit is in Prometheus' base unit.
_OF_CHECKS = {
    "invalid_indexes": ("titan_db_indexes_invalid", 1.0),
    "migrations_pending": ("titan_db_migrations_pending", 1.0),
    "checksum_mismatches": ("titan_db_migration_checksum_mismatches", 1.0),
    "database_size": ("titan_db_database_size_bytes", 1e9),
    "connections": ("titan_db_connections_used_ratio", 0.01),
}


@dataclass(frozen=True)
class Sample:
    """One sample of a family."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


def render(samples: Sequence[Sample]) -> str:
    """The exposition text: HELP and TYPE once for each family, families in a fixed order."""
    lines = []
    for name, (kind, about) in FAMILIES.items():
        mine = [sample for sample in samples if sample.name == name]
        if mine:
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{_labels(sample.labels)} {_number(sample.value)}" for sample in mine]
    return "\n".join(lines) + "\n"


def job_samples(
    environment: str,
    record: Record,
    running: bool,
    interval: float,
    failed_messages: float,
    checks: Sequence[Mapping[str, object]] = (),
) -> list[Sample]:
    """The samples of one job's file."""
    labels = (("environment", environment), ("job_name", record.name))
    found = [
        Sample("titan_db_info", (*labels, ("version", VERSION)), 1.0),
        Sample("titan_db_job_last_start_timestamp_seconds", labels, record.last_start),
        Sample("titan_db_job_last_success_timestamp_seconds", labels, record.last_success_end),
        Sample("titan_db_job_last_duration_seconds", labels, record.duration),
        Sample("titan_db_job_last_exit_status", labels, record.exit_status),
        Sample("titan_db_job_running", labels, float(running)),
        Sample("titan_db_job_timeout_seconds", labels, record.timeout),
        Sample("titan_db_job_runs_total", labels, record.runs_total),
        Sample("titan_db_job_failures_total", labels, record.failures_total),
        Sample("titan_db_notification_failures_total", labels, failed_messages),
    ]
    if interval:
        found.append(Sample("titan_db_job_interval_seconds", labels, interval))
    found += [Sample(name, labels, value) for name, value in sorted(record.result.items()) if name in FAMILIES]
    for check in checks:
        extra = (("environment", environment), ("check", str(check["name"])))
        found.append(Sample("titan_db_check_status", extra, WORDS.index(str(check["status"]))))
        if isinstance(check.get("value"), (int, float)):
            found.append(Sample("titan_db_check_value", extra, float(str(check["value"]))))
        if check["name"] in _OF_CHECKS and check.get("value") is not None:
            name, factor = _OF_CHECKS[str(check["name"])]
            found.append(Sample(name, labels[:1], round(float(str(check["value"])) * factor, 6)))
    return found


def write_metrics(directory: str, environment: str, job: str, samples: Sequence[Sample]) -> None:
    """Replace the job's file; mode 0644 before it appears under its name, so that the collector can read it."""
    with published(_path(directory, environment, job), 0o644, label="metrics") as stream:
        stream.write(render(samples).encode())


def remove_metrics(directory: str, environment: str, job: str) -> None:
    """Remove the job's file, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(_path(directory, environment, job))


def _path(directory: str, environment: str, job: str) -> str:
    return os.path.join(directory, re.sub(r"[^A-Za-z0-9_-]", "_", f"titan_db_{environment}_{job}") + ".prom")


def remove_former(directory: str, environment: str, jobs: Collection[str]) -> None:
    """Remove the files of jobs that the environment's schedule no longer has: they would be missed for ever.

    A job that nothing ever scheduled keeps its file: somebody runs it by hand.
    """
    scheduled = re.compile(
        rf'^titan_db_job_interval_seconds{{environment="{re.escape(_escaped(environment))}",job_name="(.*)"}} ', re.M
    )
    kept = {_escaped(job) for job in jobs}
    for path in glob.glob(os.path.join(glob.escape(directory), "titan_db_*.prom")):
        try:
            found = scheduled.search(read_file(path).decode("utf-8", "replace"))
        except UnsafePathError:  # nothing that we wrote
            continue
        if found and found.group(1) not in kept:
            remove_file(path)


def _labels(labels: Sequence[tuple[str, str]]) -> str:
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value) or math.isnan(value):
        return "NaN"
    return str(int(value)) if float(value).is_integer() else repr(float(value))
