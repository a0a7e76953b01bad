# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extensions of a database: their versions, what somebody has changed of their members, and making them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...postgres.database import Database, sql

_EXTENSIONS = """
SELECT e.extname::text AS name, e.extversion AS version, n.nspname::text AS schema, coalesce(a.default_version, '') AS default_version
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace LEFT JOIN pg_available_extensions a ON a.name = e.extname
"""
# What ALTER FUNCTION and CREATE OR REPLACE FUNCTION change.
_MEMBER_FUNCTIONS = """
SELECT e.extname::text AS name,
       sum(hashtextextended(concat_ws('/', n.nspname, p.proname, oidvectortypes(p.proargtypes), p.prosrc, p.provolatile, p.proparallel,
                                      p.proisstrict, p.prosecdef, p.proleakproof, p.proconfig), 0))::text AS value
  FROM pg_extension e
  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
  JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace
 GROUP BY 1
"""
# What belongs to an extension's table is no member of it, and in no dump either. The order of columns is that of the scripts.
_MEMBER_RELATIONS = """
SELECT e.extname::text AS name, sum(hashtextextended(concat_ws('/', n.nspname, c.relname, c.relkind, part.text), 0))::text AS value
  FROM pg_extension e
  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
  JOIN pg_class c ON c.oid = d.objid JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
       SELECT concat_ws('/', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(f.adbin, f.adrelid)) AS text
         FROM pg_attribute a LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL SELECT concat_ws('/', k.conname, pg_get_constraintdef(k.oid)) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n'
        UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid
        UNION ALL SELECT concat_ws('/', t.tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
        UNION ALL SELECT concat_ws('/', r.ev_enabled, pg_get_ruledef(r.oid)) FROM pg_rewrite r WHERE r.ev_class = c.oid) part
 GROUP BY 1
"""


class Extension(NamedTuple):
    """An extension: its version, the schema it is in, and the version that CREATE EXTENSION makes on this server."""

    version: str
    schema: str
    default_version: str


def read_member_functions(database: Database) -> dict[str, str]:
    """A hash of the functions of each extension that has some."""
    return _by_extension(database, _MEMBER_FUNCTIONS)


def read_member_relations(database: Database) -> dict[str, str]:
    """A hash of the columns, constraints, indexes, triggers and rules of each extension's tables and views."""
    return _by_extension(database, _MEMBER_RELATIONS)


def _by_extension(database: Database, query: str) -> dict[str, str]:
    return {row["name"]: row["value"] for row in database.rows(query)}


def changed_members(
    source: Mapping[str, str],
    restored: Mapping[str, str],
    extensions: Mapping[str, Extension],
    extensions_now: Mapping[str, Extension],
) -> list[str]:
    """Names of the extensions whose members are not as in the source; another version has other members, and is not compared.

    Args:
        source, restored: A hash of the members, by the extension's name.
        extensions, extensions_now: Their versions.
    """
    return [
        name
        for name, hashed in sorted(source.items())
        if restored.get(name, hashed) != hashed and extensions[name].version == extensions_now[name].version
    ]


def changed_by_hand(what: str, name: str) -> str:
    """What is said of an extension whose members somebody has changed in the source; no dump holds that."""
    return (
        f"{what} of the extension {name} are not as in the source: they were changed there, and a dump does not contain that. "
        "Repeat the change after a restore."
    )


def read_extensions(database: Database) -> dict[str, Extension]:
    """The connected database's extensions."""
    return {
        row["name"]: Extension(row["version"], row["schema"], row["default_version"])
        for row in database.rows(_EXTENSIONS)
    }


def make_extensions(database: Database, extensions: Mapping[str, Extension]) -> None:
    """Make, in an empty database, those extensions that the dump would make in another version than the source's.

    Only those in schemas that every database has, and in a version that the server has; a dump then leaves them as they are.
    """
    for name in makeable_extensions(database, extensions):
        extension = extensions[name]
        make = sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} VERSION {} CASCADE")
        database.execute(make.format(*map(sql.Identifier, (name, extension.schema, extension.version))))


def makeable_extensions(database: Database, extensions: Mapping[str, Extension]) -> list[str]:
    """Names of those that make_extensions() makes."""
    return sorted(
        name
        for name, extension in extensions.items()
        if extension.schema in _THERE and database.value(_OTHER_VERSION, (name, extension.version))
    )


_THERE = ("public", "pg_catalog")
_OTHER_VERSION = """
SELECT EXISTS (SELECT FROM pg_available_extension_versions v JOIN pg_available_extensions a USING (name)
                WHERE v.name = %s AND v.version = %s AND v.version <> a.default_version)
"""
