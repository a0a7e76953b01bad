# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup as the catalog lists it, whichever engine took it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from .manifest import Manifest, table_digest
from .physical_record import PhysicalRecord

PHYSICAL = "pgbackrest"  # the format of pgBackRest's backups, which its own rules remove


@dataclass(frozen=True)
class Entry:
    """One backup.

    Attributes:
        path: The file, or the directory of the format "directory".
        name: The part of the file name before the time.
        database, system_identifier: Of the source; empty without a manifest.
        started, finished: Aware UTC times; without a manifest both are the time in the name.
        size: Bytes now.
        sha256: As the manifest has it; empty without one.
        format: plain, custom, directory, or pgbackrest for a backup of a whole cluster (then path is our record of it).
        verified_level: none, checksum or restored; none as soon as there is a problem.
        verified_at: When that was shown.
        problem: Empty, or why this must not be relied on.
        manifest: The whole manifest; None for a file that others made (adopted, unverified) and for a physical backup.
        record: What a physical backup has instead of a manifest; None for one that others took.
    """

    path: str
    name: str
    database: str
    system_identifier: str
    started: datetime
    finished: datetime
    size: int
    sha256: str
    format: str
    verified_level: str
    verified_at: datetime | None
    problem: str
    manifest: Manifest | None
    record: PhysicalRecord | None = None

    @property
    def adopted(self) -> bool:
        """Whether others made it, and nothing is known of its source."""
        return self.written is None

    @property
    def written(self) -> Manifest | PhysicalRecord | None:
        """What we wrote of it when it was taken."""
        return self.manifest or self.record

    @property
    def pinned(self) -> bool:
        """Whether the keep rules never remove it."""
        return bool(self.manifest and self.manifest.pinned)

    @property
    def without(self) -> str:
        """The end of a sentence on what it does not hold; empty when it holds everything."""
        return self.manifest.without if self.manifest else ""

    @property
    def rows(self) -> int:
        """Rows in the source's tables; 0 where that is not known."""
        if self.manifest and self.manifest.sealed:
            return self.manifest.sealed.rows
        return self.manifest.fingerprint.rows if self.manifest else 0

    def lacks(self, tables: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of the tables (schema, name) that a dump is known not to hold; a physical backup holds them all."""
        if self.manifest is None:
            return []
        sealed = self.manifest.sealed
        if sealed:
            return sorted(each for each in tables if table_digest(sealed.salt, *each) not in sealed.tables)
        held = self.manifest.held_tables
        return sorted(set(tables) - held)
