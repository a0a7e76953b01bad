# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables whose changes are published: the server refuses to change rows that a subscriber could not tell apart."""

from __future__ import annotations

from ...postgres.database import Database
from ..policies.tables import Leaf

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


def unpublishable(database: Database, leaf: Leaf, event: str) -> str:
    """Why the server would refuse to delete (or update) rows of the relation; empty if it would not.

    Args:
        event: "delete" or "update".
    """
    query = _QUERY.replace("{schemas}", _SCHEMAS if database.major >= 15 else "")
    names = database.value(query, (leaf.oid, leaf.oid, event))
    if not names:
        return ""
    table = f"{leaf.schema}.{leaf.name}"
    return (
        f"{table} is published ({names}) without a replica identity, so the server refuses to {event} its rows. "
        f"Give it a primary key, or: ALTER TABLE {table} REPLICA IDENTITY FULL."
    )
