# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the report as a file: what goes into it, and where it is written."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ..errors import OptionError
from ..host.clock import host_zone
from ..host.files import published
from ..host.named_file import named_by
from .places import Places
from .report.days import BackupRecords, backup_days, backup_runs
from .report.facts import PageFacts
from .report.schema import SchemaFacts
from .report.statistics import Snapshot, TableRow, a_week_ago

_TWO_YEARS = 2 * 366 * 86400.0


def check_place(path: str) -> None:
    """Refuse before anything is read what could not be written to afterwards.

    Raises:
        OptionError: a directory, or nothing that is in one.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(folder):
        wrong = "It is a directory." if os.path.isdir(path) else f"The directory {folder} is not there."
        raise OptionError("html", path, f"{wrong} Name a file in a directory that exists.")


def write_page(path: str, content: str) -> None:
    """Replace the file by the page; readable by its owner and group only, since it names tables, jobs and paths.

    Raises:
        OptionError: it cannot be written.
    """
    with named_by("html", path), published(path, 0o640, label="page") as stream:
        stream.write(content.encode("utf-8", "replace"))


def page_facts(
    places: Places, snapshot: Snapshot, tables: Sequence[TableRow], health: Mapping[str, Any], schema: SchemaFacts
) -> PageFacts:
    """The facts of the page: the snapshot, what health found, what was read of the schema, and the records of the jobs."""
    environment, now = places.environment, datetime.fromtimestamp(snapshot.now, timezone.utc)
    runs = places.state.runs(snapshot.now - _TWO_YEARS) if places.state else []
    plans = tuple(environment.jobs.values()) if environment else ()
    records = BackupRecords(snapshot.backups, backup_runs(runs, plans), plans, host_zone()[0])
    return PageFacts(
        environment=environment.name if environment else "",
        host=socket.gethostname(),
        database=snapshot.database,
        now=now,
        size=snapshot.size,
        tables=tables,
        checks=health["checks"],
        not_checked=health["not_checked"],
        knows_backups=snapshot.knows_backups,
        entries=snapshot.backups,
        days=backup_days(records, now),
        runs=runs,
        plans=plans,
        samples=snapshot.history.get("samples", []),
        earlier=a_week_ago(snapshot),
        schema=schema,
        hidden=places.state.hidden_by() if places.state else "",
        typed=environment.typed if environment else "titan-db {}".format,
        backup_place=places.backup_dest,
        measured=snapshot.measured,
        rehearsed=snapshot.rehearsed,
    )
