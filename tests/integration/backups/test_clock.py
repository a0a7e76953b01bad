# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks: the hour that comes twice, one that is set back, and the window that backups may take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups import results
from ansible_collections.titan.database.plugins.module_utils._engine.backups.dump import take
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from .helpers import backup, info

UTC = timezone.utc


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Backups are taken, and kept or removed, at this time."""

    def put(moment: datetime) -> None:
        monkeypatch.setattr(take, "utc_now", lambda: moment)
        monkeypatch.setattr(results, "utc_now", lambda: moment)

    return put


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process lives where the clocks go back on 25 October 2026 at 03:00 to 02:00."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_hour_that_comes_twice(
    berlin: None, small: ConnectionSettings, dest: Path, set_clock: Callable[[datetime], None]
) -> None:
    """The same time on the wall three times: three names, in order, and the rules count them right."""
    moments = [datetime(2026, 10, 25, 0, 30, tzinfo=UTC) + timedelta(hours=number) for number in range(3)]
    assert [f"{moment.astimezone():%H:%M}" for moment in moments] == ["02:30", "02:30", "03:30"]
    paths = []
    for moment in moments:
        set_clock(moment)
        paths.append(Path(backup(small, dest).data["backup"]["path"]))
    assert [path.name[:21] for path in paths] == [f"small_20261025_0{hour}3000" for hour in range(3)]
    listed = info(dest).data["backups"]
    assert [item["path"] for item in listed] == [str(path) for path in reversed(paths)]
    assert [item["started"] for item in listed] == [f"2026-10-25T0{hour}:30:00Z" for hour in (2, 1, 0)]
    set_clock(datetime(2026, 10, 25, 3, 30, tzinfo=UTC))
    assert backup(small, dest, keep={"last": 2}).data["removed"] == [str(path) for path in paths[:2]]


def test_a_day_more_than_the_clock_shows_is_no_day_more(
    berlin: None, small: ConnectionSettings, dest: Path, set_clock: Callable[[datetime], None]
) -> None:
    """From noon to noon over that night are 25 hours: a rule of one day has passed, on the hour."""
    set_clock(datetime(2026, 10, 24, 10, 0, tzinfo=UTC))
    old = backup(small, dest).data["backup"]["path"]
    set_clock(datetime(2026, 10, 25, 10, 0, tzinfo=UTC))
    assert backup(small, dest, keep={"days": 1}).data["removed"] == []
    set_clock(datetime(2026, 10, 25, 11, 0, tzinfo=UTC))
    assert backup(small, dest, keep={"days": 1}).data["removed"] == [old]


def test_a_clock_that_is_set_back_removes_nothing(
    small: ConnectionSettings, dest: Path, set_clock: Callable[[datetime], None]
) -> None:
    paths = []
    for day in (20, 21):
        set_clock(datetime(2026, 11, day, 2, 0, tzinfo=UTC))
        paths.append(backup(small, dest).data["backup"]["path"])
    set_clock(datetime(2026, 11, 1, 2, 0, tzinfo=UTC))
    done = backup(small, dest, keep={"last": 1})
    assert done.data["removed"] == [] and "dated in the future; check the clock" in done.data["removal_refused"]
    assert all(os.path.exists(path) for path in (*paths, done.data["backup"]["path"]))
    set_clock(datetime(2026, 11, 22, 2, 0, tzinfo=UTC))
    assert len(backup(small, dest, keep={"last": 1}).data["removed"]) == 3


def test_a_backup_that_takes_half_of_its_window_warns(small: ConnectionSettings, dest: Path) -> None:
    """A throw-away cluster cannot be made and used in half a second."""
    given: dict[str, Any] = {"verify": "restored"}
    warned = backup(small, dest, window=1, **given)
    assert [line for line in warned.warnings if "more than half of the window of 1 s" in line]
    took = warned.data["backup"]["seconds"]["dump"] + warned.data["backup"]["verified"]["seconds"]
    assert f"Dump and proof took {took:.0f} s" in warned.warnings[-1]
    assert backup(small, dest, window=36000, **given).warnings == ()
