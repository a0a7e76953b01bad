# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no dump tells of a database, although it changes what the database does: constraints that do not act, subscriptions that do, its own
labels, and additions to the system's schema."""

from __future__ import annotations

from collections.abc import Mapping

from ...postgres.database import Database
from ...text.listed import listed

# pg_dump writes neither the state of the triggers that act for foreign and deferrable keys, nor that a partition is being detached,
# nor that a subscription is enabled, nor the database's own security labels (without --create), nor what is in the system's schemas;
# casts of functions there it does write.
_UNDUMPED = """
SELECT format('constraint %s of %s.%s', k.conname, n.nspname, c.relname) AS what, 'does not act (its triggers are not enabled)' AS state
  FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgisinternal AND t.tgenabled <> 'O'
 UNION
SELECT format('partition %s.%s', n.nspname, c.relname), 'is being detached (DETACH PARTITION ... CONCURRENTLY was cut off)'
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE to_jsonb(i) ->> 'inhdetachpending' = 'true'
 UNION
SELECT format('the database itself (by the provider %s)', l.provider), 'has a security label'
  FROM pg_shseclabel l JOIN pg_database d ON d.oid = l.objoid AND d.datname = current_database()
 WHERE l.classoid = 'pg_database'::regclass
 UNION
SELECT format('subscription %s', s.subname), 'is enabled' FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
 WHERE s.subenabled AND d.datname = current_database()
"""
# What each kind is called, how one of it is named, its catalog, the beginning of the column's names, and which rows are meant.
# Collations come into the system's schema from the host, by pg_import_system_collations(). Release notes have information_schema
# made anew: then all that is in it looks like somebody's.
_KINDS = (
    ("function", "{0}name, pg_get_function_identity_arguments(x.oid)", "pg_proc", "pro", "true"),
    ("operator", "oprname, x.oprleft::regtype || ', ' || x.oprright::regtype", "pg_operator", "opr", "true"),
    ("type", "{0}name", "pg_type", "typ", "typcategory <> 'A' AND typrelid = 0"),
    ("table", "{0}name", "pg_class", "rel", "relkind IN ('r', 'p')"),
    ("view", "{0}name", "pg_class", "rel", "relkind IN ('v', 'm')"),
    ("sequence", "{0}name", "pg_class", "rel", "relkind = 'S'"),
    ("operator class", "{0}name", "pg_opclass", "opc", "true"),
    ("operator family", "{0}name", "pg_opfamily", "opf", "true"),
    ("conversion", "{0}name", "pg_conversion", "con", "true"),
    ("text search configuration", "{0}name", "pg_ts_config", "cfg", "true"),
    ("text search dictionary", "{0}name", "pg_ts_dict", "dict", "true"),
)
_FIRST_OWN = 16384  # the first oid that initdb does not give
_ADDED = """
SELECT format('{kind} %s.{shape}', x.{prefix}namespace::regnamespace, {names}) AS what, 'is in a system schema' AS state
  FROM {catalog} x JOIN pg_namespace n ON n.oid = x.{prefix}namespace AND n.oid < {first} AND n.nspname IN ('pg_catalog', 'information_schema')
 WHERE x.oid >= {first} AND {condition} AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalog}'::regclass AND d.objid = x.oid
                     AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
"""
_QUERY = " UNION ".join(
    (
        _UNDUMPED,
        *(
            _ADDED.format(
                kind=kind,
                shape="%s(%s)" if "," in names else "%s",
                names=names.format(prefix),
                catalog=catalog,
                prefix=prefix,
                condition=condition,
                first=_FIRST_OWN,
            )
            for kind, names, catalog, prefix, condition in _KINDS
        ),
    )
)
# What initdb has made, by what it is called: what is compared, of which rows. Numbers of objects are the same in all databases
# of a server.
_SYSTEM = (
    ("functions", "x.oid, proname, prolang, provolatile, proparallel, proisstrict, prosecdef, proleakproof, proretset, proconfig, "
     "proargtypes, prosrc, probin, to_jsonb(x) ->> 'prosqlbody'", "pg_proc x", "x.oid < {first}"),
    ("views", "x.oid, ev_class, ev_enabled, ev_action", "pg_rewrite x", "ev_class < {first}"),
    ("operators", "x.oid, oprcode, oprrest, oprjoin, oprcom, oprnegate", "pg_operator x", "x.oid < {first}"),
    ("operator families", "amopopr, amopstrategy, amopmethod", "pg_amop x", "amopfamily < {first}"),
    ("casts", "castsource, casttarget, castfunc, castcontext, castmethod", "pg_cast x", "x.oid < {first}"),
    ("search configurations", "x::text", "pg_ts_config_map x", "mapcfg < {first}"),
)  # fmt: skip
_HASHED = "sum(hashtextextended(concat_ws('/', {compared}), 0))::text"
_OF_SYSTEM = "SELECT '{what}' AS what, {value} AS value FROM {rows} WHERE {which}"
_WRITTEN = "concat_ws(' ', count(*), max(x.xmin::text::bigint))"


_TABLE = "table "


def read_undumped(database: Database) -> dict[str, str]:
    """What a dump of the connected database does not tell: what it is, and its state, as a sentence goes on."""
    return {row["what"]: row["state"] for row in database.rows(_QUERY)}


def read_system(database: Database) -> dict[str, str]:
    """A hash of each kind of object that initdb has made: a dump tells no change of them, but can make one."""
    return _of_system(database, _HASHED)


def read_system_writes(database: Database) -> dict[str, str]:
    """The same in two new databases of a server as long as nothing is written to these objects; much quicker than their hash."""
    return _of_system(database, _WRITTEN)


def _of_system(database: Database, value: str) -> dict[str, str]:
    each = (
        _OF_SYSTEM.format(
            what=what, value=value.format(compared=compared), rows=rows, which=which.format(first=_FIRST_OWN)
        )
        for what, compared, rows, which in _SYSTEM
    )
    return {row["what"]: row["value"] for row in database.rows(" UNION ALL ".join(each))}


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
        f"In the source, {listed(names)} {state}. A dump does not contain that: repeat it after a restore."
        for state, names in sorted(by_state.items())
    ]
    return messages, warnings
