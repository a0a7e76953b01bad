# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pgBackRest prints, read; and what the server must be set to, planned."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.entry import PHYSICAL, Entry
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.physical import (
    entry_of,
    info_digest,
    label_of,
    no_better_than,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.physical_record import (
    PhysicalRecord,
    RestorePoint,
    record_from_json,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.verification import Verification
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.fingerprint import (
    Content,
    Fingerprint,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.keep.plan import KeepRules, make_keep_plan
from ansible_collections.titan.database.plugins.module_utils._engine.backups.pgbackrest.server import (
    ServerState,
    archive_command,
    plan_needs,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.pgbackrest.take import (
    choose_type,
    parse_expired,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pgbackrest import (
    Stanza,
    parse_verify,
)

from tests.manifests import manifest_of

FULL = "20261122-020000F"
INCR = "20261122-020000F_20261123-020000I"
INFO: dict[str, Any] = {
    "backup": [
        {
            "archive": {"start": "000000010000000000000002", "stop": "000000010000000000000003"},
            "backrest": {"format": 5, "version": "2.45"},
            "database": {"id": 1, "repo-key": 1},
            "error": False,
            "info": {"delta": 23213845, "repository": {"delta": 2827226, "size": 2827226}, "size": 23213845},
            "label": FULL,
            "lsn": {"start": "0/2000028", "stop": "0/3000050"},
            "prior": None,
            "reference": None,
            "timestamp": {"start": 1795312800, "stop": 1795312860},
            "type": "full",
        }
    ],
    "db": [{"id": 1, "repo-key": 1, "system-id": 7710990520331636315, "version": "15"}],
    "name": "main",
}


def record(stanza: Stanza, **more: Any) -> None:
    content = {
        "sha256": info_digest(INFO, INFO["backup"][0]),
        "database": "titan",
        "verified": {"level": "restored", "at": "2026-11-22T02:01:30Z", "problem": ""},
        **more,
    }
    Path(stanza.dest, f"{FULL}.pgbackrest.json").write_text(json.dumps(content), encoding="utf-8")


def test_a_backup_is_as_verified_as_the_record_of_this_very_backup_says(tmp_path: Path) -> None:
    stanza = Stanza(str(tmp_path), "titan", "main", "/etc/pgbackrest/main.conf")
    backup = INFO["backup"][0]
    bare = entry_of(stanza, INFO, backup, None)
    assert (bare.verified_level, bare.record, bare.database, bare.format) == ("none", None, "", PHYSICAL)
    assert bare.size == 2827226 and bare.system_identifier == "7710990520331636315" and bare.problem == ""
    assert bare.finished - bare.started == timedelta(seconds=60) and bare.started.tzinfo is timezone.utc

    record(stanza)
    proven = entry_of(stanza, INFO, backup, {FULL: ""})
    assert (proven.verified_level, proven.database, proven.problem) == ("restored", "titan", "")
    assert label_of(proven.path) == FULL

    other = copy.deepcopy(INFO)
    other["backup"][0]["timestamp"]["stop"] += 1
    swapped = entry_of(stanza, other, other["backup"][0], None)
    assert swapped.verified_level == "none" and "of another backup" in swapped.problem

    damaged = entry_of(stanza, INFO, backup, {FULL: "pgbackrest verify says invalid"})
    assert damaged.verified_level == "none" and damaged.problem == "pgbackrest verify says invalid"
    assert "pages with wrong checksums" in entry_of(stanza, INFO, {**backup, "error": True}, None).problem

    for text in ("", "[]", "{}", '{"verified": {"level": "sure"}}', '{"verified": {"level": "none"}, "tables": 5}'):
        Path(proven.path).write_text(text, encoding="utf-8")
        entry = entry_of(stanza, INFO, backup, None)
        assert entry.verified_level == "none" and entry.problem.startswith("its record")


def test_a_record_is_read_as_it_was_written_with_what_a_newer_version_added() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
    content = Fingerprint((Content("public", "ticks", 3, "abc"),), 2, "7", "columns by name")
    written = PhysicalRecord(
        FULL, "titan", "main", "digest", "titan", "owner", "77", noon, noon, 5, RestorePoint("p", "0/1", "quiet"), content,
        Verification("restored", noon, tables=1, rows=3), "0.2.0", {"later": [1]},
    )  # fmt: skip
    assert record_from_json(json.loads(json.dumps(written.as_json()))) == written
    assert written.comparable and written.hash_method == "columns by name"
    bare = PhysicalRecord(FULL, "titan", "main", "digest")
    assert record_from_json(bare.as_json()) == bare and not bare.comparable


def test_verify_is_believed_by_its_words_and_names_the_file() -> None:
    said = f"""2026-11-22 13:59:19.335 P02   INFO: invalid checksum '{FULL}/pg_data/base/5/1255.zst'
stanza: main
status: error
  archiveId: 15-1, total WAL checked: 5, total valid WAL: 5
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: {FULL}, status: invalid, total files checked: 964, total valid files: 963
    missing: 0, checksum invalid: 1, size invalid: 0, other: 0
  backup: {INCR}, status: valid, total files checked: 964, total valid files: 964
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
"""
    found = parse_verify(said)
    assert found[INCR] == ""
    assert "base/5/1255.zst" in found[FULL] and "checksum invalid: 1" in found[FULL]
    lost = parse_verify(
        said.replace("checksum invalid: 1", "checksum invalid: 0").replace(
            "status: invalid", "status: valid", 1
        ).replace("missing: 0, checksum invalid: 0", "missing: 2, checksum invalid: 0", 1)
    )  # fmt: skip
    assert all("archive of write-ahead log (missing: 2)" in problem for problem in lost.values())


def test_what_would_expire_is_read_from_the_dry_run() -> None:
    said = f"""P00   INFO: [DRY-RUN] repo1: expire full backup set {FULL}, {INCR}
P00   INFO: [DRY-RUN] repo1: remove expired backup {INCR}
P00   INFO: [DRY-RUN] repo1: expire full backup 20261101-020000F
"""
    assert parse_expired(said) == {FULL, INCR, "20261101-020000F"}
    assert parse_expired("P00   INFO: [DRY-RUN] repo1: 15-1 no archive to remove\n") == set()


def test_the_type_is_full_when_the_last_sound_full_one_is_old(tmp_path: Path) -> None:
    stanza = Stanza(str(tmp_path), "titan", "main", "/c")
    full = entry_of(stanza, INFO, INFO["backup"][0], None)
    week, now = timedelta(days=7), full.started + timedelta(days=3)
    assert choose_type("auto", [], week, now) == "full"
    assert choose_type("auto", [full], week, now) == "incr"
    assert choose_type("auto", [full], week, now + week) == "full"
    broken = entry_of(stanza, INFO, {**INFO["backup"][0], "error": True}, None)
    assert choose_type("auto", [broken], week, now) == "full"
    assert choose_type("diff", [], week, now) == "diff"
    older = replace(full, started=full.started - timedelta(days=1))
    assert choose_type("auto", [broken, older], week, now) == "full", "pgBackRest would build on the broken one"
    incr = replace(full, path=str(tmp_path / f"{INCR}.pgbackrest.json"), started=now, problem="damaged")
    assert label_of(incr.path) == INCR and choose_type("auto", [incr, full], week, now) == "full"


def test_what_a_drill_found_in_a_full_backup_is_wrong_with_those_that_build_on_it(tmp_path: Path) -> None:
    stanza = Stanza(str(tmp_path), "titan", "main", "/c")
    noon = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
    full = replace(entry_of(stanza, INFO, INFO["backup"][0], None), verified_level="restored", verified_at=noon)
    incr = replace(full, path=str(tmp_path / f"{INCR}.pgbackrest.json"))
    assert no_better_than(incr, [full]) == incr
    found = Verification("none", noon + timedelta(hours=1), "a wrong checksum")
    broken = replace(full, problem="a wrong checksum", record=PhysicalRecord(FULL, "titan", "main", "", verified=found))
    worse = no_better_than(incr, [broken])
    assert worse.problem == f"it builds on {FULL}: a wrong checksum" and worse.verified_level == "none"
    since = replace(incr, verified_at=noon + timedelta(hours=2))
    assert no_better_than(since, [broken]) == since, "restored and compared since"


def test_the_keep_rules_never_take_a_backup_of_pgbackrest(tmp_path: Path) -> None:
    now = datetime(2027, 6, 1, tzinfo=timezone.utc)
    stanza = Stanza(str(tmp_path), "titan", "main", "/c")
    physical = entry_of(stanza, INFO, INFO["backup"][0], None)
    dumps = [
        Entry(
            f"/b/t_{day}.dump",
            "t",
            "t",
            "1",
            now - timedelta(days=day),
            now,
            9,
            "",
            "custom",
            "restored",
            now,
            "",
            manifest_of(),
        )
        for day in (1, 90)
    ]
    plan = make_keep_plan([*dumps, physical], KeepRules(days=30), now, "restored")
    assert [entry.path for entry in plan.remove] == ["/b/t_90.dump"]


def test_only_settings_that_do_not_archive_to_this_stanza_are_needed() -> None:
    stanza = Stanza("/d", "titan", "main", "/etc/it's %here/main.conf")
    command = archive_command(stanza)
    assert command == """pgbackrest '--config=/etc/it'"'"'s %%here/main.conf' --stanza=main archive-push %p"""
    bare = {"wal_level": "minimal", "archive_mode": "off", "archive_command": "(disabled)", "archive_library": ""}
    needs = plan_needs(ServerState(bare, {}), stanza)
    assert [need.name for need in needs] == ["wal_level", "archive_mode", "archive_command"]
    assert not any(need.configured for need in needs)
    waiting = {"wal_level": "replica", "archive_mode": "on", "archive_command": command}
    assert all(need.configured and need.restart for need in plan_needs(ServerState(bare, waiting), stanza))
    good = {**waiting, "wal_level": "logical", "archive_library": ""}
    assert plan_needs(ServerState(good, {}), stanza) == []
    for other in ("/bin/true", "pgbackrest --stanza=main2 archive-push %p", "pgbackrest --stanza=main check"):
        assert [need.name for need in plan_needs(ServerState({**good, "archive_command": other}, {}), stanza)] == [
            "archive_command"
        ]
