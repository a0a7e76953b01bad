# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalog says about the foreign keys that a deletion meets."""

from __future__ import annotations

import re
from typing import Any

from ...postgres.database import Database, Row, sql
from .published import unpublishable_below
from .references import Reference

DEEPEST = 8  # cascades that are followed

# Of a foreign key f (pg_constraint): the columns that refer, those that they refer to, and the operators that compare the referenced
# column with the referencing one, in this order.
COMPARED = """
       ARRAY(SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY k(num, place)
               JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num ORDER BY k.place) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY k(num, place)
               JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.num ORDER BY k.place) AS keys,
       ARRAY(SELECT format('OPERATOR(%%I.%%s)', m.nspname, o.oprname) FROM unnest(f.conpfeqop) WITH ORDINALITY k(num, place)
               JOIN pg_operator o ON o.oid = k.num JOIN pg_namespace m ON m.oid = o.oprnamespace ORDER BY k.place) AS operators
"""

_QUERY = """
SELECT f.oid::bigint AS oid, f.confdeltype::text AS action, f.confrelid::bigint AS target, f.conrelid::bigint AS child,
       (SELECT relkind = 'p' FROM pg_class WHERE oid = f.confrelid) AS partitioned,
       n.nspname::text AS schema, c.relname::text AS name,
__COMPARED__,
       has_table_privilege(f.conrelid, 'SELECT') AND NOT row_security_active(f.conrelid) AS readable
  FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE f.contype = 'f' AND f.confrelid = ANY (%s::oid[]) AND f.conparentid = 0
   AND to_jsonb(f) ->> 'conenforced' IS DISTINCT FROM 'false'  -- a column since version 18
   AND ((SELECT relkind = 'p' FROM pg_class WHERE oid = f.confrelid) OR EXISTS (
       SELECT FROM pg_trigger t WHERE t.tgconstraint = f.oid AND t.tgrelid = f.confrelid AND t.tgenabled IN ('O', 'A')))
 ORDER BY n.nspname, c.relname, f.oid
""".replace("__COMPARED__", COMPARED)


def foreign_keys_to(database: Database, oids: list[int]) -> list[Row]:
    """The enforced foreign keys to these relations, as rows: oid, action (pg_constraint.confdeltype), target and child (oids),
    partitioned (the target is), schema, name, columns, keys, operators, readable.
    """
    return database.rows(_QUERY, (oids,))


def references_to(database: Database, oids: list[int]) -> tuple[Reference, ...]:
    """The foreign keys that stop deleting rows of these relations, also those that stop what a deletion sets off in others."""
    return _references(database, oids, frozenset(oids), frozenset())


def _references(
    database: Database, oids: list[int], own: frozenset[int], seen: frozenset[int]
) -> tuple[Reference, ...]:
    """The same, for rows that are deleted along where seen (foreign keys on the way, by oid) is not empty."""
    if len(seen) >= DEEPEST:
        return ()
    found = []
    for row in foreign_keys_to(database, oids):
        through: tuple[Reference, ...] = ()
        stops: Any = None
        kept: Any = None
        event = {"c": "delete", "n": "update", "d": "update"}.get(row["action"], "")
        refused = bool(seen and event and unpublishable_below(database, row["child"], event))
        if row["action"] == "c" and row["child"] not in own and not refused:
            if row["oid"] in seen:
                continue
            through = _references(database, [row["child"]], own, seen | {row["oid"]})
            if not through:
                continue
        elif row["action"] in ("n", "d") and not refused:
            stops, kept = _of_new_values(database, row)
            if stops is None:
                continue
        found.append(
            Reference(
                target=0 if row["partitioned"] or len(oids) == 1 else row["target"],
                schema=row["schema"],
                name=row["name"],
                columns=tuple(row["columns"]),
                keys=tuple(row["keys"]),
                operators=tuple(row["operators"]),
                own=row["child"] in own,
                level=row["child"] == row["target"],
                readable=bool(row["readable"]),
                through=through,
                stops=stops,
                kept=kept,
                always=refused,
            )
        )
    return tuple(found)


