# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a backup has been proven, and that part of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .record_text import format_time, time_or_none

LEVELS = ("none", "checksum", "restored")


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


def verification_from_json(found: Mapping[str, Any]) -> Verification:
    """The part "verified" of a manifest."""
    return Verification(
        level=str(found["level"]),
        at=time_or_none(found.get("at")),
        problem=str(found.get("problem") or ""),
        tables=int(found.get("tables") or 0),
        rows=int(found.get("rows") or 0),
        seconds=float(found.get("seconds") or 0),
        notes=tuple(str(note) for note in found.get("notes") or ()),
        sandbox=str(found.get("sandbox") or ""),
        loaded_as=str(found.get("loaded_as") or ""),
    )
