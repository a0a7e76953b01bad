# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the database says of the tables that lint rules found."""

from __future__ import annotations

import re

from ...errors import DatabaseError
from ...postgres.database import Database
from ...text.quoted import quoted_name
from ..indexes.tables import rows_of
from .rule import Match
from .view import last_part, parts_of

_TABLE_OF_INDEX = (
    "SELECT indrelid::pg_catalog.regclass::text FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass(%s)"
)
_COLUMN = """
SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attname = %s AND NOT a.attisdropped
"""
_CHECKS = """
SELECT pg_catalog.pg_get_constraintdef(k.oid) AS definition FROM pg_catalog.pg_constraint k
 WHERE k.conrelid = pg_catalog.to_regclass(%s) AND k.contype = 'c' AND k.convalidated
"""
_INDEXED = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
 WHERE i.indrelid = pg_catalog.to_regclass(%s) AND a.attname = %s AND i.indisvalid AND i.indpred IS NULL)
"""
_DEPENDENTS = """
SELECT DISTINCT CASE WHEN v.oid IS NOT NULL THEN 'view ' || v.oid::pg_catalog.regclass::text
       WHEN k.oid IS NOT NULL THEN 'constraint ' || k.conname || ' on ' || k.conrelid::pg_catalog.regclass::text
       ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END AS what
  FROM pg_catalog.pg_depend d
  LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
  LEFT JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
  LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
 WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = pg_catalog.to_regclass(%s) AND d.deptype = 'n'
   AND coalesce(v.oid, k.conrelid, 0) <> d.refobjid ORDER BY 1 LIMIT 10
"""
_ANYWHERE = """
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relname = %s AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'titan_ops')
 ORDER BY c.reltuples DESC, pg_catalog.pg_relation_size(c.oid) DESC LIMIT 1
"""
_LARGEST = """
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND (%s::text IS NULL OR n.nspname = %s)
   AND (%s OR EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisclustered))
 ORDER BY pg_catalog.pg_relation_size(c.oid) DESC LIMIT 1
"""
_LENGTH = re.compile(r"(?P<name>character varying|numeric)(?:\((?P<length>\d+)(?:,(?P<scale>\d+))?\))?\Z")


class Facts:
    """Asks each thing once."""

    def __init__(self, database: Database, limit: int) -> None:
        self._database, self._limit = database, limit
        self._rows: dict[str, int] = {}

    def rows_at_stake(self, match: Match) -> int:
        """The rows of the table that a blocking statement is about; 0 if it costs nothing there."""
        if match.what in ("all", "clustered"):
            return self._largest(match)
        if not match.table or not _is_name(match.table):
            return 0
        table = match.table
        if match.what == "index":
            table = str(self._database.value(_TABLE_OF_INDEX, (table,)) or "")
        if not table or self._is_free(match):
            return 0
        if table not in self._rows:
            self._rows[table] = self._count(table)
        return self._rows[table]

    def is_at_stake(self, match: Match) -> bool:
        """Whether a risky statement is about something that is there."""
        if not _is_name(match.table):
            return True
        if match.what == "unindexed" and self._database.value(_INDEXED, (match.table, match.column)):
            return False
        return (
            self._database.value("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", (match.table,)) is True
            or match.what == "cascade"
        )

    def dependents(self, table: str) -> list[str]:
        """What CASCADE takes along."""
        return [row["what"] for row in self._database.rows(_DEPENDENTS, (table,))] if _is_name(table) else []

    def exists(self, name: str) -> bool:
        """Whether there is a table, view or index of this name, as written."""
        return _is_name(name) and self._database.value("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", (name,)) is True

    def found(self, name: str, moved: bool) -> str:
        """The name with its schema, where the file has set another search_path: the largest table of this name."""
        parts = parts_of(name)
        if not moved or len(parts) != 1 or not parts[0]:
            return name
        return str(self._database.value(_ANYWHERE, (parts[0],)) or name)

    def _largest(self, match: Match) -> int:
        """The rows of the largest table of the database, of a schema (match.table), or among those that were clustered."""
        schema = last_part(match.table) if match.table else None
        table = self._database.value(_LARGEST, (schema, schema, match.what == "all"))
        return self._count(str(table)) if table else 0

    def _count(self, table: str) -> int:
        try:
            return rows_of(self._database, table, self._limit)
        except DatabaseError as error:
            if error.lost:
                raise
            return 0  # not allowed to read it: then not to change it either

    def _is_free(self, match: Match) -> bool:
        if match.what not in ("type", "not_null", "partition"):
            return False
        checks = [row["definition"] for row in self._database.rows(_CHECKS, (match.table,))]
        if match.what == "partition":
            return bool(checks)
        column = self._database.row(_COLUMN, (match.table, match.column))
        if column is None:
            return False  # a pending file adds it
        if match.what == "not_null":
            proofs = {f"CHECK (({quoted} IS NOT NULL))" for quoted in (match.column, quoted_name(match.column))}
            return bool(column["required"]) or bool(proofs & set(checks))
        try:
            wanted = self._database.value(
                "SELECT pg_catalog.format_type(pg_catalog.to_regtype(%s), NULL)", (match.new_type,)
            )
        except DatabaseError:
            wanted = None
        return longer(column["type"], str(wanted or ""), match.new_type)


def longer(now: str, wanted: str, written: str) -> bool:
    """Whether the change of a type is free: from varchar(10) to varchar(20) or text, from numeric(5,2) to numeric(9,2). Pure."""
    lengths = re.search(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", written)
    old = _LENGTH.match(now)
    if old is None:
        return now == wanted and not lengths
    if wanted not in ("character varying", "text", "numeric"):
        return False
    if wanted == "text":
        return old["name"] == "character varying"
    if wanted != old["name"]:
        return False
    if not lengths:
        return True
    if old["length"] is None:
        return False
    return int(lengths[1]) >= int(old["length"]) and int(lengths[2] or 0) == int(old["scale"] or 0)


def _is_name(text: str) -> bool:
    return bool(re.fullmatch(r'(?:[^\W\d][\w$]*|"(?:[^"]|"")+")(?:\.(?:[^\W\d][\w$]*|"(?:[^"]|"")+"))*', text))
