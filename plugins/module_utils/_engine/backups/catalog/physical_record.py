# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a physical backup has instead of a manifest: one JSON file that says what it can be compared with, and how far it has been
proven. Like a manifest it is read years later: what a newer version wrote and this one does not know is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ...errors import TitanError
from ..content.fingerprint import Fingerprint, fingerprint_from_manifest
from ..content.row_hash import TEXT
from .record_text import format_time, time_or_none
from .verification import LEVELS, Verification, verification_from_json

FORMAT_VERSION = 1
QUIET, LOCKED, NONE = "quiet", "locked", "none"


@dataclass(frozen=True)
class RestorePoint:
    """A restore point in the write-ahead log, to which the backup can be recovered.

    Attributes:
        target: Its name; empty when there is none.
        lsn: Where it lies.
        proof: How the fingerprint is known to be the content at the restore point. "quiet": no transaction that writes
            was under way anywhere in the cluster. "locked": all of the database's tables were locked against writing for
            the instant. "none": neither could be had.
    """

    target: str = ""
    lsn: str = ""
    proof: str = NONE


@dataclass(frozen=True)
class PhysicalRecord:
    """One physical backup, as its record has it.

    Attributes:
        label, stanza: pgBackRest's names.
        name: The declaration's name.
        database: Whose content is compared; empty for a backup that others took.
        superuser: The cluster's bootstrap role.
        started, finished: Aware UTC times; None where an older record does not say.
        size: Bytes in the repository.
        sha256: Of what identifies the backup in ``pgbackrest info``.
        point: Where the backup's content is known.
        content: The fingerprint of the database's permanent tables at the point; None where nothing is known.
        extra: What this version does not know, as it was read.
    """

    label: str
    name: str
    stanza: str
    sha256: str
    database: str = ""
    superuser: str = "postgres"
    system_identifier: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    size: int = 0
    point: RestorePoint = RestorePoint()
    content: Fingerprint | None = None
    verified: Verification = Verification()
    engine_version: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def comparable(self) -> bool:
        """Whether a restore can be compared with anything."""
        return self.point.proof != NONE

    @property
    def hash_method(self) -> str:
        """How rows are hashed where the restored content is read."""
        return self.content.hash_method if self.content else TEXT

    def with_verification(self, verified: Verification) -> PhysicalRecord:
        return replace(self, verified=verified)

    def as_json(self) -> dict[str, Any]:
        """What is written, and what modules return."""
        return {
            **self.extra,
            "format_version": FORMAT_VERSION,
            "engine_version": self.engine_version,
            "engine": "pgbackrest",
            "stanza": self.stanza,
            "label": self.label,
            "name": self.name,
            "database": self.database,
            "superuser": self.superuser,
            "system_identifier": self.system_identifier,
            "started": format_time(self.started) if self.started else None,
            "finished": format_time(self.finished) if self.finished else None,
            "size": self.size,
            "sha256": self.sha256,
            "point": vars(self.point),
            **(self.content.as_manifest() if self.content else {"tables": [], "large_objects": None}),
            "verified": self.verified.as_json(),
        }


def record_from_json(found: object) -> PhysicalRecord:
    """The record in what was read.

    Raises:
        TitanError: it is none that this version can use; the message is the end of a sentence.
    """
    verified = found.get("verified") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(verified, Mapping):
        raise TitanError("has no usable 'verified'")
    if verified.get("level") not in LEVELS:
        raise TitanError("has no usable level of verification")
    try:
        return _record(found, verified)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TitanError(f"cannot be read ({error})") from error


def _record(found: Mapping[str, Any], verified: Mapping[str, Any]) -> PhysicalRecord:
    point = found.get("point") or {}
    return PhysicalRecord(
        label=str(found.get("label") or ""),
        name=str(found.get("name") or ""),
        stanza=str(found.get("stanza") or ""),
        sha256=str(found.get("sha256") or ""),
        database=str(found.get("database") or ""),
        superuser=str(found.get("superuser") or "postgres"),
        system_identifier=str(found.get("system_identifier") or ""),
        started=time_or_none(found.get("started")),
        finished=time_or_none(found.get("finished")),
        size=int(found.get("size") or 0),
        point=RestorePoint(str(point.get("target", "")), str(point.get("lsn", "")), str(point.get("proof", NONE))),
        content=fingerprint_from_manifest(found) if found.get("tables") or found.get("row_hash") else None,
        verified=verification_from_json(verified),
        engine_version=str(found.get("engine_version") or ""),
        extra={key: value for key, value in found.items() if key not in _KNOWN},
    )


_KNOWN = frozenset({
    "format_version", "engine_version", "engine", "stanza", "label", "name", "database", "superuser", "system_identifier", "started",
    "finished", "size", "sha256", "point", "tables", "large_objects", "row_hash", "verified",
})  # fmt: skip
