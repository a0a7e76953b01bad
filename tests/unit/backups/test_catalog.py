# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are backups, and what the catalog says about damaged ones."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_file import (
    manifest_path,
    read_manifest,
    write_manifest,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_reader import (
    manifest_from_json,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.naming import (
    EXTENSIONS,
    FileName,
    parse_file_name,
    require_name,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import (
    newest_verified,
    read_catalog,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.record_text import format_time
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.verification import Verification
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=timezone.utc)


def make_backup(
    folder: Path, started: datetime = NOON, level: str = "restored", content: bytes = b"x" * 500, **other: object
) -> Path:
    file = FileName("titan_prod", started, "plain", "gzip")
    path = folder / str(file)
    path.write_bytes(content)
    manifest = {
        "format_version": 1, "file": str(file), "name": "titan_prod", "database": "titan", "system_identifier": "7",
        "started": format_time(started), "finished": format_time(started + timedelta(minutes=1)), "format": "plain",
        "compression": "gzip", "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "tables": [],
        "verified": Verification(level, started + timedelta(minutes=2) if level != "none" else None).as_json(), **other,
    }  # fmt: skip
    write_manifest(str(path), manifest_from_json(manifest))
    return path


@pytest.mark.parametrize("kind", EXTENSIONS)
@pytest.mark.parametrize("name", ["titan_prod", "a", "x" * 63, "a.b+c-d_20200101_000000"])
def test_a_name_comes_back_from_its_file(kind: tuple[str, str], name: str) -> None:
    file = FileName(name, NOON, *kind)
    assert parse_file_name(str(file)) == file


@pytest.mark.parametrize(
    "text",
    [
        "titan_prod_20261122_1200.sql.gz", "titan_prod_20261322_120000.sql.gz", ".titan_20261122_120000.sql.gz",
        "titan_20261122_120000.sql.gz.part", "titan_20261122_120000.globals.sql", "_20261122_120000.sql.gz",
        "titan_20261122_120000.sql.gz\n", "titan_٢٠261122_120000.sql.gz",
    ],
)  # fmt: skip
def test_other_files_are_no_backups(text: str) -> None:
    assert parse_file_name(text) is None


@pytest.mark.parametrize("name", ["", "-x", "../x", "a b", "x" * 64, "ä", "a/b", "a\n"])
def test_names_that_files_cannot_have_are_refused(name: str) -> None:
    with pytest.raises(OptionError) as caught:
        require_name(name)
    assert "'name'" in caught.value.message


def test_the_catalog_is_newest_first_and_one_name_is_not_another(tmp_path: Path) -> None:
    old, new = make_backup(tmp_path, NOON - timedelta(days=1)), make_backup(tmp_path, NOON)
    (tmp_path / "titan_20261122_120000.sql.gz").write_bytes(b"of others")
    (tmp_path / "notes.txt").write_text("x")
    assert [entry.path for entry in read_catalog(str(tmp_path), "titan_prod")] == [str(new), str(old)]
    assert len(read_catalog(str(tmp_path))) == 3
    assert read_catalog(str(tmp_path / "missing")) == []


def test_only_restored_counts_as_verified_unless_told_otherwise(tmp_path: Path) -> None:
    old = make_backup(tmp_path, NOON - timedelta(days=2), "restored")
    checked = make_backup(tmp_path, NOON - timedelta(days=1), "checksum")
    make_backup(tmp_path, NOON, "none")
    entries = read_catalog(str(tmp_path))
    newest, either = newest_verified(entries), newest_verified(entries, "checksum")
    assert newest and newest.path == str(old)
    assert either and either.path == str(checked)
    assert newest_verified([]) is None


def damage_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "level", "word"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "none", "size"),
        (damage_byte, "checksum", "SHA-256"),
        (lambda path: path.unlink(), "none", "missing"),
        (lambda path: Path(f"{path}.json").write_text("{"), "none", "manifest cannot be read"),
        (lambda path: Path(f"{path}.json").write_text("[]"), "none", "not a JSON object"),
        (lambda path: (path.rename(f"{path}.away"), path.symlink_to(f"{path}.away")), "none", "not a regular file"),
    ],
)
def test_damage_is_named_and_takes_the_verification_away(tmp_path: Path, damage: object, level: str, word: str) -> None:
    path = make_backup(tmp_path)
    assert read_catalog(str(tmp_path), verify="checksum")[0].problem == ""
    damage(path)  # type: ignore[operator]
    entry = read_catalog(str(tmp_path), verify=level)[0]
    assert word in entry.problem
    assert entry.verified_level == "none"
    assert newest_verified([entry]) is None


def test_a_manifest_of_another_file_does_not_count(tmp_path: Path) -> None:
    first, second = make_backup(tmp_path, NOON), make_backup(tmp_path, NOON + timedelta(seconds=5))
    os.replace(f"{first}.json", f"{second}.json")
    assert "manifest is that of" in read_catalog(str(tmp_path))[0].problem


WHOLE = b"CREATE TABLE x ();\n" * 1000 + b"--\n-- PostgreSQL database dump complete\n--\n"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (gzip.compress(WHOLE), ""),
        (gzip.compress(WHOLE[:9000]) + gzip.compress(WHOLE[9000:]), ""),
        (gzip.compress(WHOLE)[:-9], "decoded"),
        (gzip.compress(WHOLE[: len(WHOLE) // 2]), "cut"),
        (gzip.compress(b"\n"), "cut"),
        (gzip.compress(b"--\n-- PostgreSQL database dump complete\n--\n"), "no table"),
        (b"no gzip at all", "decoded"),
        (b"", "empty"),
    ],
    ids=["whole", "two_members", "torn", "half", "blank", "no_table", "no_gzip", "empty"],  # gzip's bytes hold the time
)
def test_a_file_without_a_manifest_is_judged_by_its_content(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "titan_prod_20251101_020000.sql.gz").write_bytes(content)
    entry = read_catalog(str(tmp_path), verify="none" if word == "empty" else "checksum")[0]
    assert entry.manifest is None and entry.verified_level == "none"
    assert word in entry.problem and bool(word) == bool(entry.problem)


def test_an_old_manifest_is_read_and_what_a_newer_version_wrote_is_kept(tmp_path: Path) -> None:
    path = make_backup(tmp_path, tables=[{"schema": "s", "name": "t", "rows": 3, "hash": "5"}], later={"a": [1, None]})
    manifest = read_manifest(str(path))
    assert (manifest.fingerprint.hash_method, manifest.source, manifest.tool_major, manifest.fingerprint.rows) == (
        "text",
        None,
        0,
        3,
    )
    write_manifest(str(path), manifest)
    assert json.loads(Path(manifest_path(str(path))).read_text())["later"] == {"a": [1, None]}
    assert read_manifest(str(path)) == manifest
