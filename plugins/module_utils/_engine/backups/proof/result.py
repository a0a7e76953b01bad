# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill is asked for beyond the comparison, what it hands over, and what it ends with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Callable, NamedTuple

from ...postgres.connection import ConnectionSettings
from ..catalog.verification import Verification
from ..content.fingerprint import Fingerprint
from ..content.structure import Structure
from ..load.elevated import Superuser
from ..load.loading import Loader
from ..load.selection import Selection
from .comparison import Comparison
from .look import Seen
from .read_restored import LoadersRows


@dataclass(frozen=True)
class DrillResult:
    """What a drill has shown.

    Attributes:
        differences: Sentences; empty when the restore equals the source.
        tables, rows: Compared (or, without a manifest, only counted after the restore).
        seconds: Of the whole drill.
        restored: The restored database's fingerprint.
        warnings: Sentences that make it no other database; that no sandbox could be made, for example.
        seen: What was seen in each restored database; nothing of a scratch database.
        structure: The restored database's, if there was no manifest to compare with.
        sandbox: What the server ran in: "namespaces", "user <name>" for root, else "none".
        loaded_as: The role that loaded the dump.
    """

    differences: tuple[str, ...]
    tables: int
    rows: int
    seconds: float
    restored: Fingerprint
    warnings: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()
    structure: Structure | None = None
    sandbox: str = ""
    loaded_as: str = ""

    def verification(self, level: str, seconds: float | None = None) -> Verification:
        """What a manifest keeps of it: the level, or none with what differs.

        Args:
            level: What it has shown if nothing differs.
            seconds: Of all that was done; of the drill itself if not given.
        """
        return Verification(
            "none" if self.differences else level,
            datetime.now(timezone.utc),
            "; ".join(self.differences),
            self.tables,
            self.rows,
            self.seconds if seconds is None else seconds,
            self.warnings,
            self.sandbox,
            self.loaded_as,
        )

    @property
    def problems(self) -> list[str]:
        """What does not hold although the restore equals the source: checks, and a comparison with a live database."""
        return [problem for each in self.seen for problem in each.problems]


class Part(NamedTuple):
    """A part of a backup.

    Attributes:
        selection: The tables that are wanted.
        reduce: Removes the others from the restored database, whose settings it is given with what has loaded it and reads its rows, and compares.
    """

    selection: Selection
    reduce: Callable[[ConnectionSettings, Loader, LoadersRows], Comparison]


class Restored(NamedTuple):
    """A restored database that equals its source.

    Attributes:
        reader: Who can read all of it; in a cluster of its own, who owns what the source's superuser did, too.
        superuser: None where one role does all.
        sandbox: As in DrillResult.
        content: Its rows, as they were compared.
    """

    reader: ConnectionSettings
    superuser: Superuser | None
    sandbox: str
    content: Fingerprint
