# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind the module report_info: what one environment tells of itself, and its page."""

from __future__ import annotations

import shlex
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ..backups.catalog.entry import PHYSICAL, Entry
from ..environment.records import RunEntry
from ..errors import DatabaseError, OptionError, TitanError
from ..health.places import Places, places_from_options
from ..health.report.days import backup_runs, restore_seconds
from ..health.report.page import page
from ..health.stats import gather, kept_backups, look
from ..outcome import Call, Outcome
from ..postgres.database import connect
from ..text.durations import parse_seconds
from ..version import VERSION
from .reached import DAY, SHOWN, Backup, length, missed, recovery_point, recovery_time
from .record import EnvironmentRecord, Finding, Reached, worst

_TOP = 50
_ARCHIVED = "SELECT extract(epoch FROM last_archived_time)::float8 FROM pg_catalog.pg_stat_archiver"


def report_info(call: Call) -> Outcome:
    """The page of an environment and its record for the page of all environments; nothing is changed.

    Where the database cannot be asked the record says so, and there is no page.

    Raises:
        OptionError: a target, the directory of the backups or the job configuration cannot be used.
    """
    targets = {name: _target(name, call.options.get(name)) for name in ("rpo", "rto")}
    places = places_from_options(call.options)
    try:
        found = gather(call, places, _TOP, with_page=True)
    except OptionError:
        raise
    except TitanError:  # health's findings say what is wrong, in the record
        found = None
    facts = found.facts if found else None
    checks = facts.checks if facts else look(call, places)["checks"]
    point, taken, entries = _recovery(call, places, facts.now.timestamp() if facts else time.time(), targets)
    findings = missed(point, taken, _typed(places))
    findings += [
        Finding(name=each["name"], status=each["status"], message=each["message"], fix=each["fix"])
        for each in checks
        if each["status"] != "ok"
    ]
    week = _runs(places, 7 * DAY)
    record = EnvironmentRecord(
        environment=places.environment.name if places.environment else "",
        host=socket.gethostname(),
        database=facts.database if facts else call.connection.database,
        asked_at=facts.now.timestamp() if facts else time.time(),
        version=VERSION,
        state=worst([each["status"] for each in findings]),
        findings=findings,
        size=facts.size if facts else None,
        recovery_point=point,
        recovery_time=taken,
        proven_at=max(
            (each.verified_at.timestamp() for each in entries if _proven(each) and each.verified_at), default=None
        ),
        backups=len(entries),
        runs=len(week),
        failed_runs=sum(1 for run in week if run["status"]),
    )
    return Outcome(False, {"record": record, "page": page(facts) if facts else ""}, _sentence(record))


def _typed(places: Places) -> Callable[[str], str]:
    """How a subcommand is typed on the host."""
    environment = places.environment
    if environment is None:
        return "titan-db {}".format
    command, path = shlex.quote(environment.command), shlex.quote(environment.config_path)
    return lambda subcommand: f"{command} {subcommand} --config {path}"


def _target(name: str, value: Any) -> float | None:
    return None if value is None else parse_seconds(name, value)


def _runs(places: Places, back: float) -> list[RunEntry]:
    return places.state.runs(time.time() - back) if places.state else []


def _proven(entry: Entry) -> bool:
    return not entry.problem and entry.verified_level == "restored"


def _recovery(
    call: Call, places: Places, now: float, targets: Mapping[str, float | None]
) -> tuple[Reached, Reached, list[Entry]]:
    """What would be lost, how long a restore takes, and the sound backups; of those that were removed since, the runs tell."""
    try:
        entries = [each for each in kept_backups(places) if not each.problem]
    except OptionError:
        raise
    except TitanError:  # a repository out of reach: a finding of health
        entries = []
    plans = tuple(places.environment.jobs.values()) if places.environment else ()
    runs = backup_runs(_runs(places, (SHOWN + 10) * DAY), plans)
    taken = [Backup(each.started.timestamp(), each.finished.timestamp()) for each in entries]
    taken += [
        Backup(run["start"], run["start"] + run["seconds"])
        for run in runs
        if not run["status"] and run.get("result", {}).get("titan_db_backup_size_bytes")
    ]
    timed = [restore_seconds(each) for each in sorted(entries, key=_started) if _proven(each)]
    return (
        recovery_point(_still_there(taken, entries), now, targets["rpo"], _archived(call, entries)),
        recovery_time(timed, targets["rto"]),
        entries,
    )


def _started(entry: Entry) -> float:
    return entry.started.timestamp()


def _still_there(taken: Sequence[Backup], entries: Sequence[Entry]) -> list[Backup]:
    """Without backups newer than the newest one that is kept: what a run made and is gone helps nobody today."""
    newest = max((each.finished.timestamp() for each in entries), default=0.0)
    return [each for each in taken if each.started <= newest]


def _archived(call: Call, entries: Sequence[Entry]) -> float | None:
    """Until when write-ahead log is archived; None where no backup can be brought forward with it, or nobody knows."""
    if not any(each.format == PHYSICAL for each in entries):
        return None
    try:
        with connect(call.connection, "report") as database:
            value = database.value(_ARCHIVED)
    except DatabaseError:
        return None
    return None if value is None else float(value)


def _sentence(record: EnvironmentRecord) -> str:
    names = ", ".join(each["name"] for each in record["findings"])
    now = record["recovery_point"]["now"]
    lost = "no sound backup is known" if now is None else f"a disaster now would cost {length(now)}"
    return f"{record['state']}{': ' + names if names else ''}; {lost}"
