# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the report: sizes, rows, and how many of them are due."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import DatabaseError
from ...postgres.database import Database
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE
from ...postgres.stand_ins import must_not_plan
from ..checks.tables import USERS


@dataclass(frozen=True)
class TableSize:
    """A table: bytes with indexes and TOAST, rows as estimated (None: never analyzed), dead rows (None: not counted)."""

    name: str
    bytes: int
    index_bytes: int
    rows: int | None
    dead: int | None


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
    if must_not_plan(database):
        return None, "a superuser would run functions of the tables' owners; connect as a role that is none"
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
