# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the database says about its tables and its migrations; what several checks need together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import DatabaseError, TitanError
from ..migrations.history.known_files import PendingStatus, read_pending_status
from ..postgres.database import Database
from ..postgres.sqlstates import INSUFFICIENT_PRIVILEGE
from .checks.tables import USERS

_SLOW = """
SELECT pid, extract(epoch FROM query_start) AS started FROM pg_stat_activity
 WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
   AND clock_timestamp() - query_start > make_interval(secs => %s)
"""


class SlowStatement(NamedTuple):
    """A statement that runs: its session, and when it began (seconds since 1970, the server's clock)."""

    pid: int
    started: float


@dataclass(frozen=True)
class TableSize:
    """A table: bytes with indexes and TOAST, rows as estimated (None: never analyzed), dead rows (None: not counted)."""

    name: str
    bytes: int
    index_bytes: int
    rows: int | None
    dead: int | None


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


_TABLES = f"""
SELECT n.nspname || '.' || c.relname AS name, pg_total_relation_size(c.oid) AS bytes, pg_indexes_size(c.oid) AS index_bytes,
       CASE WHEN c.reltuples < 0 THEN NULL ELSE c.reltuples::bigint END AS rows, s.n_dead_tup AS dead
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
 WHERE c.relkind IN ('r', 'p', 'm') AND {USERS} ORDER BY 2 DESC, 1
"""  # noqa: S608


def read_tables(database: Database) -> list[TableSize]:
    """All tables, the largest first."""
    return [TableSize(**row) for row in database.rows(_TABLES)]


def read_due_rows(database: Database) -> tuple[dict[str, int] | None, str]:
    """Rows that the retention policies say are due, by table; or None and why they are unknown."""
    view = database.value("SELECT to_regclass('public.cleanup_statistics')")
    if view is None:
        return None, "the view cleanup_statistics is not there"
    try:
        rows = database.rows("SELECT table_name, rows_to_delete FROM public.cleanup_statistics")
    except DatabaseError as error:
        if error.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        # A monitor's role need not read the application's rows; the rest of the report does not need it either.
        user = database.value("SELECT current_user")
        refused = error.message.removeprefix("PostgreSQL says: ").partition("; ")[0].rstrip(".")
        return None, f"{refused}; to count them, grant SELECT on the view and on the policies' tables to {user!r}"
    return {str(row["table_name"]): int(row["rows_to_delete"] or 0) for row in rows}, ""
