# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the server's write-ahead log reaches the archive: without it, physical backups end at the last segment that did."""

from __future__ import annotations

from collections.abc import Mapping

from ..postgres.database import Database
from .thresholds import Check, judge

# A standby archives nothing unless archive_mode is "always"; what its statistics hold is from before.
_FAILING = """
SELECT a.last_failed_wal AS segment,
       CASE WHEN a.last_failed_time > coalesce(a.last_archived_time, '-infinity')
            THEN extract(epoch FROM clock_timestamp() - coalesce(a.last_archived_time, a.last_failed_time)) / 60 ELSE 0 END AS minutes
  FROM pg_stat_archiver a
 WHERE current_setting('archive_mode') = 'always' OR current_setting('archive_mode') = 'on' AND NOT pg_is_in_recovery()
"""


def read_archiving(database: Database) -> tuple[float, str] | None:
    """Minutes since the last success while archiving fails (0 while it works), and the segment; None where nothing is archived."""
    row = database.row(_FAILING)
    return (float(row["minutes"]), str(row["segment"] or "")) if row else None


def archiving_checks(found: tuple[float, str] | None, limits: Mapping[str, tuple[float, float]]) -> list[Check]:
    """The check, where the server archives."""
    if found is None:
        return []
    minutes, segment = found
    fix = "the server's log says what archive_command printed; until it works again the log fills the disk of the database"
    return [judge("archiving", minutes, limits, f"segment {segment} is not taken" if minutes else "", fix)]
