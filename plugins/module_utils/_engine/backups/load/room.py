# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the disks have room for what is about to be written, asked of the directories that it goes to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from ...errors import TitanError
from ...postgres.database import Database
from ...postgres.disk import data_directory

_RESTORED = 1.15  # bytes on disk for each byte of the source
_CLUSTER = 128 << 20  # of a new cluster, with its WAL
_FILES = 8  # of a backup with its manifest
_CLUSTER_FILES = 1300  # of a new cluster (initdb makes about 1,000) with a database
_LEAST_WAL, _MOST_WAL = 32 << 20, 1 << 30


def drill_room(source_bytes: int) -> float:
    """The bytes that a drill takes beside the backup: the database, the cluster around it and its WAL."""
    return source_bytes * _RESTORED + _CLUSTER


def wal_bytes(source_bytes: int) -> int:
    """The WAL that a drill's server may keep; with less it would write all buffers too often."""
    return min(max(source_bytes // 32, _LEAST_WAL), _MOST_WAL)


def require_room(needs: Iterable[tuple[str, float]], advice: str) -> None:
    """Refuse to start without room.

    Args:
        needs: Directories, which need not exist yet, and the bytes that go there; those on one device are added up.
        advice: How the message ends.

    Raises:
        TitanError: names the directory, what is free (bytes or files) and what is needed.
    """
    devices: dict[int, tuple[str, float]] = {}
    for folder, amount in needs:
        device = os.stat(existing(folder)).st_dev
        devices[device] = (folder, devices.get(device, (folder, 0.0))[1] + amount)
    for folder, needed in devices.values():
        free = shutil.disk_usage(existing(folder)).free
        if free < needed:
            raise TitanError(
                f"Not enough room in {folder}: {free // 2**20} MiB are free, {int(needed) // 2**20 + 1} MiB are needed. {advice}",
                free_bytes=free,
                needed_bytes=int(needed),
            )
        state, files = os.statvfs(existing(folder)), _CLUSTER_FILES if needed >= _CLUSTER else _FILES
        if state.f_files and state.f_favail < files:  # 0: the file system has no such limit
            raise TitanError(
                f"Not enough room in {folder}: its file system takes {state.f_favail} more files, and {files} are needed. {advice}",
                free_files=state.f_favail,
                needed_files=files,
            )


def require_room_on_server(server: Database, source_bytes: int) -> None:
    """Refuse a restore that the server's disk has no room for, where the server runs on this host and says where it writes.

    Raises:
        TitanError: names the directory, what is free and what is needed.
    """
    folder = data_directory(server)
    if source_bytes and os.path.isdir(folder):
        require_room([(folder, source_bytes * _RESTORED)], "Make room on the server's disk, or restore on another one.")


def existing(path: str) -> str:
    """The path, or its nearest parent that exists (check mode comes before the directory)."""
    folder = Path(path).absolute()
    while not folder.exists():
        folder = folder.parent
    return str(folder)
