# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a backup directory: their owner, the lock on all of one name, checksum and size of a dump."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import TitanError
from ...host.files import sha256_file
from ...host.safe_open import change_mode, open_regular
from ...postgres.locks import file_lock


def hand_over(path: str) -> None:
    """Give what root has written to the owner of its directory, whose jobs have to read it."""
    if os.geteuid() == 0:
        owner = os.stat(os.path.dirname(os.path.abspath(path)))
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def backup_lock(dest: str, name: str, purpose: str) -> Iterator[None]:
    """Hold the lock on the backups of one name.

    Raises:
        LockedError: another run holds it; says who and since when.
    """
    path = os.path.join(dest, f".{name}.lock")
    with file_lock(path, purpose):
        hand_over(path)
        yield


def digest(path: str) -> str:
    """SHA-256 of the backup at path; of a directory, that of its sorted "<sha256>  <file>" lines."""
    if not os.path.isdir(path):
        return sha256_file(path)
    whole = hashlib.sha256()
    for name in sorted(os.listdir(path)):
        whole.update(f"{sha256_file(os.path.join(path, name))}  {name}\n".encode())
    return whole.hexdigest()


def require_undamaged(path: str, sha256: str) -> None:
    """Read the backup and compare.

    Raises:
        TitanError: its SHA-256 is another one.
    """
    if digest(path) != sha256:
        raise TitanError(
            f"The backup {path} is damaged: its SHA-256 is not the one in its manifest. Name another one in 'source' "
            "(titan-db list --verify checksum shows which are good)."
        )


def irregular_member(path: str) -> str:
    """Why pg_restore may not read the directory at path: it would follow links, and wait for named pipes."""
    with os.scandir(path) as members:
        found = min((each.name for each in members if not each.is_file(follow_symlinks=False)), default="")
    return f"its member {found!r} is not a regular file" if found else ""


def keep_from_others(path: str) -> None:
    """Take what group and others may do with the backup at path away: a dump of others, adopted, is as private as ours."""
    if not os.path.isdir(path):
        places = {path: 0o600}
    else:
        places = {os.path.join(path, name): 0o600 for name in os.listdir(path)}
        change_mode(path, 0o700, os.lstat(path).st_uid)
    for place, mode in places.items():
        descriptor = open_regular(place)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)


def size_of(path: str) -> int:
    """Bytes of the backup at path, a file or a flat directory."""
    if not os.path.isdir(path):
        return os.lstat(path).st_size
    return sum(os.lstat(os.path.join(path, name)).st_size for name in os.listdir(path))
