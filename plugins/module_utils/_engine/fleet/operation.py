# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind the module report_info: what one environment tells of itself, and its page."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Any

from ..backups.catalog.entry import PHYSICAL, Entry
from ..environment.runs_log import RunEntry
from ..environment.status import worst_word
from ..errors import DatabaseError, OptionError, TitanError
from ..health.archived import FILE, hours_from_json
from ..health.checks.definition import CheckData
from ..health.places import Places, places_from_options
from ..health.report.changes import WEEK
from ..health.report.days import backup_runs, proof, restore_seconds, took_backup
from ..health.report.page import page
from ..health.stats import gather, kept_backups, look
from ..outcome import Call, Outcome
from ..postgres.database import connect
from ..text.durations import parse_seconds
from ..version import VERSION
from .reached import DAY, SHOWN, Backup, length, missed, recovery_point, recovery_time
from .record import EnvironmentRecord, Finding

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
    environment = places.environment
    try:
        facts = gather(call, places, _TOP, with_page=True).facts
    except OptionError:
        raise
    except TitanError:  # health's findings say what is wrong, in the record
        facts = None
    now = facts.now.timestamp() if facts else time.time()
    checks = facts.checks if facts else look(call, places)["checks"]
    entries = [each for each in (facts.entries if facts else _kept(places)) if not each.problem]
    runs = facts.runs if facts else places.state.runs(now - (SHOWN + 10) * DAY) if places.state else ()
    week = [run for run in runs if run["start"] >= now - WEEK]
    plans = tuple(environment.jobs.values()) if environment else ()
    taken = _taken(entries, backup_runs(runs, plans))
    behind = hours_from_json(places.state.read(FILE)) if places.state and _has_physical(entries) else {}
    point = recovery_point(taken, now, targets["rpo"], _archived(call, entries), behind)
    restores = recovery_time([restore_seconds(each) for each in sorted(entries, key=_started)], targets["rto"])
    findings = missed(point, restores, environment.typed if environment else "titan-db {}".format) + _bad(checks)
    proofs = [each.verified_at.timestamp() for each in entries if proof(each) == "proven" and each.verified_at]
    record = EnvironmentRecord(
        environment=environment.name if environment else "",
        host=socket.gethostname(),
        database=facts.database if facts else call.connection.database,
        asked_at=now,
        version=VERSION,
        state=worst_word([each["status"] for each in findings]),
        findings=findings,
        size=facts.size if facts else None,
        recovery_point=point,
        recovery_time=restores,
        proven_at=max(proofs, default=None),
        backups=len(entries),
        runs=len(week),
        failed_runs=sum(1 for run in week if run["status"]),
    )
    return Outcome(False, {"record": record, "page": page(facts) if facts else ""}, _sentence(record))


def _target(name: str, value: Any) -> float | None:
    return None if value is None else parse_seconds(name, value)


def _bad(checks: Sequence[CheckData]) -> list[Finding]:
    return [
        Finding(name=each["name"], status=each["status"], message=each["message"], fix=each["fix"])
        for each in checks
        if each["status"] != "ok"
    ]


def _kept(places: Places) -> list[Entry]:
    """The backups; none where a repository is out of reach, which is a finding of health."""
    try:
        return kept_backups(places)
    except OptionError:
        raise
    except TitanError:
        return []


def _started(entry: Entry) -> float:
    return entry.started.timestamp()


def _taken(entries: Sequence[Entry], runs: Sequence[RunEntry]) -> list[Backup]:
    """The sound backups, and those that were removed since: of these the runs tell.

    None is newer than the newest one that is kept: what a run made and is gone helps nobody today.
    """
    newest = max((each.finished.timestamp() for each in entries), default=0.0)
    kept = [Backup(_started(each), each.finished.timestamp()) for each in entries]
    made = [Backup(run["start"], run["start"] + run["seconds"]) for run in runs if took_backup(run)]
    return [each for each in (*kept, *made) if each.started <= newest]


def _has_physical(entries: Sequence[Entry]) -> bool:
    """Whether write-ahead log can bring one of the backups forward."""
    return any(each.format == PHYSICAL for each in entries)


def _archived(call: Call, entries: Sequence[Entry]) -> float | None:
    """Until when write-ahead log is archived; None where no backup can be brought forward with it, or nobody knows."""
    if not _has_physical(entries):
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
