"""The statistics report tells what is there, what is due and what grew."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.entry import Entry
from ansible_collections.titan.database.plugins.module_utils._engine.health.operation import stats
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.statistics import (
    Snapshot,
    stats_report,
)
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.tables import TableSize
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect


def test_the_report(titan: ConnectionSettings, tmp_path: Path) -> None:
    config = tmp_path / "c.json"
    config.write_text(
        json.dumps({"environment": "t", "state_dir": f"{tmp_path}/state", "jobs": {"backup": {"dest": str(tmp_path)}}})
    )
    options = {"top": 5, "backup_dest": None, "backup_name": None, "job_config": str(config)}
    looked = stats(Call(options, titan, check_mode=True))
    assert not (tmp_path / "state").exists()
    first = stats(Call(options, titan))
    assert first.data["tables"] == looked.data["tables"]
    assert len(first.data["tables"]) == 16
    logs = next(row for row in first.data["tables"] if row["name"] == "public.system_logs")
    assert logs["rows"] == 100000
    assert first.data["growth_bytes"] is None
    assert "and 11 more" in first.data["report"]
    assert "0 kept" in first.data["report"]
    history = tmp_path / "state" / "report-samples.json"
    sample = json.loads(history.read_text())
    sample["samples"][0]["at"] = time.time() - 7 * 86400
    sample["samples"][0]["size"] -= 1_000_000
    history.write_text(json.dumps(sample))
    second = stats(Call(options, titan))
    assert 900_000 < second.data["growth_bytes"] < 1_200_000
    assert "in 7.0 days" in second.summary


def test_a_role_that_may_not_read_the_rows_gets_the_rest_and_the_missing_grant(titan: ConnectionSettings) -> None:
    options = {"top": 5, "backup_dest": None, "backup_name": None, "job_config": None}
    with connect(titan) as database:
        database.execute("DROP ROLE IF EXISTS stats_reader; CREATE ROLE stats_reader LOGIN")
        database.execute(
            "CREATE VIEW public.cleanup_statistics AS SELECT 'users' AS table_name, count(*) AS rows_to_delete FROM public.users"
        )
    try:
        report = stats(Call(options, titan)).data
        assert report["due_rows"] == 100
        report = stats(Call(options, titan._replace(user="stats_reader"))).data
        assert report["due_rows"] is None
        assert len(report["tables"]) == 16
        assert "permission denied for view cleanup_statistics" in report["report"]
        assert "grant SELECT" in report["report"] and "'stats_reader'" in report["report"]
    finally:
        with connect(titan) as database:
            database.execute("DROP ROLE stats_reader")


def test_backups_with_their_proof_and_jobs_with_their_failures() -> None:
    now = datetime(2026, 11, 22, 8, tzinfo=timezone.utc)

    def backup(days: float, level: str, problem: str = "") -> Entry:
        at = now - timedelta(days=days)
        return Entry(f"/b/{days}", "n", "d", "1", at, at, 2_000_000, "", "plain", level, None, problem, None, {})

    def run(job: str, status: int, message: str = "") -> dict[str, object]:
        return {"job": job, "status": status, "seconds": 2.0, "message": message, "start": 1.0}

    table = TableSize("public.t", 3_000_000, 0, 5, 0)
    samples = [
        {"at": now.timestamp() - days * 86400, "size": size, "tables": {"public.t": size}}
        for days, size in ((14, 0), (7, 1_000_000), (1, 2))
    ]
    snapshot = Snapshot(
        "titan", 3_500_000, (table,), {"public.t": 4},
        (backup(1, "restored"), backup(2, "checksum"), backup(3, "none", "it is truncated"), backup(30, "restored")),
        (run("backup", 0), run("backup", 1, "no space left"), run("cleanup", 0)), {"samples": samples}, now.timestamp(), True,
    )  # fmt: skip
    report, data = stats_report(snapshot, 20)
    assert "3.5 MB, 1 tables, +2.5 MB in 7.0 days" in report, "compared with last week, not with yesterday"
    assert "+2.0 MB" in next(line for line in report.splitlines() if line.startswith("public.t"))
    assert "Due rows: 4" in report
    assert "Backups: 4 kept, 3 of the last 7 days, 1 of those proven by a restore" in report
    assert "not to be relied on: /b/3: it is truncated" in report
    rows = {line.split()[0]: line.split() for line in report.splitlines() if line.startswith(("backup ", "cleanup "))}
    assert rows == {
        "backup": ["backup", "2", "1", "2.0", "s", "no", "space", "left"],
        "cleanup": ["cleanup", "1", "0", "2.0", "s"],
    }
    assert (data["runs"], data["failed_runs"], data["growth_bytes"], data["due_rows"]) == (3, 1, 2_500_000, 4)
