# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people say about backups that exist: this one stays for ever; this shrink is right."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.files import backup_lock
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from .helpers import backup, drill, info, picture


@pytest.fixture
def pin(call_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """The module; it needs no database."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return lambda **given: call_module("backup_pin", **given)


def test_a_pinned_backup_stays_until_it_is_let_go(
    first: str, small: ConnectionSettings, dest: Path, pin: Callable[..., dict[str, Any]]
) -> None:
    before = picture(dest)
    planned = pin(source=first, check_mode=True)
    assert planned["changed"] is True and picture(dest) == before
    assert planned["diff"]["after"] == f"{Path(first).name} (pinned)\n" and "(pinned)" not in planned["diff"]["before"]

    done = pin(source=first)
    assert done["changed"] is True and done["diff"] == planned["diff"] and done["backup"]["pinned"] is True
    after = picture(dest)
    assert {name for name in before if after[name] != before[name]} <= {f"{Path(first).name}.json", ".small.lock"}
    assert after[f"{Path(first).name}.json"][0] == 0o600
    again = pin(source=first)
    assert again["changed"] is False and picture(dest) == after

    drill(source=first)  # notes its result in the same manifest
    proven = str(backup(small, dest).data["backup"]["path"])
    drill(source=proven)  # so that it is not for its proof that the first one stays
    third = backup(small, dest, keep={"last": 1})
    assert third.data["removed"] == [] and os.path.exists(first)
    assert [item["pinned"] for item in info(dest).data["backups"]] == [False, False, True]
    assert info(dest).summary.splitlines()[2].endswith("restored  pinned")

    assert pin(source=first, state="absent")["changed"] is True
    assert pin(source=first, state="absent")["changed"] is False
    assert backup(small, dest, keep={"last": 1}).data["removed"] == [first, third.data["backup"]["path"]]


def test_the_command_pins_the_newest_verified_one(
    first: str, small: ConnectionSettings, dest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = backup(small, dest).data["backup"]["path"]
    config = dest.parent / "config.json"
    config.write_text(json.dumps({"jobs": {"pin": {"dest": str(dest), "name": "small"}}}))
    Path(newer).write_bytes(Path(newer).read_bytes()[:-1])
    assert cli.main(["pin", "--config", str(config), "--check"]) == 0
    assert cli.main(["pin", "--config", str(config)]) == 0
    assert f"{Path(first).name} is pinned" in capsys.readouterr().out
    assert {item["path"]: item["pinned"] for item in info(dest).data["backups"]} == {first: True, newer: False}
    assert cli.main(["pin", "--config", str(config), "--state", "absent"]) == 2
    assert cli.main(["pin", "--source", first, "--state", "absent"]) == 0
    assert cli.main(["pin", "--source", first, "--state", "for ever"]) == 2
    with backup_lock(str(dest), "small", "a backup"):
        assert cli.main(["pin", "--source", first]) == 75
    assert not any(item["pinned"] for item in info(dest).data["backups"])


def test_what_cannot_be_pinned_is_named(
    first: str, small: ConnectionSettings, dest: Path, pin: Callable[..., dict[str, Any]]
) -> None:
    adopted = dest / "small_20250101_020000.sql.gz"
    Path(backup(small, dest, format="plain").data["backup"]["path"]).rename(adopted)
    cut = Path(first)
    cut.write_bytes(cut.read_bytes()[:-1])
    before = picture(dest)
    for given, word in (
        ({"source": str(dest / "small_20260101_000000.dump")}, "There is no such file"),
        ({"source": str(dest / "notes.txt")}, "'source'"),
        ({"source": str(adopted)}, "a drill gives it one"),
        ({"source": first}, "its size is"),
        ({"dest": str(dest / "missing")}, "There is no directory"),
        ({}, "'source'"),
        ({"state": "absent", "dest": str(dest)}, "Name the backup file"),
    ):
        failed = pin(**given)
        assert failed.get("failed") and word in failed["msg"], failed
    assert picture(dest) == before
    assert pin(source=first, state="absent")["changed"] is False


def test_a_clean_up_by_more_than_half_is_accepted_once(small: ConnectionSettings, dest: Path) -> None:
    """Before that nothing goes, however many nights pass; after it the rules work again; a truncated table stops them again."""
    large = backup(small, dest).data["backup"]["path"]
    with connect(small) as database:
        database.execute("DELETE FROM public.orders WHERE id > 1000")
    for _night in range(2):
        night = backup(small, dest, keep={"last": 1})
        assert night.data["removed"] == [] and "accept_shrink" in night.data["removal_refused"]
        assert "max_shrink" in night.warnings[0]
    assert os.path.exists(large) and len(info(dest).data["backups"]) == 3

    planned = backup(small, dest, check=True, keep={"last": 1}, accept_shrink=True)
    assert len(planned.data["removed"]) == 3 and planned.warnings == ()
    accepted = backup(small, dest, keep={"last": 1}, accept_shrink=True)
    assert len(accepted.data["removed"]) == 3 and accepted.data["removal_refused"] == "" and accepted.warnings == ()
    assert not os.path.exists(large)

    follows = backup(small, dest, keep={"last": 1})
    assert follows.data["removed"] == [accepted.data["backup"]["path"]] and follows.warnings == ()
    assert follows.data["backup"]["shrink_accepted"] == accepted.data["backup"]["started"]
    with connect(small) as database:
        database.execute("TRUNCATE public.orders")
    for _night in range(3):
        night = backup(small, dest, keep={"last": 1})
        assert night.data["removed"] == [] and "500 rows" in night.data["removal_refused"]
    assert os.path.exists(follows.data["backup"]["path"])
