# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables whose changes are published: the server refuses to change rows that a subscriber could not tell apart."""

from __future__ import annotations

from collections.abc import Sequence

from ...postgres.database import Database

_QUERY = """
WITH RECURSIVE above(oid) AS (
    SELECT %s::oid UNION SELECT i.inhparent FROM above JOIN pg_inherits i ON i.inhrelid = above.oid JOIN pg_class c ON c.oid = i.inhrelid
     WHERE c.relispartition)
SELECT string_agg(DISTINCT p.pubname, ', ')
  FROM pg_publication p, pg_class c
 WHERE c.oid = %s::oid AND c.relpersistence = 'p' AND CASE %s WHEN 'update' THEN p.pubupdate ELSE p.pubdelete END
   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND CASE c.relreplident
                     WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END)
   AND c.relreplident <> 'f'
   AND (p.puballtables OR EXISTS (SELECT FROM pg_publication_rel r JOIN above ON above.oid = r.prrelid WHERE r.prpubid = p.oid){schemas})
"""
_SCHEMAS = """ OR EXISTS (SELECT FROM pg_publication_namespace s JOIN pg_class a ON a.relnamespace = s.pnnspid JOIN above ON above.oid = a.oid
     WHERE s.pnpubid = p.oid)"""


def unpublishable(database: Database, oid: int, table: str, event: str) -> str:
    """Why the server would refuse to delete (or update) rows of the relation; empty if it would not.

    Args:
        table: The relation's name, for people.
        event: "delete" or "update".
    """
    query = _QUERY.replace("{schemas}", _SCHEMAS if database.major >= 15 else "")
    names = database.value(query, (oid, oid, event))
    if not names:
        return ""
    return (
        f"{table} is published ({names}) without a replica identity, so the server refuses to {event} its rows. "
        f"Give it a primary key, or: ALTER TABLE {table} REPLICA IDENTITY FULL."
    )


_BELOW = """
WITH RECURSIVE tree(oid) AS (SELECT %s::oid UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid)
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS name
  FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' ORDER BY 2
"""


def unpublishable_below(database: Database, oid: int, event: str) -> str:
    """The same for a table and everything below it: the first reason there is."""
    for row in database.rows(_BELOW, (oid,)):
        if why := unpublishable(database, row["oid"], row["name"], event):
            return why
    return ""


def unpublishable_along(database: Database, oids: Sequence[int]) -> str:
    """Why the server would refuse what deleting a row of these relations sets off in the tables that refer to them; empty if not.

    It refuses before it looks whether any row refers.
    """
    rows = database.rows(
        """
        SELECT DISTINCT f.conrelid::bigint AS child, f.confdeltype::text AS action
          FROM pg_constraint f JOIN pg_trigger t ON t.tgconstraint = f.oid AND t.tgrelid = f.confrelid AND t.tgenabled IN ('O', 'A')
         WHERE f.contype = 'f' AND f.confdeltype IN ('c', 'n', 'd') AND f.confrelid = ANY (%s::oid[]) AND f.conparentid = 0 ORDER BY 1, 2
        """,
        (list(oids),),
    )
    for row in rows:
        if why := unpublishable_below(database, row["child"], "delete" if row["action"] == "c" else "update"):
            return f"{why} Deleting a row makes the server do that."
    return ""
