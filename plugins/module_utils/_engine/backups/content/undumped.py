# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no dump tells of a database, although it changes what the database does: constraints that do not act, and additions to
the system's schema."""

from __future__ import annotations

from collections.abc import Mapping

from ...postgres.database import Database
from ...text.listed import listed

# pg_dump writes neither the state of the triggers that act for foreign and deferrable keys, nor what is in pg_catalog. There it
# does write casts of such functions. Collations come there from the host, by pg_import_system_collations().
_UNDUMPED = """
SELECT format('constraint %s of %s.%s', k.conname, n.nspname, c.relname) AS what, 'does not act (its triggers are not enabled)' AS state
  FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgisinternal AND t.tgenabled <> 'O'
 UNION
SELECT format('function pg_catalog.%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)), 'is in the system''s schema'
  FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid >= 16384 AND NOT {0}
 UNION
SELECT format('table %s.%s', n.nspname, c.relname), 'is in the system''s schema' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND n.nspname IN ('pg_catalog', 'information_schema')
   AND c.relname NOT IN ('sql_features', 'sql_implementation_info', 'sql_parts', 'sql_sizing') AND NOT {3}
 UNION
SELECT format('operator pg_catalog.%s(%s, %s)', o.oprname, o.oprleft::regtype, o.oprright::regtype), 'is in the system''s schema'
  FROM pg_operator o WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oid >= 16384 AND NOT {1}
 UNION
SELECT format('type pg_catalog.%s', y.typname), 'is in the system''s schema'
  FROM pg_type y WHERE y.typnamespace = 'pg_catalog'::regnamespace AND y.oid >= 16384 AND y.typcategory <> 'A' AND NOT {2}
"""
_MEMBER = """EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{0}'::regclass AND d.objid = {1}.oid
                     AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')"""
_QUERY = _UNDUMPED.format(
    _MEMBER.format("pg_proc", "p"),
    _MEMBER.format("pg_operator", "o"),
    _MEMBER.format("pg_type", "y"),
    _MEMBER.format("pg_class", "c"),
)


_TABLE = "table "


def read_undumped(database: Database) -> dict[str, str]:
    """What a dump of the connected database does not tell: what it is, and its state, as a sentence goes on."""
    return {row["what"]: row["state"] for row in database.rows(_QUERY)}


def undumped_differences(
    source: Mapping[str, str] | None, restored: Mapping[str, str] | None
) -> tuple[list[str], list[str]]:
    """What makes the restore another database, and what no restore can keep.

    Args:
        source, restored: From read_undumped(); None where it was not read.
    """
    if source is None or restored is None:
        return [], []
    messages = [
        f"{what} {state} after the restore, which is not so in the source"
        for what, state in sorted(restored.items())
        if what not in source
    ]
    lost = sorted(
        what for what in source if what not in restored and not what.startswith(_TABLE)
    )  # their rows are named as left out
    by_state: dict[str, list[str]] = {}
    for what in lost:
        by_state.setdefault(source[what], []).append(what)
    warnings = [
        f"In the source, {listed(names)} {state}. No dump holds that: make it so again after a restore."
        for state, names in sorted(by_state.items())
    ]
    return messages, warnings
