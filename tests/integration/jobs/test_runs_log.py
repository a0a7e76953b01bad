# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of runs is bounded, and keeps the runs of jobs that seldom run when those of health would push them out."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.titan.database.plugins.module_utils._engine.environment.records import RunEntry, StateDirectory
from ansible_collections.titan.database.plugins.module_utils._engine.jobs.preconditions import rows_by_policy


def run(job: str, start: float, message: str = "") -> RunEntry:
    return {"job": job, "run": "r", "start": start, "seconds": 1.0, "status": 0, "message": message}


def test_two_years_of_nights_stay_beside_health(tmp_path: Path) -> None:
    state, path = StateDirectory(str(tmp_path)), tmp_path / "runs.jsonl"
    jobs = ("backup", "cleanup", "reindex")
    nights = [run(job, day * 86400.0, "x" * 300) for day in range(730) for job in jobs]
    often = [run("health", 640 * 86400.0 + number * 900.0) for number in range(9000)]
    lines = sorted([*nights, *often], key=lambda each: each["start"])
    path.write_text("".join(json.dumps(each) + "\n" for each in lines) + "not JSON\n[1]\n")
    state.add_run(run("backup", 8e7))
    kept = state.runs(0)
    assert [sum(each["job"] == job for each in kept) for job in jobs] == [731, 730, 730], (
        "what is left out takes no room"
    )
    assert 1000 < sum(each["job"] == "health" for each in kept) <= 2000
    assert kept == sorted(kept, key=lambda each: each["start"]) and kept[-1]["start"] == 8e7


def test_long_messages_do_not_make_it_larger_than_five_megabytes(tmp_path: Path) -> None:
    state, path = StateDirectory(str(tmp_path)), tmp_path / "runs.jsonl"
    path.write_text("".join(json.dumps(run("j", number, "\u05d0" * 300)) + "\n" for number in range(5000)))
    assert path.stat().st_size > 5e6
    state.add_run(run("j", 5000.0))
    assert path.stat().st_size < 4e6 and state.runs(0)[-1]["start"] == 5000.0


def test_the_rows_of_each_policy_are_remembered() -> None:
    results = [{"policy": "logs", "due": 5, "deleted": 3, "marked": 1}, {"policy": "old", "due": 0}]
    assert rows_by_policy("cleanup", {"results": results}) == {"logs": [5, 4], "old": [0, 0]}  # type: ignore[typeddict-item]
    assert rows_by_policy("backup", {"results": results}) == {}  # type: ignore[typeddict-item]