_COLUMNS = """
SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull OR t.typnotnull AS filled,
       pg_get_expr(d.adbin, d.adrelid) AS default,
       coalesce((SELECT a.attnum = ANY (s.set) FROM (SELECT ARRAY(SELECT jsonb_array_elements_text(  -- a column since version 15
           CASE jsonb_typeof(to_jsonb(f) -> 'confdelsetcols') WHEN 'array' THEN to_jsonb(f) -> 'confdelsetcols' END)::int) AS set) s
          WHERE s.set <> '{}'), true) AS changed
  FROM pg_constraint f CROSS JOIN LATERAL unnest(f.conkey) WITH ORDINALITY k(num, place)
  JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE f.oid = %s ORDER BY k.place
"""
_CHECKS = """
SELECT pg_get_expr(k.conbin, k.conrelid) AS condition,
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS columns
  FROM pg_constraint k WHERE k.contype = 'c' AND k.conrelid = %s
"""
_CALL = re.compile(r"[\w\"]\(")


def _of_new_values(database: Database, row: Row) -> tuple[Any, Any]:
    """Which rows the server cannot set to NULL or to their default, and which referenced rows that default names.

    Returns:
        Reference.stops, or None when none of them stops, and Reference.kept.
    """
    columns = database.rows(_COLUMNS, (row["oid"],))
    default = row["action"] == "d"
    values: dict[str, sql.Composable] = {}
    for column in columns:
        text = column["default"] if default and column["default"] else "NULL"
        if _CALL.search(text):
            return sql.SQL("true"), None  # what it would be is known only then
        if column["changed"]:
            values[column["name"]] = sql.SQL("({})::{}").format(sql.SQL(text), sql.SQL(column["type"]))
    tests: list[sql.Composable] = [
        sql.SQL("{} IS NULL").format(values[column["name"]])
        for column in columns
        if column["filled"] and column["changed"]
    ]
    for check in database.rows(_CHECKS, (row["child"],)):
        if set(check["columns"]) & set(values):
            inner = [
                sql.SQL("{} AS {}").format(values.get(name, sql.SQL("c.{}").format(sql.Identifier(name))), sql.Identifier(name))
                for name in check["columns"]
            ]  # fmt: skip
            tests.append(
                sql.SQL("(SELECT ({}) IS FALSE FROM (SELECT {}) x)").format(
                    sql.SQL(check["condition"]), sql.SQL(", ").join(inner)
                )
            )
    kept = None
    if default and any(column["changed"] and column["default"] not in (None, "NULL") for column in columns):
        tests.append(_refers_to_none(database, row, values))
        if len(values) == len(columns):
            kept = sql.SQL("({})").format(
                sql.SQL(" AND ").join(
                    sql.SQL("coalesce({} {} {}, false)").format(sql.Identifier(key), sql.SQL(operator), values[name])
                    for key, operator, name in zip(row["keys"], row["operators"], row["columns"])
                )
            )
    return (sql.SQL(" OR ").join(tests) if tests else None), kept


def _refers_to_none(database: Database, row: Row, values: dict[str, sql.Composable]) -> Any:
    """That the referring row (c) would refer to no row, or to the one that goes, with its new values."""
    parent = database.row(
        "SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.oid = %s",
        (row["target"],),
    )
    before = {name: sql.SQL("c.{}").format(sql.Identifier(name)) for name in row["columns"]}
    after = {name: values.get(name, before[name]) for name in row["columns"]}
    matches = [
        sql.SQL("q.{} {} {}").format(sql.Identifier(key), sql.SQL(operator), after[name])
        for key, operator, name in zip(row["keys"], row["operators"], row["columns"])
    ]
    return sql.SQL("({} AND ({} OR NOT EXISTS (SELECT FROM {} q WHERE {})))").format(
        sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(value) for value in after.values()),
        sql.SQL(" AND ").join(
            sql.SQL("{} IS NOT DISTINCT FROM {}").format(before[name], after[name]) for name in before
        ),
        sql.Identifier(parent["schema"], parent["name"]) if parent else sql.NULL,
        sql.SQL(" AND ").join(matches),
    )


def is_referenced(database: Database, oids: list[int], schema: str, name: str) -> bool:
    """Whether a row of one relation (schema and name) is referred to by a foreign key to one of these (oids), or may be."""
    for row in database.rows(_QUERY, (oids,)):
        if not row["readable"]:
            return True
        matches = [
            sql.SQL("p.{} {} c.{}").format(sql.Identifier(key), sql.SQL(operator), sql.Identifier(column))
            for key, operator, column in zip(row["keys"], row["operators"], row["columns"])
        ]
        query = sql.SQL("SELECT EXISTS (SELECT FROM ONLY {} p JOIN {} c ON {})").format(
            sql.Identifier(schema, name), sql.Identifier(row["schema"], row["name"]), sql.SQL(" AND ").join(matches)
        )
        if database.value(query):
            return True
    return False
