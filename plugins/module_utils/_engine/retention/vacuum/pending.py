# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relations that still want the VACUUM of a run that was cut off.

Before its first batch a run writes down in titan_ops.retention_pending_vacuum which relations it is about to change, and
removes them from it after their VACUUM. What a later run finds there, of a session that is gone, it vacuums. Who may not
write there, or not vacuum the table, notes nothing: autovacuum does it then.
"""

from __future__ import annotations

from collections.abc import Collection

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ...postgres.grants import NOT_ALLOWED
from ...steps import step
from ..policies.tables import Table

_TABLE = """
CREATE TABLE IF NOT EXISTS titan_ops.retention_pending_vacuum (
    relation_oid  bigint PRIMARY KEY,
    relation_name text NOT NULL,
    pid           int NOT NULL,
    session_start timestamptz NOT NULL,
    noted_at      timestamptz NOT NULL DEFAULT pg_catalog.now()
)"""


def _exists(database: Database) -> bool:
    return bool(database.value("SELECT to_regclass('titan_ops.retention_pending_vacuum') IS NOT NULL"))


def _may_note(database: Database, table: Table) -> bool:
    if not table.owned:
        return False
    if _exists(database):
        return bool(
            database.value(
                "SELECT bool_and(has_table_privilege('titan_ops.retention_pending_vacuum', right_)) "
                "FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) right_"
            )
        )
    return bool(database.value("SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'titan_ops'"))


def _create(database: Database) -> bool:
    """Make the table, as the schema's owner's: a backup by that role has to be able to read it. Return whether that could be done."""
    owner = database.value("SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'titan_ops'")
    try:
        with database.transaction():
            database.execute(_TABLE)
            database.execute(
                sql.SQL("ALTER TABLE titan_ops.retention_pending_vacuum OWNER TO {}").format(sql.Identifier(str(owner)))
            )
    except DatabaseError as error:
        if error.sqlstate != NOT_ALLOWED:
            raise
        return False
    return True


def note(database: Database, table: Table, oids: Collection[int]) -> None:
    """Write down that these relations of the table will want a VACUUM."""
    if not oids or not _may_note(database, table):
        return
    step("cleanup.note")
    if not _exists(database) and not _create(database):
        return
    database.execute(
        "INSERT INTO titan_ops.retention_pending_vacuum SELECT c.oid, c.relname, a.pid, a.backend_start "
        "FROM pg_class c, pg_stat_activity a WHERE c.oid = ANY (%s::oid[]) AND a.pid = pg_backend_pid() "
        "ON CONFLICT (relation_oid) DO UPDATE SET (relation_name, pid, session_start, noted_at) "
        "= (excluded.relation_name, excluded.pid, excluded.session_start, excluded.noted_at)",
        (list(oids),),
    )


def forget(database: Database, table: Table, oids: Collection[int]) -> None:
    """Forget these relations, and those that are no more."""
    if oids and _exists(database) and _may_note(database, table):
        database.execute(
            "DELETE FROM titan_ops.retention_pending_vacuum u WHERE relation_oid = ANY (%s) "
            "OR NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = u.relation_oid AND c.relname = u.relation_name)",
            (list(oids),),
        )


def interrupted(database: Database, table: Table) -> dict[int, str]:
    """The table's relations (oid) whose VACUUM an earlier run did not come to, and when that run began with them."""
    if not _exists(database) or not _may_note(database, table):
        return {}
    rows = database.rows(
        """
        SELECT u.relation_oid AS oid, date_trunc('second', u.noted_at)::text AS noted
          FROM titan_ops.retention_pending_vacuum u JOIN pg_class c ON c.oid = u.relation_oid AND c.relname = u.relation_name
         WHERE c.oid = ANY (%s::oid[]) AND NOT EXISTS (  -- a run at work is not cut off
               SELECT FROM pg_stat_activity a WHERE a.pid = u.pid AND coalesce(a.backend_start, u.session_start) = u.session_start)
        """,
        ([leaf.oid for leaf in table.leaves],),
    )
    return {row["oid"]: row["noted"] for row in rows}
