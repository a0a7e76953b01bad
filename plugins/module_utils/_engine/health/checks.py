# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks: facts in, findings out. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from ..backups.catalog.entry import Entry
from ..crontab.calendar import UTC, longest_interval, previous_run
from ..environment.config import JobPlan
from ..environment.records import Record
from ..migrations.history.known_files import PendingStatus
from .facts import DatabaseFacts
from .thresholds import CRITICAL, OK, UNKNOWN, Check, judge

Limits = Mapping[str, tuple[float, float]]

# How late a start may be before it counts as missed: cron starts on the minute, machines may be busy.
GRACE_SECONDS = 600.0
_TITAN_DB = re.compile(r"\btitan-db (\w+)")


@dataclass(frozen=True)
class JobFacts:
    """What is known of one scheduled job: its plan, its record, and whether its lock is held now."""

    plan: JobPlan
    record: Record
    running: bool


def database_checks(facts: DatabaseFacts, slow_in_last_hour: int, limits: Limits) -> list[Check]:
    """The checks that need the server."""
    sql = f"psql -d {shlex.quote(facts.name)} -c "  # shown to people, never run
    bloat, sequence = facts.bloat or {}, facts.sequence or {}
    table = str(bloat.get("name", "no table of 8 MB or more"))
    last = str(sequence.get("name", "no sequence is in use"))
    oldest = str(facts.wraparound.get("name") or "")
    activity = f"{sql}'TABLE pg_stat_activity'"
    # name, value, what was measured, what helps
    measured: list[tuple[str, float, str, str]] = [
        (
            "database_size",
            facts.size / 1e9,
            facts.name,
            "titan-db stats shows what grew; review the retention policies",
        ),
        ("active_connections", facts.active, facts.blind, f"scale the connection pool; {activity}"),
        ("slow_queries", slow_in_last_hour, facts.blind, activity),
        (
            "waiting_locks",
            facts.waiting,
            facts.blind,
            f"{sql}'TABLE pg_locks'; pg_blocking_pids(PID) names who is in the way",
        ),
        (
            "bloat",
            float(bloat.get("percent", 0)),
            table,
            "new rows will use the free space; titan-db reindex shrinks the indexes; to shrink the table itself, in a "
            f"maintenance window, since it locks everybody out: {sql}'VACUUM (FULL, ANALYZE) {table}'",
        ),
        ("invalid_indexes", len(facts.invalid), ", ".join(facts.invalid[:5]), "titan-db reindex"),
        ("wraparound", float(facts.wraparound.get("million") or 0), oldest, f"vacuumdb --freeze {shlex.quote(oldest)}"),
        ("sequences", float(sequence.get("percent") or 0), last, "change the column and its sequence to bigint"),
    ]
    checks = [judge(name, value, limits, what, fix) for name, value, what, fix in measured]
    return checks + _session_checks(facts, limits, sql)


def _session_checks(facts: DatabaseFacts, limits: Limits, sql: str) -> list[Check]:
    first = facts.slots[0] if facts.slots else {}
    kept, slot = float(first.get("bytes") or 0) / 1e9, str(first.get("name", "no slot"))
    idle = [str(each["name"]) for each in facts.slots if not each["active"]]
    drop = sql + shlex.quote("SELECT pg_drop_replication_slot('NAME')") + " if its reader is gone for good"
    oldest = facts.oldest or {}
    who = (
        f"backend {oldest['pid']} of {oldest['usename']} ({oldest['application']})"
        if oldest
        else facts.blind or "no transaction is open"
    )
    return [
        judge("replication_slots", kept, limits, slot, drop),
        judge("inactive_slots", len(idle), limits, ", ".join(idle[:5]), drop),
        judge(
            "oldest_transaction", float(oldest.get("minutes") or 0), limits, who,
            f"{sql}'SELECT pg_terminate_backend({oldest.get('pid', 0)})'",
        ),
    ]  # fmt: skip


def migration_checks(status: PendingStatus | str | None, limits: Limits, environment: str) -> list[Check]:
    """Whether the database has had what the last converge knew; a text says why that is unknown, None that nobody recorded it."""
    play = f"ansible-playbook titan.database.migrate -l {environment}"
    if status is None:
        return []
    if isinstance(status, str):
        return [Check("migrations_pending", UNKNOWN, None, status, play)]
    of = f"of {status.known} that the last converge knew"
    return [
        judge(
            name, len(keys), limits, f"{of}{': ' if keys else ''}{', '.join(keys[:5])}", fix
        )
        for name, keys, fix in (
            ("migrations_pending", status.pending, play),
            (
                "checksum_mismatches", status.mismatched,
                f"{play} --check says what was edited; put the file back, or let migrations_accept_edited take its text over",
            ),
        )
    ]  # fmt: skip


