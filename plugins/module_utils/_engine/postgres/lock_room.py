# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the server has room for the locks that a backup or a restore takes, before it takes the first."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import TitanError
from .database import Database

_SPARE = 1.5

_ROOM = """
SELECT pg_catalog.current_setting('max_locks_per_transaction')::int AS each,
       (SELECT sum(setting::int) FROM pg_settings WHERE name IN
         ('max_connections', 'max_prepared_transactions', 'autovacuum_max_workers', 'autovacuum_worker_slots',
          'max_worker_processes', 'max_wal_senders'))::int + 1 AS sessions
"""


class LockRoom(NamedTuple):
    """What the server has room for.

    Attributes:
        each: Its max_locks_per_transaction.
        sessions: So many times that.
    """

    each: int
    sessions: int

    @property
    def locks(self) -> int:
        return self.each * self.sessions

    def enough(self, wanted: int) -> int:
        """The max_locks_per_transaction that makes room for as many locks."""
        return -(-wanted // self.sessions)

    def advice(self, wanted: int) -> str:
        """What to set for as many locks, as a sentence; more than there is if nobody knows how many are wanted."""
        enough = self.enough(wanted)
        to = f"to {enough} or more" if enough > self.each else "higher"
        return f"Set its max_locks_per_transaction {to} (it is {self.each}), restart it, and run it again."


def lock_room(database: Database) -> LockRoom:
    row = database.row(_ROOM) or {"each": 64, "sessions": 100}
    return LockRoom(row["each"], row["sessions"])


def require_lock_room(database: Database, tables: int, indexes: int, what: str) -> None:
    """Refuse work whose locks the server certainly has no room for: on each table, and on each index.

    Args:
        what: The work, as "a backup".

    Raises:
        TitanError: says how much room there is, and how much is wanted.
    """
    room, wanted = lock_room(database), tables + indexes
    if wanted <= _SPARE * room.locks:
        return
    raise TitanError(
        f"The server has room for about {room.locks:,} locks, and {what} of these {tables:,} tables and their {indexes:,} indexes "
        f"takes {wanted:,}. {room.advice(wanted)}",
        max_locks_per_transaction=room.each,
        wanted=room.enough(wanted),
    )
