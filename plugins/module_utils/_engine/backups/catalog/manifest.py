# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest: one JSON file beside each backup that says what is in it and how far it has been proven.

It is written last, so a backup without a manifest never counts as one of ours. It is a public format, read years later: what a
newer version wrote and this one does not know is kept when the manifest is written again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from ...errors import TitanError
from ...host.files import write_file
from ...host.safe_open import UnsafePathError, regular_stream
from ..content.fingerprint import Fingerprint, fingerprint_from_manifest
from ..content.left_out import LeftOut, left_out_text
from ..content.structure import Structure, structure_from_json
from .files import hand_over
from .naming import MANIFEST
from .source import Source, source_from_json

FORMAT_VERSION = (
    3  # since 2, manifests name the method that hashes rows (without one it is that of 1); since 3, the structure
)
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


@dataclass(frozen=True)
class Verification:
    """How far a backup has been proven.

    Attributes:
        level: What has been shown: nothing, that the file is whole and readable, or that its restore equals the source.
        at: When; None when never.
        problem: Why the last verification failed; then level is "none".
        tables, rows: Compared after the restore.
        seconds: How long it took.
        notes: What could not be compared, or differs in a way that no restore can keep.
        sandbox: What the server of the drill ran in: namespaces, the user whom root took, or nothing of its own.
        loaded_as: The role that loaded the dump.
    """

    level: str = "none"
    at: datetime | None = None
    problem: str = ""
    tables: int = 0
    rows: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    sandbox: str = ""
    loaded_as: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "at": format_time(self.at) if self.at else None,
            "problem": self.problem,
            "tables": self.tables,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "sandbox": self.sandbox,
            "loaded_as": self.loaded_as,
        }


@dataclass(frozen=True)
class GlobalsFile:
    """The file beside the dump with the cluster's roles and tablespaces."""

    file: str
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True)
class Copied:
    """When the backup was copied away, and whether the copy was read back."""

    at: datetime
    read_back: bool


@dataclass(frozen=True)
class Sealed:
    """What the manifest of an encrypted backup says in clear of the part that is encrypted.

    Attributes:
        file, sha256: The encrypted part, which lies beside the backup.
        salt, tables: A digest of each table's name, so that a table can be looked for without its name standing there.
        rows: In all tables.
        left_out: How many things with rows are not in the backup.
    """

    file: str
    sha256: str
    salt: str
    tables: tuple[str, ...]
    rows: int
    left_out: int


