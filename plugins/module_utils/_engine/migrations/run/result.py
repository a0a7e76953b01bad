# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of one file: what is returned of it, and the row of one that failed."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import TitanError
from ...outcome import Data
from ..files.migration import Migration
from ..history import write
from ..history.records import IndexRecord, StepRecord
from ..history.write import Attempt, ExecutedBy
from ..session.session import Session


@dataclass
class Result:
    """What was done for one migration; indexes as {name, table, outcome, bytes, duplicate_of, line}."""

    migration: Migration
    action: str = "apply"
    milliseconds: int = 0
    steps: list[StepRecord] = field(default_factory=list)
    indexes: list[IndexRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    transaction: bool = True

    def as_dict(self) -> Data:
        return {
            "version": self.migration.version, "name": self.migration.name, "file": self.migration.file,
            "ms": self.milliseconds, "transaction": self.transaction, "steps": self.steps, "indexes": self.indexes,
        }  # fmt: skip


def record_failure(session: Session, executor: ExecutedBy, attempt: Attempt, error: TitanError) -> None:
    """Write the failed attempt's row, if the connection still lives."""
    if session.database.closed or attempt.started is None:
        return
    if attempt.row:
        write.update(session.database, attempt, "failed", error.message)
    else:
        write.insert(session.database, executor, attempt, "failed", error.message)
