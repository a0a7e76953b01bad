# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at everything: the database, the backups, the jobs, this host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..environment.records import StateDirectory
from ..environment.status import WORDS
from ..errors import DatabaseError, OptionError
from ..host.clock import host_zone
from ..outcome import Call, Outcome
from ..postgres.database import Database, connect
from ..postgres.disk import data_directory
from ..postgres.throw_away import remove_what_dead_runs_left
from ..text.json_kinds import is_number
from .archived import remember_archived
from .checks.counters import Growth, counter_checks, growth, kept_samples, read_counters
from .checks.definition import Check, NotChecked, worst
from .checks.records import age_limits, migration_checks
from .checks.run import place_of, run_checks
from .checks.server import STATISTICS_DAYS
from .checks.sessions import slow_query_check
from .checks.table import SQL_CHECKS
from .facts import (
    SlowStatement,
    blind_role,
    clock_difference,
    read_migrations,
    read_slow_statements,
    untaken_histories,
)
from .places import Places, backups_of, clock_of, disks_of, jobs_of, kept_of, places_from_options, readiness_of
from .report.texts import as_typed, health_text, reachable, unreachable
from .thresholds import OFF, thresholds_from_options


@dataclass
class _Look:
    """What one look at everything has found so far."""

    places: Places
    limits: dict[str, tuple[float, float]]
    now: datetime
    check_mode: bool
    checks: list[Check] = field(default_factory=list)
    silent: list[NotChecked] = field(default_factory=list)


def health_info(call: Call) -> Outcome:
    """Measure everything, compare with the thresholds, change nothing (but the samples that are kept between two looks, and the
    servers and data of killed runs, which are ended and removed).

    The result's status is ok, warning, critical or unknown; exit_status is 0, 1, 2 or 3 accordingly.

    Raises:
        OptionError: a threshold or the job configuration cannot be used.
    """
    limits = thresholds_from_options(call.options.get("thresholds"))
    if call.options["slow_query_seconds"] < 0:
        raise OptionError("slow_query_seconds", call.options["slow_query_seconds"], "Give a number of seconds.")
    places = places_from_options(call.options)
    if not call.check_mode:
        remove_what_dead_runs_left(places.drill_dirs)
    now, zone = datetime.now(timezone.utc), host_zone()[0]
    scheduled = age_limits(list(places.environment.jobs.values()), now, zone) if places.environment else None
    for name in ("backup_age", "verified_backup_age"):
        if scheduled and (call.options.get("thresholds") or {}).get(name) is None:
            limits[name] = scheduled
    look = _Look(places, limits, now, call.check_mode)
    directory, difference = "", None
    try:
        with connect(call.connection, "health") as database:
            look.checks.append(reachable(call.connection.place()))
            directory, difference = data_directory(database), clock_difference(database)
            _look_at_database(database, look, call.options["slow_query_seconds"])
    except DatabaseError as error:
        look.checks = [unreachable(error.message)]
    look.checks += backups_of(places, now, limits)
    look.checks += kept_of(places, now, limits)
    look.checks += jobs_of(places, now, zone, limits)
    look.checks += readiness_of(places, difference is not None, limits)
    look.checks += clock_of(places, difference, call.record_ahead, now, limits)
    look.checks += disks_of(places, directory, limits)
    return _health_outcome(look)


def _look_at_database(database: Database, look: _Look, slow_seconds: float) -> None:
    database.execute("SET statement_timeout = '60s'; SET lock_timeout = '1s'; SET DateStyle = 'ISO, YMD'")
    place, limits, state = place_of(database), look.limits, look.places.state
    wanted = [check for check in SQL_CHECKS if limits[check.name] != OFF]
    checks, look.silent = run_checks(database, wanted, limits, place, STATISTICS_DAYS)
    look.checks += checks
    running = read_slow_statements(database, slow_seconds)
    slow = _slow_in_last_hour(state, running, look.now, look.check_mode)
    look.checks.append(slow_query_check(slow, slow_seconds, blind_role(database), limits, place))
    added, silent = counter_checks(_added_in_a_day(database, look), limits, place)
    look.checks += added
    look.silent += silent
    if state:
        if not look.check_mode and state.ours():
            with suppress(OSError):
                remember_archived(database, state, look.now.timestamp())
        environment = look.places.environment
        migrated = read_migrations(database, state.path_of("migrations.json"))
        untaken = untaken_histories(database, migrated)
        look.checks += migration_checks(migrated, limits, environment.name if environment else "", untaken)


def _added_in_a_day(database: Database, look: _Look) -> Growth | None:
    """How much the counters have grown; the reading is kept for the next look."""
    newest, state = read_counters(database, look.now.timestamp()), look.places.state
    if newest is None:
        return None
    samples = kept_samples(state.read("counters.json").get("samples", []) if state else [], newest)
    if state and not look.check_mode and state.ours():
        _remember(state, "counters.json", {"samples": samples})
    return growth(samples, newest, STATISTICS_DAYS)


def _health_outcome(look: _Look) -> Outcome:
    checks = [check for check in look.checks if look.limits.get(check.name) != OFF]
    silent = [each for each in look.silent if look.limits.get(each.name) != OFF]
    if look.places.environment:
        checks = as_typed(checks, look.places.environment.command, look.places.environment.config_path)
    status = worst(checks)
    bad = [check.name for check in checks if check.status]
    summary = f"{WORDS[status]}: " + (", ".join(bad) if bad else f"all {len(checks)} checks")
    data = {
        "checks": [check.as_data() for check in checks],
        "not_checked": {each.name: each.reason for each in silent},
        "status": WORDS[status],
        "exit_status": status,
        "report": health_text(checks, silent),
    }
    return Outcome(changed=False, data=data, summary=summary)


def _slow_in_last_hour(
    state: StateDirectory | None, running: Sequence[SlowStatement], now: datetime, check_mode: bool
) -> int:
    """Distinct slow statements seen within the last hour: a sample at each call, so a lower bound."""
    seen = {f"{one.pid}:{one.started:.3f}": now.timestamp() for one in running}
    if state is None:
        return len(seen)
    kept = {
        key: at for key, at in state.read("slow.json").items() if is_number(at) and now.timestamp() - float(at) < 3600
    }
    merged = {**kept, **seen}
    if not check_mode and (merged or kept) and state.ours():
        _remember(state, "slow.json", merged)
    return len(merged)


def _remember(state: StateDirectory, name: str, data: Mapping[str, object]) -> None:
    """Keep a reading for the next look; a full disk, which is a finding of its own, does not end this one."""
    with suppress(OSError):
        state.write(name, data)
