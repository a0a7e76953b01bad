# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid indexes that are no leftover of REINDEX: failed CREATE INDEX CONCURRENTLY, and what pg_repack left behind."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import DatabaseError
from ..postgres.database import Database, sql
from ..postgres.sqlstates import INSUFFICIENT_PRIVILEGE, LOCK_CONFLICTS, UNIQUE_VIOLATION
from ..steps import step

# pg_repack builds copies called index_<oid of the index> beside the indexes of the table.
_QUERY = """
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, format('%s.%s', tn.nspname, t.relname) AS "table",
       t.oid::bigint AS table_oid, i.indisexclusion AS exclusion,
       c.relname ~ '^index_[0-9]+$' OR EXISTS (
           SELECT FROM pg_index o WHERE o.indrelid = i.indrelid AND o.indexrelid <> i.indexrelid AND o.indisvalid
              AND o.indisunique = i.indisunique AND o.indkey::text = i.indkey::text AND o.indnkeyatts = i.indnkeyatts
              AND o.indclass::text = i.indclass::text AND o.indoption::text = i.indoption::text
              AND o.indcollation::text = i.indcollation::text AND o.indpred IS NOT DISTINCT FROM i.indpred
              AND o.indexprs IS NOT DISTINCT FROM i.indexprs) AS superfluous
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
 WHERE NOT i.indisvalid AND c.relkind = 'i' AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.conindid = c.oid)
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'
   AND c.relname !~ '_cc(new|old)[0-9]*$'
   AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p
                    WHERE p.relid = i.indrelid AND p.datid = (SELECT oid FROM pg_database WHERE datname = current_database()))
 ORDER BY n.nspname, c.relname
"""


@dataclass(frozen=True)
class FailedBuild:
    """An invalid index; superfluous: a valid one of the same definition is there, or pg_repack made it."""

    oid: int
    schema: str
    name: str
    table: str
    table_oid: int
    exclusion: bool
    superfluous: bool

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


def find_failed_builds(database: Database) -> list[FailedBuild]:
    """The failed builds of the database that nobody is working on now."""
    return [FailedBuild(**row) for row in database.rows(_QUERY)]


def mend(database: Database, index: FailedBuild) -> str:
    """Drop the index when it is superfluous, otherwise rebuild it; return the reason why not, or an empty string."""
    step("reindex.mend_failed_build")
    name = sql.Identifier(index.schema, index.name)
    if index.exclusion:
        return "exclusion constraints cannot be rebuilt concurrently"
    before = _copies(database, index)
    try:
        database.execute(
            sql.SQL("DROP INDEX CONCURRENTLY {}" if index.superfluous else "REINDEX INDEX CONCURRENTLY {}").format(name)
        )
    except DatabaseError as error:
        if error.lost:
            raise
        _drop_copies(database, index, before)
        if error.sqlstate == UNIQUE_VIOLATION:
            return f"rows of {index.table} have the same key: remove them, or drop the index (DROP INDEX CONCURRENTLY {index.full_name})"
        if error.sqlstate not in (INSUFFICIENT_PRIVILEGE, *LOCK_CONFLICTS) and error.sqlstate[:2] not in ("22", "23"):
            raise
        return error.message
    return ""


def _copies(database: Database, index: FailedBuild) -> set[str]:
    """The invalid copies that REINDEX leaves on the table when it fails."""
    rows = database.rows(
        "SELECT c.relname::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = %s AND NOT i.indisvalid AND c.relname ~ '_ccnew[0-9]*$'",
        (index.table_oid,),
    )
    return {str(row["name"]) for row in rows}


def _drop_copies(database: Database, index: FailedBuild, before: set[str]) -> None:
    for name in sorted(_copies(database, index) - before):
        database.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(index.schema, name)))
