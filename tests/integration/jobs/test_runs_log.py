# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of runs is bounded, and keeps the runs of jobs that seldom run when those of health would push them out."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.environment.records import (
    Alert,
    Record,
    RunEntry,
    StateDirectory,
)
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


def test_a_run_is_recorded_behind_whatever_the_log_holds(tmp_path: Path) -> None:
    """A host that died while a line was written, a damaged disk, a file as large as the disk."""
    state, path = StateDirectory(str(tmp_path)), tmp_path / "runs.jsonl"
    for damage in (b'{"job": "ba', b"\xeb\xfe\n", b"\0" * 4096, b"[" * 100_000 + b"\n", b"null\n"):
        path.write_bytes(damage)
        state.add_run(run("backup", 5.0))
        assert state.runs(0) == [run("backup", 5.0)], damage[:20]
    with open(path, "wb") as stream:
        stream.truncate(50 << 30)
    state.add_run(run("backup", 6.0))
    assert state.runs(0) == [run("backup", 6.0)] and path.stat().st_size < 1e6


WRONG = (None, "x", [], {}, float("inf"), float("nan"), True, 10**400, [[1]], {"a": "b"})


@pytest.mark.parametrize("key", [*run("j", 1.0), "result", "policies"])
def test_a_run_of_another_shape_is_left_out(tmp_path: Path, key: str) -> None:
    whole = {**run("j", 1.0), "result": {"rows": 1}, "policies": {"logs": [1, 2]}}
    right = {"job": ["x"], "run": ["x"], "message": ["x"], "result": [{}], "policies": [{}]}.get(key, [])
    for value in WRONG:
        (tmp_path / "runs.jsonl").write_text(json.dumps({**whole, key: value}) + "\n")
        assert bool(StateDirectory(str(tmp_path)).runs(0)) == (value in right), value


@pytest.mark.parametrize("key", [each.name for each in fields(Record) if each.name != "name"])
def test_a_record_of_another_shape_is_damaged(tmp_path: Path, key: str) -> None:
    state = StateDirectory(str(tmp_path))
    whole = asdict(Record("j", "r", 1, 2.0, "l", 3.0, 2.0, 3.0, 0, 1.0, "m", 0, 9.0, {"rows": 1.0}, Alert(), 1, 0))
    (tmp_path / "j.json").write_text(json.dumps(whole))
    assert not state.damaged("j") and asdict(state.record("j")) == whole
    right = {"run_id": ["x"], "line": ["x"], "message": ["x"], "result": [{}], "alert": [{}, {"a": "b"}]}.get(key, [])
    for value in WRONG:
        (tmp_path / "j.json").write_text(json.dumps({**whole, key: value}))
        if value not in right:
            assert state.damaged("j") == "is damaged" and state.record("j") == Record("j"), value
