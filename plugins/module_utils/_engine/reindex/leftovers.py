# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid indexes that an interrupted REINDEX CONCURRENTLY left behind, TOAST's too."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import DatabaseError
from ..postgres.database import Database, sql
from ..postgres.sqlstates import INSUFFICIENT_PRIVILEGE, LOCK_CONFLICTS, WRONG_OBJECT_TYPE
from ..steps import step


@dataclass(frozen=True)
class Leftover:
    """An invalid index called <base>_ccnew or <base>_ccold (perhaps with a number), whose base index is there."""

    oid: int
    schema: str
    name: str
    base: str
    owned: bool

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


def find_leftovers(database: Database, base_oid: int | None = None) -> list[Leftover]:
    """The leftovers that nobody is working on now; of one index, or of all.

    An invalid index without a base index of the same definition on the same table is not a leftover: it may be
    somebody's failed CREATE INDEX CONCURRENTLY, and is left alone.
    """
    rows = database.rows(
        """
        SELECT DISTINCT ON (c.oid) c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, b.relname::text AS base,
               pg_has_role(c.relowner, 'USAGE') AS owned
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_index bi ON bi.indrelid = i.indrelid AND bi.indexrelid <> i.indexrelid AND bi.indisvalid
               AND bi.indkey::text = i.indkey::text AND bi.indclass::text = i.indclass::text AND bi.indoption::text = i.indoption::text
               AND bi.indpred IS NOT DISTINCT FROM i.indpred AND bi.indexprs IS NOT DISTINCT FROM i.indexprs
          JOIN pg_class b ON b.oid = bi.indexrelid
         WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'
           AND left(b.relname, 40) = left(regexp_replace(c.relname, '_cc(new|old)[0-9]*$', ''), 40)
           AND (%s::bigint IS NULL OR b.oid = %s::bigint)
           AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p
                            WHERE p.relid = i.indrelid AND p.datid = (SELECT oid FROM pg_database WHERE datname = current_database()))
         ORDER BY c.oid
        """,
        (base_oid, base_oid),
    )
    return [Leftover(**row) for row in rows]


def drop_leftover(database: Database, leftover: Leftover) -> str:
    """Drop it; return the reason why not, or an empty string."""
    step("reindex.drop_leftover")
    try:
        database.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(leftover.schema, leftover.name)))
    except DatabaseError as error:
        if error.sqlstate in (INSUFFICIENT_PRIVILEGE, *LOCK_CONFLICTS, WRONG_OBJECT_TYPE):
            return error.message
        raise
    return ""
