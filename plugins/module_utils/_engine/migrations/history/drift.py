# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fingerprint of the database's objects after each run, and what was changed by hand since."""

from __future__ import annotations

from collections.abc import Mapping

from ...postgres.database import Database
from .records import ObjectChange

_TABLE = """
CREATE TABLE IF NOT EXISTS titan_ops.migration_fingerprint (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  history_id bigint NOT NULL,
  taken timestamptz NOT NULL,
  objects jsonb NOT NULL
);
COMMENT ON TABLE titan_ops.migration_fingerprint IS 'A hash of every object after the last run of migrations.';
"""

# Objects of extensions, of the system and of titan_ops are left out; so are owners, grants, data and sequences' values.
_OBJECTS = """
WITH own AS (
  SELECT n.oid, n.nspname FROM pg_namespace n
   WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'titan_ops')
), member AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
relation AS (
  SELECT c.*, format('%I.%I', own.nspname, c.relname) AS identity FROM pg_class c JOIN own ON own.oid = c.relnamespace
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
), described (kind, identity, definition) AS (
  SELECT 'schema', quote_ident(nspname), '' FROM own
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_namespace'::regclass AND m.objid = own.oid)
  UNION ALL SELECT 'extension', quote_ident(extname), extversion FROM pg_extension
  UNION ALL
  SELECT CASE r.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
         r.identity,
         concat_ws(E'\\n', r.relkind, r.relpersistence, r.relrowsecurity, r.relforcerowsecurity, r.reloptions::text,
           pg_get_partkeydef(r.oid), pg_get_expr(r.relpartbound, r.oid),
           CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END,
           (SELECT string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attnotnull,
              a.attidentity, a.attgenerated, a.attcollation, pg_get_expr(d.adbin, d.adrelid)), E'\\n' ORDER BY a.attname)
              FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
           (SELECT string_agg(h.inhparent::regclass::text, ',' ORDER BY h.inhseqno) FROM pg_inherits h WHERE h.inhrelid = r.oid))
    FROM relation r WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f')
  UNION ALL
  SELECT 'index', r.identity, pg_get_indexdef(r.oid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
    FROM relation r JOIN pg_index i ON i.indexrelid = r.oid
  UNION ALL
  SELECT 'sequence', r.identity, concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle)
    FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
  UNION ALL
  SELECT 'constraint', format('%I on %s', k.conname, r.identity), pg_get_constraintdef(k.oid) || k.convalidated
    FROM pg_constraint k JOIN relation r ON r.oid = k.conrelid
  UNION ALL
  SELECT 'trigger', format('%I on %s', t.tgname, r.identity), pg_get_triggerdef(t.oid) || t.tgenabled::text
    FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'rule', format('%I on %s', u.rulename, r.identity), pg_get_ruledef(u.oid)
    FROM pg_rewrite u JOIN relation r ON r.oid = u.ev_class WHERE u.rulename <> '_RETURN'
  UNION ALL
  SELECT 'policy', format('%I on %s', p.polname, r.identity),
         concat_ws(' ', p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
  UNION ALL
  SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
         format('%I.%I(%s)', own.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
         CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE '' END
    FROM pg_proc p JOIN own ON own.oid = p.pronamespace
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
  UNION ALL
  SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'range' END, format('%I.%I', own.nspname, t.typname),
         concat_ws(' ', (SELECT string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
           format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
           (SELECT string_agg(pg_get_constraintdef(k.oid), ',' ORDER BY k.conname) FROM pg_constraint k WHERE k.contypid = t.oid))
    FROM pg_type t JOIN own ON own.oid = t.typnamespace
   WHERE t.typtype IN ('e', 'd', 'r')
     AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
)
SELECT kind || ' ' || identity AS object, md5(definition) AS hash FROM described
"""

_SAVE = f"""
INSERT INTO titan_ops.migration_fingerprint (history_id, taken, objects)
SELECT max(id), now(), (SELECT coalesce(jsonb_object_agg(object, hash), '{{}}') FROM ({_OBJECTS}) AS every)
  FROM titan_ops.migration_history
ON CONFLICT (one) DO UPDATE SET history_id = excluded.history_id, taken = excluded.taken, objects = excluded.objects
"""  # noqa: S608 - made of our own text


def object_hashes(database: Database) -> dict[str, str]:
    """A hash of every object's definition, by kind and qualified name."""
    with database.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
        database.execute("SET LOCAL search_path = pg_catalog")
        return {row["object"]: row["hash"] for row in database.rows(_OBJECTS)}


def create(database: Database) -> None:
    """Make the table if it is missing: before the files, and under the session's own search_path, since a file may make an
    event trigger that looks at it or needs that path.
    """
    if database.value("SELECT pg_catalog.to_regclass('titan_ops.migration_fingerprint') IS NULL"):
        database.execute(_TABLE)


def save(database: Database) -> None:
    """Put the fingerprint of now in place of the last one."""
    create(database)
    with database.transaction():
        database.execute("SET LOCAL search_path = pg_catalog")
        database.execute(_SAVE)


def drift(database: Database) -> list[ObjectChange] | None:
    """What was changed since the last run: [{object, change}]; None if that is not known.

    It is not known before the first run, and after a run that was cut off.
    """
    if database.value("SELECT pg_catalog.to_regclass('titan_ops.migration_fingerprint') IS NULL"):
        return None
    row = database.row(
        "SELECT f.objects, f.history_id >= (SELECT pg_catalog.max(id) FROM titan_ops.migration_history "
        "WHERE outcome IN ('applied', 'rolled_back') OR steps <> '[]') AS current "
        "FROM titan_ops.migration_fingerprint AS f"
    )
    if row is None or not row["current"]:
        return None
    return compare(row["objects"], object_hashes(database))


def compare(before: Mapping[str, str], now: Mapping[str, str]) -> list[ObjectChange]:
    """The differences of two fingerprints. Pure."""
    changes: list[ObjectChange] = []
    for name in sorted({*before, *now}):
        if name not in now:
            changes.append({"object": name, "change": "dropped"})
        elif name not in before:
            changes.append({"object": name, "change": "added"})
        elif before[name] != now[name]:
            changes.append({"object": name, "change": "changed"})
    return changes
