# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the database says about its sessions, its clock and its migrations."""

from __future__ import annotations

import time
from typing import NamedTuple

from ..errors import DatabaseError, TitanError
from ..migrations.history.known_files import PendingStatus, read_pending_status
from ..migrations.takeover.other_tables import advice, other_histories
from ..postgres.database import Database
from ..postgres.sqlstates import INSUFFICIENT_PRIVILEGE

_SLOW = """
SELECT pid, extract(epoch FROM query_start) AS started FROM pg_stat_activity
 WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
   AND clock_timestamp() - query_start > make_interval(secs => %s)
"""


class SlowStatement(NamedTuple):
    """A statement that runs: its session, and when it began (seconds since 1970, the server's clock)."""

    pid: int
    started: float


def read_slow_statements(database: Database, seconds: float) -> list[SlowStatement]:
    """The statements of this database that have been running for longer."""
    return [SlowStatement(int(row["pid"]), float(row["started"])) for row in database.rows(_SLOW, (seconds,))]


def blind_role(database: Database) -> str:
    """The name of the role when it does not see what the sessions of others do; else empty."""
    return str(
        database.value("SELECT CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN '' ELSE current_user END")
    )


def clock_difference(database: Database) -> float:
    """Seconds by which the server's clock is ahead of this host's; as exact as half the time of the way there and back."""
    before = time.time()
    there = float(database.value("SELECT extract(epoch FROM clock_timestamp())"))
    after = time.time()
    apart, half = there - (before + after) / 2, (after - before) / 2
    return 0.0 if abs(apart) <= half else apart


def untaken_histories(database: Database, status: PendingStatus | str | None) -> tuple[str, ...]:
    """What to do first about another tool's history, where none of our files was ever applied; nothing of its table is read."""
    if not isinstance(status, PendingStatus) or not status.unbegun:
        return ()
    return tuple(advice(noted) for noted in other_histories(database, by_size=True))


def read_migrations(database: Database, path: str) -> PendingStatus | str | None:
    """How the history compares with what the last converge knew; or why that cannot be told; None if nobody recorded it."""
    try:
        return read_pending_status(database, path)
    except DatabaseError as error:
        if error.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        user = database.value("SELECT current_user")
        return f"the history cannot be read; GRANT SELECT ON titan_ops.migration_history TO {user}"
    except TitanError as error:
        return error.message
