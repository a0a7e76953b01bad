# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the server has room for the locks that a backup takes, before it takes the first."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import TitanError
from ...postgres.database import Database
from ..content.tables import Table

# The server finds room for more than it was asked to reserve, as long as other shared memory is free.
_SPARE = 1.5

_ROOM = """
SELECT current_setting('max_locks_per_transaction')::int AS each,
       (SELECT sum(setting::int) FROM pg_settings WHERE name IN
         ('max_connections', 'max_prepared_transactions', 'autovacuum_max_workers', 'autovacuum_worker_slots',
          'max_worker_processes', 'max_wal_senders'))::int + 1 AS sessions,
       (SELECT count(*) FROM pg_index WHERE indrelid = ANY (%s::oid[]) AND indisvalid)::int AS indexes
"""


def require_lock_room(database: Database, tables: Sequence[Table]) -> None:
    """Refuse a backup whose locks the server certainly has no room for: on each table, and on its indexes as it is read.

    Raises:
        TitanError: says how much room there is, and how much is wanted.
    """
    row = database.row(_ROOM, ([table.oid for table in tables],))
    if row is None:
        return
    room, wanted = row["each"] * row["sessions"], len(tables) + row["indexes"]
    if wanted <= _SPARE * room:
        return
    enough = -(-wanted // row["sessions"])
    raise TitanError(
        f"The server has room for about {room:,} locks, and a backup of these {len(tables):,} tables and their "
        f"{row['indexes']:,} indexes takes {wanted:,}. Set its max_locks_per_transaction to {enough} or more (it is {row['each']}), "
        "restart it, and run the backup again.",
        max_locks_per_transaction=row["each"],
        wanted=enough,
    )
