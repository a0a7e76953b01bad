# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recovery point against a clock that is walked through, and the page of many environments."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.environment.status import WORDS
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.fleet.index import Row, index
from ansible_collections.titan.database.plugins.module_utils._engine.fleet.reached import (
    DAY,
    Backup,
    missed,
    recovery_point,
    recovery_time,
)
from ansible_collections.titan.database.plugins.module_utils._engine.fleet.record import EnvironmentRecord, Kept
from ansible_collections.titan.database.plugins.module_utils._engine.fleet.site import (
    file_name,
    keep_report,
    report_index,
)
from ansible_collections.titan.database.plugins.module_utils._engine.health.archived import (
    hours_from_json,
    with_reading,
)
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.page.markup import document
from hypothesis import given
from hypothesis import strategies as st

from tests.others import NOBODY, directory_of_nobody

NOW = 1_800_000_000.0
HOUR = 3600.0
STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**400) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
HOSTILE = "<script>alert(1)</script>\"'&\u202e\n%s/../x"


def walked(backups: Sequence[Backup], begin: float, end: float) -> float | None:
    """The most that a disaster would have cost, asked at each minute and just before each backup is finished."""
    moments = {begin + number * 60 for number in range(int((end - begin) / 60) + 1)} | {end}
    moments |= {each.finished - 0.001 for each in backups if begin < each.finished <= end}
    costs = []
    for moment in moments:
        there = [each.started for each in backups if each.finished <= moment]
        if there:
            costs.append(moment - max(there))
    return max(costs, default=None)


@given(st.lists(st.tuples(st.integers(0, 40 * 24 * 60), st.integers(0, 3000)), max_size=12))
def test_each_days_recovery_point_is_what_a_disaster_would_have_cost(minutes: list[tuple[int, int]]) -> None:
    backups = [Backup(NOW - 60.0 * ago, NOW - 60.0 * ago + 60.0 * takes) for ago, takes in minutes]
    found = recovery_point(backups, NOW, None)
    done = [each for each in backups if each.finished <= NOW]
    assert found["now"] == (NOW - max(each.started for each in done) if done else None)
    for number in (0, 13, 28, 29):
        begin = NOW - (30 - number) * DAY
        want = walked(done, begin, begin + DAY)
        assert found["trend"][number] == (None if want is None else pytest.approx(want, abs=0.01))


def test_what_is_archived_counts_and_a_target_is_missed_or_unknown() -> None:
    nightly = [Backup(NOW - 20 * HOUR, NOW - 19 * HOUR)]
    point = recovery_point(nightly, NOW, 8 * HOUR)
    assert point["now"] == 20 * HOUR
    assert recovery_point(nightly, NOW, None, NOW - 60)["now"] == 60.0
    assert recovery_point(nightly, NOW, None, NOW + 999)["now"] == 0.0, "a clock that is ahead"
    said = missed(point, recovery_time([], 60.0), "titan-db {}".format)
    assert [(each["name"], each["status"]) for each in said] == [
        ("recovery_point", "critical"),
        ("recovery_time", "unknown"),
    ]
    assert said[0]["message"] == "recovery point 20 h, the target is 8.0 h" and said[1]["fix"] == "titan-db drill"
    assert not missed(recovery_point(nightly, NOW, DAY), recovery_time([30.0], 60.0), "{}".format)
    nothing = missed(recovery_point([], NOW, DAY), recovery_time([], None), "{}".format)
    assert nothing[0]["message"] == "no sound backup is known, and the target is 24 h"


