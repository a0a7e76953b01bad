# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file takes for granted, made on an empty database as the live one has it: roles, schemas, extensions, other tools' tables."""

from __future__ import annotations

import re
from contextlib import suppress

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ...postgres.sqlstates import (
    DUPLICATE_SCHEMA,
    INVALID_SCHEMA_NAME,
    UNDEFINED_FUNCTION,
    UNDEFINED_OBJECT,
    UNDEFINED_TABLE,
)
from .other_tables import HISTORY_TABLES

_MISSING = re.compile(r'(role|schema) "((?:[^"]|"")+)" does not exist')
_EXISTS = re.compile(r'schema "((?:[^"]|"")+)" already exists')
_NO_TABLE = re.compile(r'relation "((?:[^"]|"")+)" does not exist')
_TABLE = """
SELECT n.nspname::text AS schema, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS identity,
       ARRAY(SELECT pg_catalog.quote_ident(attname) || ' ' || pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute
              WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns,
       ARRAY(SELECT pg_catalog.quote_ident(attname) FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0) AS names
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass(%s) AND c.relkind IN ('r', 'p')
"""


def made_missing(live: Database, database: Database, error: DatabaseError, made: set[str]) -> bool:
    """Make what the error says is missing, if the live database has it; whether anything was made.

    A schema that was made for the search_path goes again, as long as it is empty, where a file makes it itself.
    """
    if error.sqlstate == DUPLICATE_SCHEMA:
        return _dropped_schema(database, error, made)
    if error.sqlstate == UNDEFINED_TABLE:
        return _made_history_table(live, database, error, made)
    if error.sqlstate not in (UNDEFINED_OBJECT, UNDEFINED_FUNCTION, INVALID_SCHEMA_NAME):
        return False
    found = _MISSING.search(error.primary)
    if found is None:
        return made_extensions(live, database, made)
    kind, name = found[1], found[2].replace('""', '"')
    known = "pg_catalog.pg_roles WHERE rolname" if kind == "role" else "pg_catalog.pg_namespace WHERE nspname"
    if f"{kind} {name}" in made or not live.value(f"SELECT true FROM {known} = %s", (name,)):  # noqa: S608
        return False
    statement = "CREATE ROLE {}" if kind == "role" else "CREATE SCHEMA {}"
    database.execute(sql.SQL(statement).format(sql.Identifier(name)))
    made.add(f"{kind} {name}")
    return True


def _dropped_schema(database: Database, error: DatabaseError, made: set[str]) -> bool:
    found = _EXISTS.search(error.primary)
    name = found[1].replace('""', '"') if found else ""
    if f"schema {name}" not in made:
        return False
    try:
        database.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(name)))
    except DatabaseError:
        return False  # the files before this one have filled it
    made.discard(f"schema {name}")
    return True


def _made_history_table(live: Database, database: Database, error: DatabaseError, made: set[str]) -> bool:
    """The table in which another tool keeps its history, which is there before its first file: empty, with the live one's columns."""
    found = _NO_TABLE.search(error.primary)
    if found is None or found[1].rpartition(".")[2] not in HISTORY_TABLES or f"table {found[1]}" in made:
        return False
    made.add(f"table {found[1]}")
    row = live.row(_TABLE, (found[1],))
    if row is None:
        return False
    database.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(row["schema"])))
    database.execute(f"CREATE TABLE {row['identity']} ({', '.join(row['columns'])})")  # quoted by the server
    made.update(f"column {row['identity']}.{name}" for name in row["names"])
    return True


def made_extensions(live: Database, database: Database, made: set[str]) -> bool:
    query = "SELECT extname::text AS name FROM pg_catalog.pg_extension"
    here = {row["name"] for row in database.rows(query)}
    wanted = [
        row["name"] for row in live.rows(query) if row["name"] not in here and f"extension {row['name']}" not in made
    ]
    done = False
    for name in wanted:
        made.add(f"extension {name}")
        with suppress(DatabaseError):  # not on this host: then the file's own error is what is told
            database.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} CASCADE").format(sql.Identifier(name)))
            done = True
    return done
