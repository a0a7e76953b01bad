# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A base backup, however it is packed, is called one, so that nobody looks for a fault in it."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.recognise import recognise
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError


def tar_of(*names: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1000
            archive.addfile(member, io.BytesIO(b"x" * 1000))
    return packed.getvalue()


@pytest.mark.parametrize(
    "names",
    [
        ("backup_label", "base/1/112"),  # pg_basebackup -Ft
        ("./README", "./base/1/112"),  # tar in the data directory
        ("main/conf", "main/global/pg_control"),  # tar beside it
        ("base/1/112",),  # wal-g
        ("000000010000000000000002",),  # the log beside it
    ],
)
def test_a_packed_one_is_recognised(tmp_path: Path, names: tuple[str, ...]) -> None:
    for path, content in ((tmp_path / "a", tar_of(*names)), (tmp_path / "b", gzip.compress(tar_of(*names)))):
        path.write_bytes(content)
        with pytest.raises(TitanError, match="base backup"):
            recognise(str(path))


@pytest.mark.parametrize(
    "names",
    [("PG_VERSION",), ("base.tar",), ("backup.info", "data"), ("base", "wals", "identity.json"), ("basebackups_005", "wal_005"), ("tar_partitions",)],
)  # fmt: skip
def test_a_directory_of_one_is_recognised(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(TitanError, match="base backup"):
        recognise(str(tmp_path))


def test_other_archives_are_not_called_so(tmp_path: Path) -> None:
    (tmp_path / "tar").write_bytes(tar_of("notes.txt", "my base/1"))
    with pytest.raises(TitanError, match="not one of pg_dump"):
        recognise(str(tmp_path / "tar"))
    (tmp_path / "base").mkdir()
    with pytest.raises(TitanError, match="toc.dat"):
        recognise(str(tmp_path))
    (tmp_path / "dump").write_bytes(tar_of("toc.dat", "3310.dat", "restore.sql"))
    assert recognise(str(tmp_path / "dump")).format == "tar"
