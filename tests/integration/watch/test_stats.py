"""The statistics report tells what is there, what is due and what grew."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

from ansible_collections.titan.database.plugins.module_utils.titan_db.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils.titan_db.database import connect
from ansible_collections.titan.database.plugins.module_utils.titan_db.outcome import Call
from ansible_collections.titan.database.plugins.module_utils.titan_db.watch.operation import stats


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
    history = tmp_path / "state" / "stats.json"
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
        report = stats(Call(options, replace(titan, user="stats_reader"))).data
        assert report["due_rows"] is None
        assert len(report["tables"]) == 16
        assert "permission denied for view cleanup_statistics" in report["report"]
        assert "grant SELECT" in report["report"] and "'stats_reader'" in report["report"]
    finally:
        with connect(titan) as database:
            database.execute("DROP ROLE stats_reader")
