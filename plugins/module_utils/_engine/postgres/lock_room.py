# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the server has room for the locks that a backup or a restore takes, before it takes the first."""

from __future__ import annotations

from ..errors import TitanError
from .database import Database

_SPARE = 1.5

_ROOM = """
SELECT current_setting('max_locks_per_transaction')::int AS each,
       (SELECT sum(setting::int) FROM pg_settings WHERE name IN
         ('max_connections', 'max_prepared_transactions', 'autovacuum_max_workers', 'autovacuum_worker_slots',
          'max_worker_processes', 'max_wal_senders'))::int + 1 AS sessions
"""


def require_lock_room(database: Database, tables: int, indexes: int, what: str) -> None:
    """Refuse work whose locks the server certainly has no room for: on each table, and on each index.

    Args:
        what: The work, as "a backup".

    Raises:
        TitanError: says how much room there is, and how much is wanted.
    """
    row = database.row(_ROOM)
    if row is None:
        return
    room, wanted = row["each"] * row["sessions"], tables + indexes
    if wanted <= _SPARE * room:
        return
    enough = -(-wanted // row["sessions"])
    raise TitanError(
        f"The server has room for about {room:,} locks, and {what} of these {tables:,} tables and their {indexes:,} indexes takes "
        f"{wanted:,}. Set its max_locks_per_transaction to {enough} or more (it is {row['each']}), restart it, and run it again.",
        max_locks_per_transaction=row["each"],
        wanted=enough,
    )
