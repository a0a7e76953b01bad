# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the database says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import DatabaseError, TitanError
from ..migrations.history.known_files import PendingStatus, read_pending_status
from ..postgres.database import Database
from ..postgres.disk import data_directory
from ..postgres.grants import NOT_ALLOWED

_USER = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

_BLOAT = f"""
SELECT n.nspname || '.' || c.relname AS name, pg_relation_size(c.oid) AS bytes,
       greatest(0, 100 * (1 - (c.reltuples * (28 + s.width)) / (c.relpages * (current_setting('block_size')::int - 24.0)))) AS percent
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT coalesce(sum((1 - null_frac) * avg_width), 0) AS width, count(*) AS columns
                        FROM pg_stats WHERE schemaname = n.nspname AND tablename = c.relname AND NOT inherited) s
 WHERE c.relkind = 'r' AND {_USER} AND c.relpages >= 1024 AND c.reltuples >= 0 AND s.columns > 0
 ORDER BY percent DESC LIMIT 1
"""  # noqa: S608

_SEQUENCES = """
SELECT schemaname || '.' || sequencename AS name,
       100.0 * (CASE WHEN increment_by > 0 THEN last_value - min_value ELSE max_value - last_value END)::numeric
             / nullif(max_value::numeric - min_value, 0) AS percent
  FROM pg_sequences WHERE last_value IS NOT NULL AND NOT cycle ORDER BY percent DESC NULLS LAST LIMIT 1
"""

_SLOTS = """
SELECT slot_name AS name, active,
       CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END AS bytes
  FROM pg_replication_slots ORDER BY 3 DESC NULLS LAST
"""

_SLOW = """
SELECT pid, extract(epoch FROM query_start) AS started FROM pg_stat_activity
 WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
   AND clock_timestamp() - query_start > make_interval(secs => %s)
"""

_OLDEST = """
SELECT pid, usename, application_name AS application, extract(epoch FROM clock_timestamp() - xact_start) / 60 AS minutes
  FROM pg_stat_activity WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'
 ORDER BY xact_start LIMIT 1
"""

_INVALID = f"""
SELECT n.nspname || '.' || c.relname AS name
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT i.indisvalid AND c.relkind = 'i' AND (n.nspname = 'pg_toast' OR {_USER})
   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
 ORDER BY 1
"""  # noqa: S608

_WRAPAROUND = """
SELECT greatest(max(age(datfrozenxid)), max(mxid_age(datminmxid))) / 1e6 AS million,
       (SELECT datname FROM pg_database WHERE datallowconn ORDER BY age(datfrozenxid) DESC LIMIT 1) AS name
  FROM pg_database WHERE datallowconn
"""


@dataclass(frozen=True)
class DatabaseFacts:
    """One look at a database; sizes in bytes."""

    name: str
    size: int
    active: int
    waiting: int
    slow: tuple[tuple[int, float], ...]
    bloat: dict[str, Any] | None
    invalid: tuple[str, ...]
    wraparound: dict[str, Any]
    sequence: dict[str, Any] | None
    slots: tuple[dict[str, Any], ...]
    oldest: dict[str, Any] | None
    data_directory: str
    standby: bool
    blind: str = ""  # why other roles' sessions are not seen


def read_facts(database: Database, slow_seconds: float) -> DatabaseFacts:
    """Read everything that the checks need; cheap, and without locks beyond catalog reads."""
    database.execute("SET statement_timeout = '60s'")
    active = """
        SELECT count(*) FILTER (WHERE state <> 'idle') AS active,
               count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting
          FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    """
    sessions = database.row(active) or {}
    return DatabaseFacts(
        name=str(database.value("SELECT current_database()")),
        size=int(database.value("SELECT pg_database_size(current_database())")),
        active=int(sessions["active"]),
        waiting=int(sessions["waiting"]),
        slow=tuple((int(row["pid"]), float(row["started"])) for row in database.rows(_SLOW, (slow_seconds,))),
        bloat=database.row(_BLOAT),
        invalid=tuple(row["name"] for row in database.rows(_INVALID)),
        wraparound=database.row(_WRAPAROUND) or {},
        sequence=database.row(_SEQUENCES),
        slots=tuple(database.rows(_SLOTS)),
        oldest=database.row(_OLDEST),
        data_directory=data_directory(database),
        standby=database.in_recovery(),
        blind=_blind(database),
    )


def _blind(database: Database) -> str:
    """What is missing to see what the sessions of other roles do; empty when nothing is."""
    if database.value("SELECT pg_has_role('pg_read_all_stats', 'USAGE')"):
        return ""
    user = database.value("SELECT current_user")
    return f"only the sessions of {user!r} are seen; to see all, grant pg_monitor to {user!r}"


def read_migrations(database: Database, path: str) -> PendingStatus | str | None:
    """How the history compares with what the last converge knew; or why that cannot be told; None if nobody recorded it."""
    try:
        return read_pending_status(database, path)
    except DatabaseError as error:
        if error.sqlstate != NOT_ALLOWED:
            raise
        user = database.value("SELECT current_user")
        return f"the history cannot be read; GRANT SELECT ON titan_ops.migration_history TO {user}"
    except TitanError as error:
        return error.message


_TABLES = f"""
SELECT n.nspname || '.' || c.relname AS name, pg_total_relation_size(c.oid) AS bytes, pg_indexes_size(c.oid) AS index_bytes,
       CASE WHEN c.reltuples < 0 THEN NULL ELSE c.reltuples::bigint END AS rows, s.n_dead_tup AS dead
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
 WHERE c.relkind IN ('r', 'p', 'm') AND {_USER} ORDER BY 2 DESC, 1
"""  # noqa: S608


def read_tables(database: Database) -> list[dict[str, Any]]:
    """All tables, the largest first: name, bytes (with indexes and TOAST), index_bytes, rows (estimated), dead."""
    return database.rows(_TABLES)


def read_due_rows(database: Database) -> tuple[dict[str, int] | None, str]:
    """Rows that the retention policies say are due, by table; or None and why they are unknown."""
    view = database.value("SELECT to_regclass('public.cleanup_statistics')")
    if view is None:
        return None, "the view cleanup_statistics is not there"
    try:
        rows = database.rows("SELECT table_name, rows_to_delete FROM public.cleanup_statistics")
    except DatabaseError as error:
        if error.sqlstate != NOT_ALLOWED:
            raise
        # A monitor's role need not read the application's rows; the rest of the report does not need it either.
        user = database.value("SELECT current_user")
        said = error.message.removeprefix("PostgreSQL says: ").partition("; ")[0].rstrip(".")
        return None, f"{said}; to count them, grant SELECT on the view and on the policies' tables to {user!r}"
    return {str(row["table_name"]): int(row["rows_to_delete"] or 0) for row in rows}, ""