def table_digest(salt: str, schema: str, name: str) -> str:
    """The digest under which a table is found in a sealed manifest."""
    return hashlib.sha256("\0".join((salt, schema, name)).encode()).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """One backup, as its manifest has it.

    Attributes:
        file: Name of the dump that it lies beside.
        name: The part of the file name before the time.
        source: What was dumped; None for a file that others made.
        started, finished: Aware UTC times.
        size: Bytes.
        fingerprint: The rows that were in the source.
        structure: What was in it beside rows; None in manifests of before.
        left_out: What has rows and is not in the backup.
        excluded_data: Schema and name of tables whose definition only is in it.
        sealed: Of an encrypted backup; then all that only the key may open is encrypted, and read from there.
        tool_version: Of pg_dump.
        shrink_accepted: When somebody last said that the database has rightly become smaller; None for never.
        dump_seconds: How long the dump took.
        extra: What this version does not know, as it was read.
    """

    file: str
    name: str
    started: datetime
    finished: datetime
    format: str
    compression: str
    size: int
    sha256: str
    fingerprint: Fingerprint
    verified: Verification = Verification()
    structure: Structure | None = None
    left_out: tuple[LeftOut, ...] = ()
    excluded_data: tuple[tuple[str, str], ...] = ()
    sealed: Sealed | None = None
    database: str = ""
    system_identifier: str = ""
    source: Source | None = None
    tool_version: str = ""
    globals: GlobalsFile | None = None
    pinned: bool = False
    adopted: bool = False
    shrink_accepted: datetime | None = None
    copied: Copied | None = None
    dump_seconds: float = 0.0
    engine_version: str = ""
    host: str = ""
    snapshot: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tool_major(self) -> int:
        """Major version of the pg_dump that made it; 0 where that is not known."""
        return int(self.tool_version.split(".", 1)[0] or 0)

    def with_verification(self, verified: Verification) -> Manifest:
        return replace(self, verified=verified)

    def as_result(self) -> dict[str, Any]:
        """What modules return: without the comment and the settings' values, which may hold secrets; long lists as numbers."""
        if self.sealed:
            return self.in_clear()
        found = self.as_json()
        if self.source:
            found["source"]["properties"]["comment"] = None
            found["source"]["properties"]["settings"] = [
                {"role": each.role, "setting": each.name} for each in self.source.properties.settings
            ]
        if self.structure:
            found["structure"] = {
                key: len(value) if isinstance(value, dict) else value for key, value in found["structure"].items()
            }
        return found

    def in_clear(self) -> dict[str, Any]:
        """What is written of a sealed one in clear: what finding and keeping need."""
        found = {key: value for key, value in self.as_json().items() if key in _IN_CLEAR or key in self.extra}
        problem = _SEALED_PROBLEM if self.verified.problem else ""
        found["verified"] = {**found["verified"], "problem": problem, "notes": [], "loaded_as": ""}
        return {**found, "tables": [], "sealed": vars(self.sealed)}

    @property
    def held_tables(self) -> set[tuple[str, str]]:
        """Schema and name of the tables whose rows the backup holds."""
        tables = {(table.schema, table.name) for table in self.fingerprint.tables}
        return tables - set(self.excluded_data)

    @property
    def without(self) -> str:
        """The end of a sentence on what the backup does not hold; empty when it holds everything."""
        if self.sealed:
            return (
                f", without {self.sealed.left_out} thing(s) that its sealed part names" if self.sealed.left_out else ""
            )
        return left_out_text(self.left_out)

    def as_json(self) -> dict[str, Any]:
        """What is written, with the keys of all versions."""
        found: dict[str, Any] = {
            **self.extra,
            "format_version": FORMAT_VERSION,
            "engine_version": self.engine_version,
            "file": self.file,
            "name": self.name,
            "database": self.database,
            "system_identifier": self.system_identifier,
            "source": self.source.as_json() if self.source else None,
            "tools": {"pg_dump": self.tool_version},
            "host": self.host,
            "started": format_time(self.started),
            "finished": format_time(self.finished),
            "format": self.format,
            "compression": self.compression,
            "size": self.size,
            "sha256": self.sha256,
            "snapshot": self.snapshot,
            **self.fingerprint.as_manifest(),
            "structure": self.structure.as_json() if self.structure else None,
            "left_out": [each._asdict() for each in self.left_out],
            "excluded_data": [list(each) for each in self.excluded_data],
            "globals": vars(self.globals) if self.globals else None,
            "pinned": self.pinned,
            "shrink_accepted": format_time(self.shrink_accepted) if self.shrink_accepted else None,
            "seconds": {"dump": round(self.dump_seconds, 3)},
            "verified": self.verified.as_json(),
        }
        if self.adopted:
            found["adopted"] = True
        if self.copied:
            found["copied"] = {"at": format_time(self.copied.at), "read_back": self.copied.read_back}
        return found


_SEALED_PROBLEM = "its last drill failed or found differences; drill it with its key to read which"
_IN_CLEAR = frozenset({
    "format_version", "engine_version", "file", "name", "database", "system_identifier", "tools", "started", "finished", "format",
    "compression", "size", "sha256", "globals", "pinned", "shrink_accepted", "seconds", "verified", "copied", "adopted",
})  # fmt: skip
_OURS = frozenset({
    *_REQUIRED, "engine_version", "source", "tools", "host", "snapshot", "large_objects", "row_hash", "globals", "pinned",
    "shrink_accepted", "seconds", "adopted", "copied", "structure", "left_out", "excluded_data", "sealed",
})  # fmt: skip


