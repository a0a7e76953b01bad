# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking up between batches: are the standbys far behind, is the disk of the write-ahead log nearly full?

Nobody can be waiting for us between batches, since each batch is its own transaction.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Callable

from ...postgres.database import Database
from ...postgres.disk import data_directory, free_bytes

PATIENCE = 60.0  # seconds to wait for it to get better before the run ends
EVERY = 1.0  # seconds between two looks


@dataclass
class Throttle:
    """Waits while something is wrong; gives up after PATIENCE seconds.

    Attributes:
        database: The connection that deletes.
        lag_bytes: How far a standby may be behind in replaying; 0 does not look.
        free_bytes: How much of the disk under the write-ahead log has to stay free; 0 does not look.
    """

    database: Database
    lag_bytes: int
    free_bytes: int
    sleep: Callable[[float], None] = time.sleep
    _last: float = field(default=float("-inf"))

    def __call__(self, deadline: float) -> str:
        """Wait until all is well; return why the run has to end, or an empty string."""
        if time.monotonic() - self._last < EVERY:
            return ""
        begun = time.monotonic()
        try:
            while why := self._trouble():
                spent = time.monotonic() - begun
                if spent >= PATIENCE or time.monotonic() >= deadline:
                    return why
                self.sleep(min(1.0, 0.1 + spent / 4))
        finally:
            self._last = time.monotonic()
        return ""

    def _trouble(self) -> str:
        lag = replica_lag(self.database) if self.lag_bytes else 0
        if lag > self.lag_bytes:
            return f"a standby is {lag >> 20:,} MiB behind, more than max_replica_lag_mb allows"
        free = wal_disk_free(self.database) if self.free_bytes else None
        if free is not None and free < self.free_bytes:
            return f"the disk of the write-ahead log has {free >> 20:,} MiB free, less than min_free_wal_mb asks for"
        return ""


def replica_lag(database: Database) -> int:
    """Bytes that the slowest streaming standby has not replayed; 0 where the role may not see it."""
    return int(
        database.value(
            "SELECT coalesce(max(pg_current_wal_insert_lsn() - replay_lsn), 0)::bigint FROM pg_stat_replication "
            "WHERE state = 'streaming'"
        )
    )


def wal_disk_free(database: Database) -> int | None:
    """Free bytes where the server writes its log; None when that cannot be seen from this host."""
    folder = data_directory(database)
    return free_bytes(os.path.join(folder, "pg_wal"), folder) if folder else None
