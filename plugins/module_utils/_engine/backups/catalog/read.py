# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog of a backup directory: what its files and manifests say, and whether they still agree."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from ...errors import OptionError, TitanError
from ...host.act_as import closed_by
from .entry import Entry
from .files import digest, irregular_member, size_of
from .integrity import content_problem
from .manifest import Manifest
from .manifest_file import manifest_path, read_manifest
from .naming import MANIFEST, FileName, parse_file_name
from .physical import label_of, read_pointer, read_stanza_catalog, read_stanza_entry
from .verification import Verification

CLOCK_SLACK = timedelta(minutes=5)  # how far apart two hosts' clocks may be


def read_catalog(dest: str, name: str | None = None, verify: str = "none", structures: bool = True) -> list[Entry]:
    """All backups in a directory, newest first.

    Args:
        dest: The directory; one that does not exist holds no backups.
        name: Only backups of this name; None or empty for all.
        verify: "none" compares sizes with the manifests; "checksum" reads every byte.
        structures: False where no backup is compared with what its manifest says of the schema, which takes the most room.

    Raises:
        OptionError: dest exists but is no directory or cannot be read, or verify is another word.
    """
    if verify not in ("none", "checksum"):
        raise OptionError("verify", verify, "Allowed: none, checksum.")
    dest = os.path.abspath(dest)
    try:
        names = os.listdir(dest)
    except FileNotFoundError:
        return []
    except OSError as error:
        owner = closed_by(dest)
        remedy = f" Run it as {owner}: sudo -u {owner} titan-db ..." if owner else ""
        raise OptionError("dest", dest, f"It must be a readable directory ({error.strerror}).{remedy}") from error
    found = {item: parse_file_name(item) for item in {item.removesuffix(MANIFEST) for item in names}}
    entries = [
        _entry(os.path.join(dest, item), parsed, verify, structures)
        for item, parsed in found.items()
        if parsed and (not name or name == parsed.name)
    ]
    stanza = read_pointer(dest)
    if stanza and (not name or name == stanza.name):
        entries += read_stanza_catalog(stanza, verify)
    return sorted(entries, key=lambda entry: (entry.started, entry.path), reverse=True)


def read_entry(path: str, verify: str = "none") -> Entry:
    """The catalog's entry of one backup, wherever it lies.

    Raises:
        OptionError: the file name is not that of a backup.
    """
    if label_of(path):
        return read_stanza_entry(path, verify)
    parsed = parse_file_name(os.path.basename(path))
    if not parsed:
        raise OptionError("source", path, "It must be a backup called <name>_YYYYMMDD_HHMMSS.<extension>.")
    return _entry(os.path.abspath(path), parsed, verify)


def of_others(path: str | None) -> bool:
    """Whether the path is given and its name is none of a backup: others have made the dump."""
    return bool(path) and not label_of(str(path)) and parse_file_name(os.path.basename(str(path))) is None


def others_entry(path: str) -> Entry:
    """What is known of a dump that others made and called as they like.

    Raises:
        OptionError: there is nothing.
    """
    path = os.path.abspath(path)
    try:
        made = datetime.fromtimestamp(os.stat(path).st_mtime, timezone.utc)
        size = size_of(path)
    except OSError as error:
        raise OptionError("source", path, f"It cannot be read ({error.strerror}).") from error
    name = os.path.basename(path)
    return Entry(path, name, "", "", made, made, size, "", "", "none", None, "", None)


def from_the_future(entry: Entry, now: datetime | None = None) -> bool:
    """Whether the backup is dated later than now: a clock was wrong, and how old it is nobody knows."""
    return entry.started > (now or datetime.now(timezone.utc)) + CLOCK_SLACK


def newest_verified(entries: Iterable[Entry], level: str = "restored") -> Entry | None:
    """The newest backup that is verified. One from the future is not the newest of anything.

    Args:
        entries: From read_catalog.
        level: What counts: "restored", or "checksum" to count both.
    """
    levels = ("restored",) if level == "restored" else ("checksum", "restored")
    good = [
        entry
        for entry in entries
        if entry.verified_level in levels and not entry.problem and not from_the_future(entry)
    ]
    return max(good, key=lambda entry: entry.started, default=None)


def _entry(path: str, parsed: FileName, verify: str, structures: bool = True) -> Entry:
    manifest, problem = None, ""
    try:
        manifest = read_manifest(path, structures)
    except FileNotFoundError:
        pass
    except TitanError as error:
        problem = error.message
    size = 0
    try:
        problem = problem or _kind_problem(path, parsed)
        size = size_of(path)
        problem = problem or _content_problem(path, parsed, manifest, size, verify)
    except FileNotFoundError:
        problem = "its file is missing; only the manifest is there"
    except OSError as error:
        problem = problem or f"it cannot be read ({error.strerror})"
    verified = manifest.verified if manifest else Verification()
    problem = problem or verified.problem
    return Entry(
        path=path,
        name=parsed.name,
        database=manifest.database if manifest else "",
        system_identifier=manifest.system_identifier if manifest else "",
        started=manifest.started if manifest else parsed.started,
        finished=manifest.finished if manifest else parsed.started,
        size=size,
        sha256=manifest.sha256 if manifest else "",
        format=parsed.format,
        verified_level=verified.level if not problem else "none",
        verified_at=verified.at if not problem else None,
        problem=problem,
        manifest=manifest,
    )


def _kind_problem(path: str, parsed: FileName) -> str:
    status = os.lstat(path)
    wanted = stat.S_ISDIR if parsed.format == "directory" else stat.S_ISREG
    if not wanted(status.st_mode):
        return "it is not a directory" if parsed.format == "directory" else "it is not a regular file"
    return irregular_member(path) if parsed.format == "directory" else ""


def _content_problem(path: str, parsed: FileName, manifest: Manifest | None, size: int, verify: str) -> str:
    if manifest and size != manifest.size:
        return f"its size is {size} bytes, but {manifest.size} in the manifest"
    if verify == "none":
        return "it is empty" if size == 0 else ""
    if manifest:
        found = digest(path)
        return "" if found == manifest.sha256 else f"its SHA-256 is {found}, but {manifest.sha256} in the manifest"
    return content_problem(path, parsed)


def files_of(entry: Entry) -> list[str]:
    """Everything that belongs to the backup and exists: the dump first, the manifest last, so that at no moment of a
    removal a dump is there without its manifest."""
    parts = (entry.manifest.globals, entry.manifest.sealed) if entry.manifest else ()
    beside = [part.file for part in parts if part]
    folder = os.path.dirname(entry.path)
    paths = [entry.path, *(os.path.join(folder, os.path.basename(item)) for item in beside), manifest_path(entry.path)]
    return [path for path in paths if os.path.lexists(path)]
