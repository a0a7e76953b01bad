# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each of the last days with its backup: proven, only checked, missing or failed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo

from ...backups.catalog.entry import Entry
from ...crontab.calendar import previous_run
from ...environment.config import JobPlan
from ...environment.runs_log import RunEntry
from ...page.charts import Day
from .texts import size_text

SHOWN = 90
_GRACE = 6 * 3600.0
GLYPHS = {"proven": "✓", "checksum": "c", "unproven": "?", "failed": "×", "missing": "–", "unseen": ""}
WORDS = {
    "proven": "proven by a restore",
    "checksum": "checksum only",
    "unproven": "not verified",
    "failed": "failed",
    "missing": "missing: none was made although one was due",
    "unseen": "nothing was due or recorded",
}
_LEVELS = {2.0: "proven", 1.0: "checksum"}


@dataclass(frozen=True)
class BackupRecords:
    """What is known of backups: those that are kept, ended runs of the jobs that take them, and when those are due."""

    entries: Sequence[Entry]
    runs: Sequence[RunEntry]
    plans: Sequence[JobPlan]
    zone: tzinfo


def backup_runs(runs: Sequence[RunEntry], plans: Sequence[JobPlan]) -> list[RunEntry]:
    """The runs of the jobs that take backups."""
    names = {plan.name for plan in plans if plan.subcommand == "backup"} or {"backup"}
    return [run for run in runs if run["job"] in names]


def took_backup(run: RunEntry) -> bool:
    """Whether the run has made a backup."""
    return not run["status"] and bool(run.get("result", {}).get("titan_db_backup_size_bytes"))


def backup_days(records: BackupRecords, now: datetime) -> list[Day]:
    """The last days (of UTC), today's last."""
    entries: dict[date, list[Entry]] = {}
    for entry in records.entries:
        entries.setdefault(entry.started.astimezone(timezone.utc).date(), []).append(entry)
    runs: dict[date, list[RunEntry]] = {}
    for run in records.runs:
        runs.setdefault(datetime.fromtimestamp(run["start"], timezone.utc).date(), []).append(run)
    first = min((*entries, *runs), default=now.date())
    shown = [now.date() - timedelta(days=back) for back in range(SHOWN - 1, -1, -1)]
    return [
        _day(day, entries.get(day, []), runs.get(day, []), day > first and _was_due(day, records, now)) for day in shown
    ]


def _day(day: date, entries: Sequence[Entry], runs: Sequence[RunEntry], due: bool) -> Day:
    """The best that the day has; of a backup that was removed since, the run tells."""
    sound = [each for each in entries if not each.problem]
    levels = {proof(each) for each in sound}
    done = [run for run in runs if took_backup(run)]
    levels |= {_LEVELS.get(run["result"].get("titan_db_backup_verified_level", 0.0), "unproven") for run in done}
    failed = sum(1 for run in runs if run["status"]) or len(entries) - len(sound)
    kind = next((each for each in ("proven", "checksum", "unproven") if each in levels), "")
    kind = kind or ("failed" if failed else "missing" if due else "unseen")
    said = [f"{day}: {WORDS[kind]}"]
    for each in sound[:3]:
        seconds = restore_seconds(each)
        restored = f", restored in {seconds:.0f} s" if seconds else ""
        said.append(f"{size_text(each.size)}, took {(each.finished - each.started).total_seconds():.0f} s{restored}")
    if done and not sound:
        size = size_text(done[-1]["result"]["titan_db_backup_size_bytes"])
        said.append(f"{size}, took {done[-1]['seconds']:.0f} s, not kept any more")
    if failed:
        said.append(f"{failed} failed")
    return Day(day, kind, GLYPHS[kind], "; ".join(said))


def proof(entry: Entry) -> str:
    """What is known of a sound backup: proven, checksum or unproven."""
    return {"restored": "proven", "checksum": "checksum"}.get(entry.verified_level, "unproven")


def restore_seconds(entry: Entry) -> float:
    """How long the restore that proved it took; 0 where that is not known."""
    return entry.written.verified.seconds if entry.written and entry.verified_level == "restored" else 0.0


def _was_due(day: date, records: BackupRecords, now: datetime) -> bool:
    """Whether a job should have taken a backup on that day, and has had the time for it."""
    begin = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    end = min(begin + timedelta(days=1, seconds=-1), now - timedelta(seconds=_GRACE))
    for plan in records.plans:
        if plan.subcommand == "backup" and plan.expression and end >= begin:
            run = previous_run(plan.expression, end, records.zone, plan.weekday)
            if run and run.utc >= begin:
                return True
    return False
