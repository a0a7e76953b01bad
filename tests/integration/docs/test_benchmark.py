# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measurement of the nine indexes: what plans and pages say of them without a clock, and that two of them are no effect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.drill_programs import drill_programs
from tests.integration.backups.helpers import backup

TITAN = Path(__file__).resolve().parents[3] / "examples" / "titan"


@pytest.mark.slow
def test_the_nine_queries_without_with_and_without_again(
    titan: ConnectionSettings, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workdir.chmod(0o755)
    for name, mode in (("backups", 0o700), ("d", 0o755)):
        (workdir / name).mkdir(mode)
    backup(titan, workdir / "backups", verify="checksum")
    where = ["--dest", str(workdir / "backups"), "--drill-dir", str(workdir / "d"), "--programs", drill_programs()]
    page = workdir / "page.md"
    what = ["--queries", str(TITAN / "queries"), "--migrations", str(TITAN / "migrations"), "--markdown", str(page)]
    assert cli.main(["measure", *where, *what, "--rounds", "7", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    results = {each["name"][:2]: each for each in data["queries"]}
    assert sorted(results) == [f"{number:02}" for number in range(1, 10)] and data["not_measured"] == []
    for number in ("06", "07"):  # their indexes were there under another name: no clock can make an effect of that
        assert results[number]["result"] == "no effect: the same plan" and results[number]["with_ms"] > 0
        assert results[number]["pages_without"] == results[number]["pages_with"]
    for number in ("01", "02", "09"):
        assert "Seq Scan" in results[number]["plan_without"] and "Index Scan" in results[number]["plan_with"]
        assert results[number]["pages_with"] < results[number]["pages_without"]
    assert sorted(data["missing"]) == ["idx_audit_logs_user_timestamp", "idx_system_logs_level_timestamp"]
    assert len(data["indexes"]) == 7 and all(each["bytes"] and each["insert"] for each in data["indexes"])
    text = page.read_text(encoding="utf-8")
    assert text.count("no effect: the same plan") == 2 and text.count("\n| 0") == 9
