# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog of a stanza: what ``pgbackrest info`` says, and how far our records say that it has been proven."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ...errors import OptionError, TitanError
from ...host.files import PART, write_file
from ...host.safe_open import UnsafePathError, regular_stream
from ...text.json_kinds import parsed
from ..programs.pgbackrest import Stanza, read_info, verify_sets
from .entry import PHYSICAL, Entry
from .files import hand_over
from .physical_record import FORMAT_VERSION, PhysicalRecord, record_from_json
from .record_text import json_bytes
from .verification import Verification

POINTER = "pgbackrest.json"
RECORD = ".pgbackrest.json"
UNKNOWN = "pgbackrest verify does not know it"

LABEL = re.compile(r"\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?")
_UNFINISHED = re.compile(rf"\.(?:{LABEL.pattern})?{re.escape(RECORD)}\.[A-Za-z0-9_]{{8}}{re.escape(PART)}")
# What does not change in "info" for as long as the backup is the same one.
_LASTING = ("label", "type", "prior", "reference", "archive", "lsn", "timestamp", "database", "backrest")


def read_pointer(dest: str) -> Stanza | None:
    """The stanza whose backups the directory stands for; None when it holds no pointer.

    Raises:
        TitanError: the pointer is damaged.
    """
    path = os.path.join(dest, POINTER)
    try:
        with regular_stream(path) as stream:
            found = parsed(stream.read())
        return Stanza(os.path.abspath(dest), str(found["name"]), str(found["stanza"]), str(found["config"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OptionError("dest", dest, f"{path} cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TitanError(f"{path} is damaged. Run titan.database.backup_stanza again, which writes it.") from error


def pointer_text(stanza: Stanza) -> bytes:
    """The pointer's content."""
    content = {"format_version": FORMAT_VERSION, "name": stanza.name, "stanza": stanza.stanza, "config": stanza.config}
    return json_bytes(content)


def write_pointer(stanza: Stanza) -> None:
    path = os.path.join(stanza.dest, POINTER)
    write_file(path, pointer_text(stanza), 0o600, "backup.pointer")
    hand_over(path)


def label_of(path: str) -> str:
    """The label in a record's path; empty for another path."""
    name = os.path.basename(path)
    label = name[: -len(RECORD)] if name.endswith(RECORD) else ""
    return label if LABEL.fullmatch(label) else ""


def record_path(stanza: Stanza, label: str) -> str:
    return os.path.join(stanza.dest, label + RECORD)


def write_record(stanza: Stanza, record: PhysicalRecord) -> None:
    """Write the record of a backup: whole or not at all."""
    path = record_path(stanza, record.label)
    write_file(path, json_bytes(record.as_json()), 0o600, "backup.record")
    hand_over(path)


def remove_orphan_records(stanza: Stanza, labels: set[str]) -> None:
    """Remove the records of backups that pgBackRest has no more, and what dead runs left; the caller holds the lock."""
    for item in os.listdir(stanza.dest):
        label = label_of(item)
        if (label and label not in labels) or _UNFINISHED.fullmatch(item):
            os.unlink(os.path.join(stanza.dest, item))


def read_stanza_catalog(stanza: Stanza, verify: str = "none") -> list[Entry]:
    """All backups of the stanza, newest first.

    Args:
        stanza: From read_pointer.
        verify: "checksum" lets pgBackRest read its whole repository.

    Raises:
        TitanError: the repository cannot be read, or does not hold the stanza.
    """
    info = read_info(stanza)
    sound = verify_sets(stanza) if verify == "checksum" and info["backup"] else None
    found = {str(backup["label"]): entry_of(stanza, info, backup, sound) for backup in info["backup"]}
    entries = [
        no_better_than(found[label], [found[part] for part in backup.get("reference") or () if part in found])
        for label, backup in zip(found, info["backup"])
    ]
    return sorted(entries, key=lambda entry: (entry.started, entry.path), reverse=True)


def no_better_than(entry: Entry, parts: Sequence[Entry]) -> Entry:
    """An incremental backup whose parts lie in others: what a drill has found wrong with one of them is wrong with it, too,
    unless it was itself proven since."""
    for part in parts:
        found = part.record.verified if part.record else Verification()
        if found.problem and not (entry.verified_at and found.at and entry.verified_at > found.at):
            problem = entry.problem or f"it builds on {label_of(part.path)}: {found.problem}"
            return replace(entry, problem=problem, verified_level="none", verified_at=None)
    return entry


def read_stanza_entry(path: str, verify: str = "none") -> Entry:
    """The catalog's entry of the backup whose record is (or would be) at path.

    Raises:
        OptionError: pgBackRest has no such backup.
    """
    path = os.path.abspath(path)
    stanza = read_pointer(os.path.dirname(path))
    if stanza is None:
        raise OptionError("source", path, f"Its directory holds no {POINTER}, which says where the backup is.")
    found = next((entry for entry in read_stanza_catalog(stanza, verify) if entry.path == path), None)
    if found is None:
        raise OptionError("source", path, f"pgBackRest has no such backup in stanza {stanza.stanza!r}.")
    return found


def entry_of(
    stanza: Stanza, info: Mapping[str, Any], backup: Mapping[str, Any], sound: Mapping[str, str] | None
) -> Entry:
    """The catalog's entry of one backup in "info"."""
    label, digest = str(backup["label"]), info_digest(info, backup)
    record, problem = read_record(stanza, label, digest)
    if not problem and backup.get("error"):
        problem = "pgBackRest found pages with wrong checksums while it copied them"
    if not problem and sound is not None:
        problem = sound.get(label, UNKNOWN)
    verified = record.verified if record else Verification()
    problem = problem or verified.problem
    return Entry(
        path=record_path(stanza, label),
        name=stanza.name,
        database=record.database if record else "",
        system_identifier=system_identifier(info, backup),
        started=_moment(backup["timestamp"]["start"]),
        finished=_moment(backup["timestamp"]["stop"]),
        size=int(backup["info"]["repository"].get("size") or backup["info"]["repository"].get("delta") or 0),
        sha256=digest,
        format=PHYSICAL,
        verified_level=verified.level if not problem else "none",
        verified_at=verified.at if not problem else None,
        problem=problem,
        manifest=None,
        record=record,
    )


def read_record(stanza: Stanza, label: str, digest: str) -> tuple[PhysicalRecord | None, str]:
    """The record of a backup, None without one; and why it cannot be used, empty if it can."""
    try:
        with regular_stream(record_path(stanza, label)) as stream:
            record = record_from_json(parsed(stream.read()))
    except FileNotFoundError:
        return None, ""
    except UnsafePathError as error:
        return None, f"its record {error.why}"
    except (OSError, ValueError) as error:
        return None, f"its record cannot be read ({error})"
    except TitanError as error:
        return None, f"its record {error.message}"
    if record.sha256 != digest:
        return None, "its record is of another backup with this label"
    return replace(record, label=label), ""


def info_digest(info: Mapping[str, Any], backup: Mapping[str, Any]) -> str:
    """SHA-256 of what identifies the backup: a record counts for this very backup only."""
    lasting = {key: backup.get(key) for key in _LASTING}
    lasting["system_identifier"] = system_identifier(info, backup)
    return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()


def system_identifier(info: Mapping[str, Any], backup: Mapping[str, Any]) -> str:
    return str(_database(info, backup).get("system-id", ""))


def server_major(info: Mapping[str, Any], backup: Mapping[str, Any]) -> int:
    return int(str(_database(info, backup).get("version", "0")).split(".", 1)[0])


def _database(info: Mapping[str, Any], backup: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = backup["database"]
    for each in info["db"]:
        if (each["id"], each.get("repo-key")) == (wanted["id"], wanted.get("repo-key")):
            return dict(each)
    return {}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
