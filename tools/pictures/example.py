"""A made-up environment of thirteen weeks, always the same, as the report and the page of all environments show it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.entry import Entry
from ansible_collections.titan.database.plugins.module_utils._engine.environment.records import RunEntry
from ansible_collections.titan.database.plugins.module_utils._engine.fleet.index import Row, index
from ansible_collections.titan.database.plugins.module_utils._engine.fleet.reached import (
    Backup,
    recovery_point,
    recovery_time,
)
from ansible_collections.titan.database.plugins.module_utils._engine.fleet.record import (
    EnvironmentRecord,
    Finding,
    Kept,
)
from ansible_collections.titan.database.plugins.module_utils._engine.health.checks.definition import CheckData
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.days import (
    BackupRecords,
    backup_days,
)
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.facts import PageFacts
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.page import page
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.schema import SchemaFacts
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.statistics import (
    SizeSample,
    TableRow,
)

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=timezone.utc)
DAY = 86400.0
_COMMAND = "titan-db {} --config /etc/titan-db/production.json"
_NAMES = ("system_logs", "audit_logs", "orders", "trades", "notifications")
_OK = (
    "archiving",
    "backup_age",
    "clock",
    "connections",
    "cron",
    "drill",
    "jobs",
    "migrations",
    "retention",
    "wraparound",
)


def report() -> str:
    """The report's page."""
    now = NOW.timestamp()
    runs = [each for back in range(90, -1, -1) for each in _night(now - back * DAY, back)]
    entries = [_entry(NOW - timedelta(days=back, hours=5)) for back in range(14) if back != 3]
    days = backup_days(BackupRecords(entries, [run for run in runs if run["job"] == "backup"], (), timezone.utc), NOW)
    samples = [
        SizeSample(at=now - 7 * week * DAY, size=(820 - 12 * week) * 1_000_000, tables=_sizes(week), findings=[])
        for week in range(12, 0, -1)
    ]
    checks = [CheckData(name=name, status="ok", value=0.0, unit="", message="", fix="") for name in _OK]
    bloat = "index idx_audit_logs_user_created (48.0 MB) is 41 % empty"
    checks.append(
        CheckData(name="bloat", status="warning", value=41.0, unit="%", message=bloat, fix=_COMMAND.format("reindex"))
    )
    facts = PageFacts(
        environment="production", host="db1", database="titan_trading", now=NOW, size=820_000_000, tables=_tables(),
        checks=checks, not_checked={}, knows_backups=True, entries=entries, days=days, runs=runs, plans=(),
        samples=samples, earlier=samples[-1], schema=SchemaFacts(unknown={}), hidden="", typed=_COMMAND.format,
        backup_place="/home/ubuntu/backups/database",
    )  # fmt: skip
    return page(facts)


def fleet() -> str:
    """The page of all environments."""
    now = NOW.timestamp()
    old = Finding(name="recovery_point", status="critical", message="recovery point 51 h, the target is 26 h", fix="")
    rows = [
        _row("db1", "production", 4.5, 820, []),
        _row("db2", "production", 51.0, 1930, [old]),
        _row("db3", "staging", 5.2, 310, []),
        _row("db4", "production", 29.0, 4400, [], silent=now - 5 * 3600),
    ]
    return index(rows, now)


def _night(at: float, back: int) -> list[RunEntry]:
    """The runs of one night; two backups have failed."""
    bad = back in (3, 47)
    backup = RunEntry(
        job="backup", run=f"b{back}", start=at - 5 * 3600, seconds=420.0 + back % 7, status=int(bad),
        message="no space left on device" if bad else "ok",
        result={} if bad else {"titan_db_backup_size_bytes": 2.1e8, "titan_db_backup_verified_level": 2.0 - (back % 30 == 12)},
    )  # fmt: skip
    cleanup = RunEntry(
        job="cleanup", run=f"c{back}", start=at - 4 * 3600, seconds=35.0, status=0, message="ok",
        policies={"audit_logs": [410, 410], "system_logs": [2890, 2890]},
    )  # fmt: skip
    return [backup, cleanup]


def _entry(at: datetime) -> Entry:
    name = f"titan_prod_{at:%Y%m%d_%H%M%S}.sql.gz"
    return Entry(
        path=f"/home/ubuntu/backups/database/{name}", name="titan_prod", database="titan_trading", system_identifier="7",
        started=at, finished=at + timedelta(seconds=180), size=210_000_000, sha256="", format="plain",
        verified_level="restored", verified_at=at + timedelta(seconds=410), problem="", manifest=None,
    )  # fmt: skip


def _sizes(week: int) -> dict[str, int]:
    return {f"public.{name}": 1_000_000 * (260 - 40 * number - 2 * week) for number, name in enumerate(_NAMES)}


def _tables() -> list[TableRow]:
    before = _sizes(1)
    return [
        TableRow(name=name, rows=size // 180, due_rows=0, bytes=size, index_bytes=size // 3, growth_bytes=size - before[name], dead_rows=size // 9000)
        for name, size in _sizes(0).items()
    ]  # fmt: skip


def _row(
    host: str, environment: str, hours: float, megabytes: int, findings: list[Finding], silent: float = 0.0
) -> Row:
    now = NOW.timestamp()
    taken = [Backup(now - hours * 3600 - back * DAY, now - hours * 3600 - back * DAY + 300) for back in range(32)]
    record = EnvironmentRecord(
        environment=environment, host=host, database="titan_trading", asked_at=silent or now, version="", findings=findings,
        state="critical" if findings else "ok", size=megabytes * 1_000_000, recovery_point=recovery_point(taken, now, 26 * 3600.0),
        recovery_time=recovery_time([megabytes / 48.0 + back % 5 for back in range(14)], 1800.0),
        proven_at=now - hours * 3600 + 600, backups=14, runs=700, failed_runs=len(findings),
    )  # fmt: skip
    why = "Failed to connect to the host via ssh: connection timed out" if silent else ""
    return Row(Kept(name=host, record=record, page_at=silent or now, failed_since=silent, why=why), f"{host}.html")
