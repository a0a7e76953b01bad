# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statistics report: what it is made of, and the operation behind the subcommand stats."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import NamedTuple

from ..backups.catalog.entry import Entry
from ..backups.catalog.read import read_catalog
from ..environment.records import PAGE
from ..host.act_as import acting_for
from ..index_effect.record import FILE, from_json
from ..outcome import Call, Data, Outcome
from ..postgres.database import connect
from ..rehearsal.remembered import FILE as REHEARSED
from ..rehearsal.remembered import from_json as remembered_rehearsal
from ..text.arguments import complete
from .checks.server import STATISTICS_DAYS
from .look import health_info
from .options import HEALTH_INFO
from .page_file import check_place, page_facts, write_page
from .places import Places, places_from_options
from .report.facts import PageFacts
from .report.page import page
from .report.schema import SchemaFacts, read_schema
from .report.statistics import Snapshot, history_from_json, remembered, stats_report
from .report.tables import read_due_rows, read_tables

SAMPLES = "report-samples.json"  # in the state directory: the sizes that earlier reports found
_FORMER_SAMPLES = "stats.json"  # which is the record of a job of that name


class Gathered(NamedTuple):
    """What a report is made of: the snapshot, its text, the same as data, and the facts of the page where one is wanted."""

    snapshot: Snapshot
    report: str
    data: Data
    facts: PageFacts | None


def gather(call: Call, places: Places, top: int, *, with_page: bool) -> Gathered:
    """Ask the database, the backups and the records; with_page: also health and what only the page shows.

    Raises:
        DatabaseError: the server cannot be asked.
    """
    with connect(call.connection, "stats") as database:
        tables = read_tables(database)
        due, due_unknown = read_due_rows(database)
        name = str(database.value("SELECT current_database()"))
        size = int(database.value("SELECT pg_database_size(current_database())"))
        schema = read_schema(database, STATISTICS_DAYS) if with_page else SchemaFacts()
    now = time.time()
    history = history_from_json(
        (places.state.read(SAMPLES) or places.state.read(_FORMER_SAMPLES)) if places.state else {}
    )
    runs = places.state.runs(now - 7 * 86400) if places.state else []
    entries = kept_backups(places)
    measured = from_json(places.state.read(FILE)) if places.state else None
    rehearsed = remembered_rehearsal(places.state.read(REHEARSED)) if places.state else None
    snapshot = Snapshot(
        name, size, tuple(tables), due, tuple(entries), tuple(runs), history, now, bool(places.backup_dest), due_unknown, measured,
        rehearsed,
    )  # fmt: skip
    report, data = stats_report(snapshot, top)
    facts = page_facts(places, snapshot, data["tables"], look(call, places), schema) if with_page else None
    return Gathered(snapshot, report, data, facts)


def kept_backups(places: Places) -> list[Entry]:
    """The backups in their directory, the newest first; none where no directory is known."""
    with acting_for([places.backup_dest]):
        return read_catalog(places.backup_dest, places.backup_name) if places.backup_dest else []


def look(call: Call, places: Places) -> Data:
    """What health finds now, by the thresholds of its job; nothing is remembered of this look."""
    own = places.environment.options.get("health", {}) if places.environment else {}
    given = {name: call.options.get(name) for name in ("backup_dest", "backup_name", "job_config")}
    known = {name: value for name, value in own.items() if name in HEALTH_INFO}
    return health_info(Call(complete({**known, **given}, HEALTH_INFO), call.settings, check_mode=True)).data


def stats(call: Call) -> Outcome:
    """The statistics report: tables, rows, due rows, sizes, growth, backups and their proof, jobs.

    The sizes are remembered in the state directory (when there is one), so that the next report can tell the growth. data's
    page is the path of the page that was written.
    """
    places, target = places_from_options(call.options), call.options.get("html")
    record = places.state.path_of(PAGE) if places.state else ""
    if target and target != record:
        check_place(target)
    found = gather(call, places, call.options["top"], with_page=bool(target))
    data = {**found.data, "report": found.report}
    if target and found.facts and not call.check_mode:
        write_page(target, page(found.facts))
        data["page"] = target
    if places.state and not call.check_mode and (places.state.ours() or not os.path.exists(places.state.path)):
        bad = [check["name"] for check in found.facts.checks if check["status"] != "ok"] if found.facts else None
        history = found.snapshot.history
        with suppress(OSError):  # a full disk, which is a finding of its own: the report is there
            places.state.write(SAMPLES, remembered(history, found.snapshot, bad))
    changed = bool(target) and target != record  # a page among the records is one of them
    return Outcome(changed=changed, data=data, summary=found.report.split("\n", 1)[0])