def manifest_from_json(found: Any) -> Manifest:
    """The manifest that was written, by this version or an older one.

    Raises:
        TitanError: it is not a manifest that this version understands; the message says why.
    """
    _check(found)
    globals_, copied, seconds = found.get("globals") or {}, found.get("copied") or {}, found.get("seconds") or {}
    try:
        return Manifest(
            file=found["file"],
            name=found["name"],
            started=parse_time(found["started"]),
            finished=parse_time(found["finished"]),
            format=found["format"],
            compression=found["compression"],
            size=found["size"],
            sha256=found["sha256"],
            fingerprint=fingerprint_from_manifest(found),
            verified=verification_from_json(found["verified"]),
            structure=structure_from_json(found["structure"]) if found.get("structure") else None,
            left_out=tuple(
                LeftOut(each["kind"], each["name"], each["why"], bool(each.get("accepted")))
                for each in found.get("left_out") or ()
            ),
            excluded_data=tuple((schema, name) for schema, name in found.get("excluded_data") or ()),
            database=found["database"],
            system_identifier=found["system_identifier"],
            source=source_from_json(found["source"]) if found.get("source") else None,
            tool_version=str((found.get("tools") or {}).get("pg_dump") or ""),
            globals=GlobalsFile(globals_["file"], globals_.get("sha256", ""), globals_.get("size", 0))
            if globals_
            else None,
            pinned=bool(found.get("pinned")),
            adopted=bool(found.get("adopted")),
            shrink_accepted=_time_or_none(found.get("shrink_accepted")),
            copied=Copied(parse_time(copied["at"]), bool(copied.get("read_back"))) if copied else None,
            dump_seconds=float(seconds.get("dump") or 0),
            engine_version=str(found.get("engine_version") or ""),
            host=str(found.get("host") or ""),
            snapshot=str(found.get("snapshot") or ""),
            sealed=Sealed(**{**found["sealed"], "tables": tuple(found["sealed"]["tables"])})
            if found.get("sealed")
            else None,
            extra={key: value for key, value in found.items() if key not in _OURS},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TitanError(f"its manifest cannot be understood ({type(error).__name__}: {error})") from error


def _check(found: Any) -> None:
    if not isinstance(found, dict):
        raise TitanError("its manifest is not a JSON object")
    for key, kind in _REQUIRED.items():
        if not isinstance(found.get(key), kind):
            raise TitanError(f"its manifest has no usable {key!r}")
    if found["format_version"] > FORMAT_VERSION:
        raise TitanError(f"its manifest has format {found['format_version']}; this version knows {FORMAT_VERSION}")
    if found["verified"].get("level") not in LEVELS:
        raise TitanError("its manifest has no usable level of verification")
    for key in ("started", "finished"):
        try:
            parse_time(found[key])
        except ValueError as error:
            raise TitanError(f"its manifest has no usable {key!r}") from error


def verification_from_json(found: Mapping[str, Any]) -> Verification:
    """The part "verified" of a manifest."""
    return Verification(
        level=str(found["level"]),
        at=_time_or_none(found.get("at")),
        problem=str(found.get("problem") or ""),
        tables=int(found.get("tables") or 0),
        rows=int(found.get("rows") or 0),
        seconds=float(found.get("seconds") or 0),
        notes=tuple(str(note) for note in found.get("notes") or ()),
        sandbox=str(found.get("sandbox") or ""),
        loaded_as=str(found.get("loaded_as") or ""),
    )


def _time_or_none(text: object) -> datetime | None:
    try:
        return parse_time(str(text))
    except ValueError:
        return None


def manifest_path(path: str) -> str:
    """Where the manifest of the backup at path lies."""
    return path + MANIFEST


def read_manifest(path: str) -> Manifest:
    """Read the manifest of the backup at path.

    Raises:
        FileNotFoundError: there is none.
        TitanError: it cannot be read, or is not a manifest that this version understands; the message says why.
    """
    try:
        with regular_stream(manifest_path(path)) as stream:
            found = json.load(stream)
    except FileNotFoundError:
        raise
    except UnsafePathError as error:
        raise TitanError(f"its manifest {error.why}") from error
    except (OSError, ValueError) as error:
        raise TitanError(f"its manifest cannot be read ({error})") from error
    manifest = manifest_from_json(found)
    if manifest.file != os.path.basename(path):
        raise TitanError(f"its manifest is that of {manifest.file!r}")
    return manifest


def write_manifest(path: str, manifest: Manifest, label: str = "backup.manifest") -> None:
    """Write the manifest of the backup at path: whole or not at all, mode 0600."""
    content = manifest.in_clear() if manifest.sealed else manifest.as_json()
    write_file(manifest_path(path), json_bytes(content), 0o600, label)
    hand_over(manifest_path(path))


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """A manifest or record as it is written."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


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
    if len(text) != 20 or text[4] + text[7] + text[10] + text[19] != "--TZ":
        raise ValueError(f"{text!r} is not of the form 2026-11-22T02:00:00Z")
    return datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc)  # strptime takes ten times as long
