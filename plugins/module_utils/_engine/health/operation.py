# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations behind the module health and the command's words health and stats."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..backups.catalog.entry import Entry
from ..backups.catalog.read import read_catalog
from ..environment.config import Environment, read_environment
from ..environment.records import StateDirectory
from ..errors import DatabaseError, OptionError, TitanError
from ..host.clock import host_zone
from ..jobs.programs import broken_copies, copies
from ..migrations.history.known_files import PendingStatus
from ..outcome import Call, Outcome
from ..postgres.database import connect
from .archiving import archiving_checks, read_archiving
from .checks import (
    JobFacts,
    age_limits,
    backup_checks,
    database_checks,
    disk_checks,
    job_checks,
    migration_checks,
    program_checks,
    reachable,
    typed,
    unreachable,
)
from .facts import DatabaseFacts, read_due_rows, read_facts, read_migrations, read_tables
from .statistics import Snapshot, stats_report
from .texts import health_text
from .thresholds import OFF, UNKNOWN, WORDS, Check, thresholds_from_options, worst


@dataclass(frozen=True)
class Places:
    """Where the evidence lies: the environment's records and the backups; either may be unknown."""

    environment: Environment | None
    state: StateDirectory | None
    backup_dest: str
    backup_name: str | None


def health_info(call: Call) -> Outcome:
    """Measure everything, compare with the thresholds, change nothing (but the samples of slow statements).

    The result's status is ok, warning, critical or unknown; exit_status is 0, 1, 2 or 3 accordingly.

    Raises:
        OptionError: a threshold or the job configuration cannot be used.
    """
    limits = thresholds_from_options(call.options.get("thresholds"))
    places = _places(call.options)
    now, zone = datetime.now(timezone.utc), host_zone()[0]
    scheduled = age_limits(list(places.environment.jobs.values()), now, zone) if places.environment else None
    for name in ("backup_age", "verified_backup_age"):
        if scheduled and (call.options.get("thresholds") or {}).get(name) is None:
            limits[name] = scheduled
    checks: list[Check] = []
    facts: DatabaseFacts | None = None
    migrated: PendingStatus | str | None = None
    archiving: tuple[float, str] | None = None
    try:
        with connect(call.connection, "health") as database:
            facts = read_facts(database, call.options["slow_query_seconds"])
            archiving = read_archiving(database)
            migrated = read_migrations(database, places.state.path_of("migrations.json")) if places.state else None
    except DatabaseError as error:
        checks.append(unreachable(error.message))
    if facts:
        slow = _slow_in_last_hour(places.state, facts, now, call.check_mode)
        checks += [reachable(call.connection.place()), *database_checks(facts, slow, limits)]
        checks += archiving_checks(archiving, limits)
        checks += migration_checks(migrated, limits, places.environment.name if places.environment else "")
    if places.backup_dest:
        checks += _backup_checks(places.backup_dest, places.backup_name, now, limits)
    if places.environment and places.state:
        jobs = _job_facts(places.environment, places.state)
        checks += job_checks(jobs, places.environment.installed, now, zone, limits)
        broken = broken_copies(places.environment)
        checks += program_checks(len(copies(places.environment)), broken, limits, places.environment.name)
    checks += disk_checks(_disk_usage(places, facts), limits)
    if places.environment:
        checks = typed(checks, places.environment.command, places.environment.config_path)
    return _health_outcome([check for check in checks if limits.get(check.name) != OFF])


def _backup_checks(
    dest: str, name: str | None, now: datetime, limits: Mapping[str, tuple[float, float]]
) -> list[Check]:
    """Unknown when the catalog cannot be read, such as that of a repository out of reach: the other checks are still told."""
    try:
        return backup_checks(read_catalog(dest, name), now, limits, dest)
    except OptionError:
        raise
    except TitanError as error:
        return [
            Check(each, UNKNOWN, None, error.message, "titan-db list") for each in ("backup_age", "verified_backup_age")
        ]


def _health_outcome(checks: list[Check]) -> Outcome:
    status = worst(checks)
    bad = [check.name for check in checks if check.status]
    summary = f"{WORDS[status]}: " + (", ".join(bad) if bad else f"all {len(checks)} checks")
    data = {
        "checks": [check.as_data() for check in checks],
        "status": WORDS[status],
        "exit_status": status,
        "report": health_text(checks),
    }
    return Outcome(changed=False, data=data, summary=summary)


def _places(options: Mapping[str, Any]) -> Places:
    environment = read_environment(options["job_config"]) if options.get("job_config") else None
    backup = environment.options.get("backup", {}) if environment else {}
    return Places(
        environment,
        StateDirectory(environment.state_dir) if environment else None,
        str(options.get("backup_dest") or backup.get("dest") or ""),
        options.get("backup_name") or backup.get("name") or None,
    )


def _job_facts(environment: Environment, state: StateDirectory) -> list[JobFacts]:
    return [JobFacts(plan, state.record(name), state.running(name)) for name, plan in environment.jobs.items()]


def _slow_in_last_hour(state: StateDirectory | None, facts: DatabaseFacts, now: datetime, check_mode: bool) -> int:
    """Distinct slow statements seen within the last hour: a sample at each call, so a lower bound."""
    seen = {f"{pid}:{started:.3f}": now.timestamp() for pid, started in facts.slow}
    if state is None:
        return len(seen)
    kept = {key: at for key, at in state.read("slow.json").items() if now.timestamp() - float(at) < 3600}
    merged = {**kept, **seen}
    if not check_mode and (merged or kept) and state.ours():
        state.write("slow.json", merged)
    return len(merged)


def _disk_usage(places: Places, facts: DatabaseFacts | None) -> dict[str, float]:
    """Percent used, by path, of the file systems that must not fill up and are on this machine."""
    found = {}
    paths = [places.backup_dest, facts.data_directory if facts else "", places.state.path if places.state else ""]
    for path in filter(None, paths):
        try:
            usage = shutil.disk_usage(path)
        except OSError:
            continue
        found[path] = 100.0 * usage.used / (usage.used + usage.free) if usage.used + usage.free else 0.0
    return found


def stats(call: Call) -> Outcome:
    """The statistics report: tables, rows, due rows, sizes, growth, backups and their proof, jobs.

    The sizes are remembered in the state directory (when there is one), so that the next report can tell the growth.
    """
    places = _places(call.options)
    with connect(call.connection, "stats") as database:
        tables = read_tables(database)
        due, due_unknown = read_due_rows(database)
        name = str(database.value("SELECT current_database()"))
        size = int(database.value("SELECT pg_database_size(current_database())"))
    now = time.time()
    entries: list[Entry] = read_catalog(places.backup_dest, places.backup_name) if places.backup_dest else []
    history = places.state.read("stats.json") if places.state else {}
    runs = places.state.runs(now - 7 * 86400) if places.state else []
    snapshot = Snapshot(
        name, size, tuple(tables), due, tuple(entries), tuple(runs), history, now, bool(places.backup_dest), due_unknown
    )
    report, data = stats_report(snapshot, call.options["top"])
    if places.state and not call.check_mode and (places.state.ours() or not os.path.exists(places.state.path)):
        places.state.write("stats.json", _remember(history, snapshot))
    return Outcome(changed=False, data={**data, "report": report}, summary=report.split("\n", 1)[0])


def _remember(history: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    """Keep a year of weekly sizes."""
    sizes = {row["name"]: int(row["bytes"]) for row in snapshot.tables}
    samples = [*history.get("samples", []), {"at": snapshot.now, "size": snapshot.size, "tables": sizes}]
    return {"samples": samples[-60:]}