def test_where_the_archive_is_known_a_day_costs_what_was_behind() -> None:
    """An hour that nobody has looked at costs what the backups alone would; so does a day before the first look."""
    nightly = [Backup(NOW - n * DAY - 20 * HOUR, NOW - n * DAY - 19 * HOUR) for n in range(31)]
    last = int(NOW // HOUR)
    behind = {last - n: 300.0 + n % 7 for n in range(24 * 10 + 1)}
    alone = recovery_point(nightly, NOW, None)["trend"]
    found = recovery_point(nightly, NOW, None, NOW - 60, behind)
    assert found["trend"][:20] == alone[:20] and set(found["trend"][20:-1]) == {306.0} and found["now"] == 60.0
    hole = {hour: each for hour, each in behind.items() if hour != last - 30}
    trend = recovery_point(nightly, NOW, None, NOW - 60, hole)["trend"]
    assert [at for at, each in enumerate(trend) if each != found["trend"][at]] == [28] and HOUR < (
        trend[28] or 0
    ) <= DAY + HOUR
    assert recovery_point(nightly, NOW, None, NOW - 60, dict.fromkeys(behind, 1e9))["trend"] == alone, (
        "a backup is nearer"
    )
    assert recovery_point([], NOW, None, None, behind)["worst"] is None, "without a backup the archive is nothing"


def test_hours_are_bounded_and_anything_may_stand_in_the_file() -> None:
    hours: dict[int, float] = {}
    for number in range(3000):
        hours = with_reading(hours, NOW + number * 1800, float(number % 5))
    assert len(hours) == 24 * 40 and max(hours) == int((NOW + 2999 * 1800) // HOUR)
    assert with_reading({5: 9.0}, 5 * HOUR, 3.0) == {5: 9.0} and with_reading({9: 1.0}, 5 * HOUR, -3.0) == {5: 0.0}
    assert hours_from_json({"hours": {"5": 1, "x": 2, "6": "y", "7": -1, "8": True, "9": 10**400}}) in (
        {5: 1.0, 8: 1.0},
        {5: 1.0},
    )


@given(STRANGE)
def test_hours_of_a_damaged_file_are_none_or_numbers(value: Any) -> None:
    for data in ({"hours": value}, {"hours": {"5": value}}):
        assert all(seconds >= 0 for seconds in hours_from_json(data).values())


def record(**values: Any) -> EnvironmentRecord:
    point = recovery_point([Backup(NOW - n * DAY - HOUR, NOW - n * DAY) for n in range(31)], NOW, 26 * HOUR)
    plain = EnvironmentRecord(
        environment="production",
        host="db1",
        database="titan",
        asked_at=NOW,
        version="0.2.0",
        state="ok",
        findings=[],
        size=5_000_000,
        recovery_point=point,
        recovery_time=recovery_time([60.0, 61.0], 1800.0),
        proven_at=NOW - HOUR,
        backups=31,
        runs=100,
        failed_runs=0,
    )
    return {**plain, **values}  # type: ignore[typeddict-item]


def kept(name: str, told: EnvironmentRecord | None, since: float = 0.0, why: str = "") -> Kept:
    return Kept(name=name, record=told, page_at=NOW if told else 0.0, failed_since=since, why=why)


def test_the_worst_is_first_and_every_name_is_text() -> None:
    finding = {"name": HOSTILE, "status": "critical", "message": HOSTILE * 9, "fix": HOSTILE}
    rows = [
        Row(kept("a-ok", record()), "a-ok.html"),
        Row(kept("silent", record(), NOW - DAY, f"no route {HOSTILE}"), "silent.html"),
        Row(kept("never", None, NOW - HOUR, "refused"), ""),
        Row(kept(HOSTILE, record(state="critical", findings=[finding], database=HOSTILE, size=None)), "x.html"),
    ]
    page = index(rows, NOW)
    root = ElementTree.fromstring(page)
    cells = [["".join(cell.itertext()) for cell in row] for row in root.findall(".//tbody/tr")]
    assert [row[0] for row in cells] == ["critical", "unknown", "unknown", "ok"]
    assert cells[0][4] == "unknown" and cells[3][5] == "60 min (target 26 h)" and cells[1][1] == "never"
    said = " ".join("".join(each.itertext()) for each in root.findall(".//li"))
    assert "silent could not be asked since 2027-01-14 08:00 UTC: no route" in said
    assert "what is shown is of 2027-01-15 08:00 UTC" in said and "it has never reported" in said
    assert len(root.findall(".//script")) == 1 and "\u202e" not in page
    policy = root.find(".//meta[@http-equiv]")
    assert policy is not None and "script-src 'sha256-" in str(policy.get("content"))


def test_fifty_environments_are_small() -> None:
    finding = {"name": "backup_age", "status": "warning", "message": "m" * 300, "fix": "f" * 200}
    names = [f"database-{number}.production.example.com" for number in range(50)]
    rows = [Row(kept(name, record(state="warning", findings=[finding] * 9)), f"{name}.html") for name in names]
    assert len(index(rows, NOW).encode()) < 300_000


@given(st.text(min_size=1), st.text(min_size=1))
def test_hosts_files_are_their_own_and_stay_in_the_site(one: str, other: str) -> None:
    name = file_name(one)
    assert "/" not in name and not name.startswith((".", "-")) and name != "index" and len(name.encode()) < 200
    assert name.lower() == name and (one == other or name != file_name(other))


def test_check_mode_writes_nothing_and_damaged_data_is_no_host(tmp_path: Path) -> None:
    asked = Call({"site": str(tmp_path / "site"), "asked": {"a": "", "b": "no route"}, "inventory": ["a", "b"]})
    assert report_index(asked._replace(check_mode=True)).data["states"] == {"a": "unknown", "b": "unknown"}
    assert not (tmp_path / "site").exists()
    keep_report(str(tmp_path / "site"), "a", record(), document("a", ""))
    (tmp_path / "site" / "data" / "c.json").write_text("{")
    assert report_index(asked).data["states"] == {"a": "ok", "b": "unknown"}
    page = (tmp_path / "site" / "index.html").read_text()
    assert 'href="a.html"' in page and (tmp_path / "site" / "index.html").stat().st_mode & 0o777 == 0o640
    first = (tmp_path / "site" / "data" / "b.json").read_text()
    assert report_index(asked).data["states"]["b"] == "unknown"
    assert (tmp_path / "site" / "data" / "b.json").read_text() == first, "since the first try that failed"


@given(
    st.dictionaries(st.sampled_from(sorted(EnvironmentRecord.__annotations__)), STRANGE, min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(["name", "page_at", "failed_since", "why"]), STRANGE, max_size=1),
)
def test_what_a_host_tells_breaks_no_page(strange: dict[str, Any], beside: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked = Call({"site": folder, "asked": {"a": "", "b": ""}})
        keep_report(folder, "b", record(), document("b", ""))
        with suppress(TitanError):
            keep_report(folder, "a", {**record(), **strange}, "")
        states = report_index(asked).data["states"]
        assert states["b"] == "ok" and states["a"] in WORDS
        file = Path(folder, "data", "b.json")
        file.write_text(json.dumps({**json.loads(file.read_text()), **beside, "record": {**record(), **strange}}))
        assert set(report_index(asked).data["states"].values()) <= set(WORDS)


def test_a_state_of_another_version_is_unknown_and_a_page_that_may_more_is_refused(tmp_path: Path) -> None:
    asked = Call({"site": str(tmp_path), "asked": {"a": ""}})
    finding = {"name": "x", "status": "degraded", "message": "m", "fix": ""}
    keep_report(str(tmp_path), "a", record(state="degraded", findings=[finding]), "")
    assert report_index(asked).data["states"] == {"a": "unknown"}
    assert ElementTree.fromstring((tmp_path / "index.html").read_text()).tag == "html"
    for page in ("<html/>", document("a", "", script="1"), document("a", "").replace("default-src", "x-src")):
        with pytest.raises(TitanError, match="is not a report of this version"):
            keep_report(str(tmp_path), "a", record(), page)
    assert not (tmp_path / "a.html").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else's links to fear")
def test_a_site_leads_nowhere_by_another_users_link(tmp_path: Path) -> None:
    roots = tmp_path / "roots"
    roots.mkdir()
    with directory_of_nobody("home") as home:
        (home / "site").symlink_to(roots)
        os.lchown(home / "site", NOBODY.pw_uid, NOBODY.pw_gid)
        with pytest.raises(OptionError, match="symbolic link"):
            keep_report(str(home / "site"), "a", record(), "")
        with pytest.raises(OptionError, match="symbolic link"):
            report_index(Call({"site": str(home / "site"), "asked": {"a": ""}}))
    assert not os.listdir(roots)


def test_a_site_that_cannot_be_written_is_a_wrong_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="site.*cannot be written: .* Name a directory of yours"):
        report_index(Call({"site": str(tmp_path / "file"), "asked": {"a": ""}}))
