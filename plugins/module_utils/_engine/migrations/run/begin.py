# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every run that records something begins with: its own tables are there, and it has seen what was changed by hand."""

from __future__ import annotations

from ...postgres.database import Database
from ..history import drift, write
from ..indexes import skipped


def begin(database: Database, history: str) -> tuple[drift.Begun, write.ExecutedBy]:
    """Make the tables that are missing; return how the run finds the database, and who executes it.

    Raises:
        DatabaseError: not allowed; the message says which right is missing.
    """
    write.create(database, history)
    drift.create(database, history)
    skipped.create(database)
    executor = write.executed_by(database, history)
    return drift.begin(database, history), executor
