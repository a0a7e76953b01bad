# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has rows and is in no dump: pg_dump ends well without it, so it has to be named."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE


class LeftOut(NamedTuple):
    """Something that a backup does not hold.

    Attributes:
        kind: "extension table", "system table", "unlogged table", "foreign table", "subscription", or what an option excludes.
        name: "schema.table", or the subscription's name.
        why: For people.
        accepted: Whether the option "accept_left_out" names it.
    """

    kind: str
    name: str
    why: str
    accepted: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


_EXTENSION_TABLES = """
SELECT n.nspname::text AS schema, c.relname::text AS name, e.extname::text AS extension
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid
 WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND NOT c.oid = ANY(coalesce(e.extconfig, '{}')) ORDER BY 1, 2
"""
# Made by somebody, not by initdb; release notes have information_schema made anew, with the tables that it has of its own.
_SYSTEM_TABLES = """
SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.oid >= 16384 AND n.nspname IN ('pg_catalog', 'information_schema')
   AND c.relname NOT IN ('sql_features', 'sql_implementation_info', 'sql_parts', 'sql_sizing')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                      AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e') ORDER BY 1, 2
"""
_OTHERS = """
SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'unlogged table' END AS kind, n.nspname || '.' || c.relname AS name,
       CASE c.relkind WHEN 'f' THEN 'its rows are on another server'
            ELSE 'the server is a standby, which does not have its rows' END AS why
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'f' OR c.relkind = 'r' AND c.relpersistence = 'u' AND pg_is_in_recovery()
 ORDER BY 1, 2
"""
_SUBSCRIPTIONS = """
SELECT 'subscription' AS kind, subname::text AS name, 'only a superuser may dump it; note how it was made' AS why FROM pg_subscription
 WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) ORDER BY 2
"""


def read_left_out(
    database: Database, accepted: Collection[str] = (), excluded: Collection[LeftOut] = ()
) -> tuple[LeftOut, ...]:
    """What a dump of the connected database will not hold although it has rows.

    Args:
        database: Connected.
        accepted: Names of what may be left out.
        excluded: What the options leave out.
    """
    names = {each.name for each in excluded}
    found = [LeftOut(**row) for row in (*database.rows(_OTHERS), *database.rows(_SUBSCRIPTIONS))]
    for row in database.rows(_EXTENSION_TABLES):
        if _has_rows(database, row["schema"], row["name"]):
            why = f"the extension {row['extension']} owns it and has not marked it as its configuration"
            found.append(LeftOut("extension table", f"{row['schema']}.{row['name']}", why))
    for row in database.rows(_SYSTEM_TABLES):
        if _has_rows(database, row["schema"], row["name"]):
            why = "pg_dump dumps nothing in a system schema; move it (ALTER TABLE ... SET SCHEMA)"
            found.append(LeftOut("system table", f"{row['schema']}.{row['name']}", why))
    both = (*excluded, *(each for each in found if each.name not in names))
    return tuple(each._replace(accepted=each.name in accepted) for each in both)


def _has_rows(database: Database, schema: str, name: str) -> bool:
    """Whether the table has rows, or may have: it cannot be read."""
    try:
        return bool(database.value(sql.SQL("SELECT EXISTS (SELECT FROM ONLY {})").format(sql.Identifier(schema, name))))
    except DatabaseError as error:
        if error.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        return True


def left_out_text(left_out: tuple[LeftOut, ...]) -> str:
    """The end of a sentence: ", without foreign table s.t and extension table x.y"; empty when nothing is left out but
    what was accepted."""
    names = [str(each) for each in left_out if not each.accepted]
    if not names:
        return ""
    shown = [*names[:5], *([f"{len(names) - 5} more"] if len(names) > 5 else [])]
    return ", without " + (" and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0])