def backup_checks(entries: Sequence[Entry], now: datetime, limits: Limits, where: str) -> list[Check]:
    """How old the newest sound backup is, and the newest one that a restore has proven."""
    sound = [each for each in entries if not each.problem and not each.adopted]
    proven = [each for each in sound if each.verified_level == "restored"]
    checks = []
    for name, found, fix in (
        ("backup_age", sound, "titan-db backup"),
        ("verified_backup_age", proven, "titan-db backup (or titan-db drill for one that exists)"),
    ):
        newest = max((each.finished for each in found), default=None)
        if newest is None:
            checks.append(Check(name, CRITICAL, None, f"there is none in {where}", fix))
            continue
        hours = max(0.0, (now - newest).total_seconds() / 3600)
        checks.append(judge(name, hours, limits, where, fix))
    return checks


def job_checks(jobs: Sequence[JobFacts], installed: float, now: datetime, zone: tzinfo, limits: Limits) -> list[Check]:
    """Missed, failed and stuck jobs."""
    missed, failed, stuck = [], [], []
    for each in jobs:
        name, record = each.plan.name, each.record
        if due := missed_due(each, installed, now, zone):
            missed.append(f"{name} (due {due:%Y-%m-%d %H:%M} UTC)")
        if each.running and now.timestamp() - record.last_start > each.plan.longest + 60:
            stuck.append(name)
        elif record.interrupted(each.running):
            failed.append(f"{name} (interrupted)")
        elif record.failed:
            failed.append(f"{name} (status {record.exit_status}: {record.message[:200]})")
    logs = "; ".join(f"tail {shlex.quote(each.plan.log)}" for each in jobs if each.plan.log)[:300]
    return [
        judge("jobs_missed", len(missed), limits, ", ".join(missed), f"systemctl status cron; crontab -l; {logs}"),
        judge(
            "jobs_failed",
            len(failed),
            limits,
            ", ".join(failed),
            f"{logs}; then start it again by hand: titan-db JOB",
        ),
        judge("jobs_stuck", len(stuck), limits, ", ".join(stuck), "end the process that the job's lock file names"),
    ]


def program_checks(copies: int, broken: Sequence[str], limits: Limits, environment: str) -> list[Check]:
    """Whether the command and its spare copy are what they were installed as; none known, none checked."""
    fix = f"ansible-playbook titan.database.site -l {environment} --tags host"
    what = "; ".join(broken) or f"of {copies} cop{'y' if copies == 1 else 'ies'}"
    return [judge("programs", len(broken), limits, what, fix)] if copies else []


def age_limits(jobs: Sequence[JobPlan], now: datetime, zone: tzinfo) -> tuple[float, float] | None:
    """Limits in hours for the age of backups that are taken by the schedule: an hour late, one missed.

    For a daily backup these are 25 and 48. None if no backup is scheduled.
    """
    hours = [
        longest_interval(plan.expression, now, zone, plan.weekday) / 3600
        for plan in jobs
        if plan.subcommand == "backup" and plan.expression
    ]
    return (min(hours) + 1, min(hours) * 2) if hours and min(hours) >= 1 else None


def missed_due(each: JobFacts, installed: float, now: datetime, zone: tzinfo) -> datetime | None:
    """The last due start that did not happen; None if it did, or lies before the schedule was installed."""
    if each.plan.expression is None:
        return None
    latest = datetime.fromtimestamp(now.timestamp() - GRACE_SECONDS, UTC)
    due = previous_run(each.plan.expression, latest, zone, each.plan.weekday)
    if due is None or due.utc.timestamp() < max(installed, 1.0) or each.running:
        return None
    # A start recorded up to a minute early is that of a busy machine's clock correction.
    return None if each.record.last_start >= due.utc.timestamp() - 60 else due.utc


def disk_checks(usage: Mapping[str, float], limits: Limits) -> list[Check]:
    """usage: percent used by path."""
    if not usage:
        return []
    path = max(usage, key=lambda key: usage[key])
    return [judge("disk", usage[path], limits, path, f"df -h {shlex.quote(path)}; titan-db stats shows what grew")]


def unreachable(message: str) -> Check:
    """The server cannot be asked."""
    return Check(
        "connection", CRITICAL, None, message, "systemctl status postgresql; psql -l shows which databases it has"
    )


def typed(checks: Sequence[Check], command: str, config_path: str) -> list[Check]:
    """The checks with titan-db in their fixes as one types it: with its path and the environment's configuration."""

    def as_typed(found: re.Match[str]) -> str:
        return f"{shlex.quote(command)} {found[1]} --config {shlex.quote(config_path)}"

    return [replace(check, fix=_TITAN_DB.sub(as_typed, check.fix)) for check in checks]


def reachable(place: str) -> Check:
    return Check("connection", OK, 1.0, place)
