# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest: one JSON file beside each backup that says what is in it and how far it has been proven.

It is written last, so a backup without a manifest never counts as one of ours.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from ...errors import TitanError
from ...host.files import sha256_file, write_file
from ...postgres.locks import file_lock
from .naming import MANIFEST

FORMAT_VERSION = 2  # since 2, manifests name the way in which rows are hashed; without one it is that of 1
LEVELS = ("none", "checksum", "restored")

_REQUIRED: Mapping[str, type | tuple[type, ...]] = {
    "format_version": int,
    "file": str,
    "name": str,
    "database": str,
    "system_identifier": str,
    "started": str,
    "finished": str,
    "format": str,
    "compression": str,
    "size": int,
    "sha256": str,
    "tables": list,
    "verified": dict,
}


def manifest_path(path: str) -> str:
    """Where the manifest of the backup at path lies."""
    return path + MANIFEST


def read_manifest(path: str) -> dict[str, Any]:
    """Read the manifest of the backup at path.

    Raises:
        FileNotFoundError: there is none.
        TitanError: it cannot be read, or is not a manifest that this version understands; the message says why.
    """
    try:
        with open(manifest_path(path), encoding="utf-8") as stream:
            manifest = json.load(stream)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise TitanError(f"its manifest cannot be read ({error})") from error
    check_manifest(manifest)
    if manifest["file"] != os.path.basename(path):
        raise TitanError(f"its manifest is that of {manifest['file']!r}")
    return dict(manifest)


def check_manifest(manifest: Any) -> None:
    """Raise TitanError, saying why, unless this is a manifest that this version understands."""
    if not isinstance(manifest, dict):
        raise TitanError("its manifest is not a JSON object")
    for key, kind in _REQUIRED.items():
        if not isinstance(manifest.get(key), kind):
            raise TitanError(f"its manifest has no usable {key!r}")
    if manifest["format_version"] > FORMAT_VERSION:
        raise TitanError(f"its manifest has format {manifest['format_version']}; this version knows {FORMAT_VERSION}")
    if manifest["verified"].get("level") not in LEVELS:
        raise TitanError("its manifest has no usable level of verification")
    for key in ("started", "finished"):
        try:
            parse_time(manifest[key])
        except ValueError as error:
            raise TitanError(f"its manifest has no usable {key!r}") from error


def write_manifest(path: str, manifest: Mapping[str, Any], label: str = "backup.manifest") -> None:
    """Write the manifest of the backup at path: whole or not at all, mode 0600."""
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_file(manifest_path(path), text.encode(), 0o600, label)
    hand_over(manifest_path(path))


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


def verification(
    level: str, at: datetime | None = None, problem: str = "", tables: int = 0, rows: int = 0, seconds: float = 0.0
) -> dict[str, Any]:
    """The manifest's "verified" part.

    Args:
        level: What has been shown: nothing, that the file is whole and readable, or that its restore equals the source.
        at: When; None when never.
        problem: Why the last verification failed; then level is "none".
        tables, rows: Compared after the restore.
        seconds: How long it took.
    """
    return {
        "level": level,
        "at": format_time(at) if at else None,
        "problem": problem,
        "tables": tables,
        "rows": rows,
        "seconds": round(seconds, 3),
    }


def unproven(path: str, error: TitanError) -> TitanError:
    """What to say when no verdict on a new backup was reached."""
    return TitanError(
        f"The backup {path} was taken but could not be proven: {error.message} It does not count as verified; "
        "older backups were left alone.",
        **{**error.details, "path": path},
    )


def format_time(moment: datetime) -> str:
    """UTC with seconds: 2026-11-22T02:00:00Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The aware UTC time that format_time wrote.

    Raises:
        ValueError: another form.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def digest(path: str) -> str:
    """SHA-256 of the backup at path; of a directory, that of its sorted "<sha256>  <file>" lines."""
    if not os.path.isdir(path):
        return sha256_file(path)
    whole = hashlib.sha256()
    for name in sorted(os.listdir(path)):
        whole.update(f"{sha256_file(os.path.join(path, name))}  {name}\n".encode())
    return whole.hexdigest()


def size_of(path: str) -> int:
    """Bytes of the backup at path, a file or a flat directory."""
    if not os.path.isdir(path):
        return os.lstat(path).st_size
    return sum(os.lstat(os.path.join(path, name)).st_size for name in os.listdir(path))
