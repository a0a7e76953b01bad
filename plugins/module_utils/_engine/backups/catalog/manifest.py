# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest: one JSON file beside each backup that says what is in it and how far it has been proven.

It is written last, so a backup without a manifest never counts as one of ours. It is a public format, read years later: what a
newer version wrote and this one does not know is kept when the manifest is written again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..content.fingerprint import Fingerprint
from ..content.left_out import LeftOut, left_out_text
from ..content.structure import Structure
from .naming import DumpKind
from .record_text import format_time
from .source import Source
from .verification import Verification

FORMAT_VERSION = (
    3  # since 2, manifests name the method that hashes rows (without one it is that of 1); since 3, the structure
)


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
                key: len(value) if isinstance(value, Mapping) else value for key, value in found["structure"].items()
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


def source_of(manifest: Manifest | None, kind: DumpKind) -> Source:
    """What a backup's source was, as far as it is known."""
    known = manifest.source if manifest else None
    return known or Source(encoding=kind.encoding if kind.encoding == "SQL_ASCII" else "")
