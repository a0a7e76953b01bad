# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many rows a failed statement was refused for: counted, never shown."""

from __future__ import annotations

import re
from contextlib import suppress

from ..errors import DatabaseError
from ..migrations.run.lock_levels import lock_of
from ..migrations.sql.lexer import Statement, split
from ..migrations.sql.tokens import SYMBOL
from ..postgres.database import Database, sql

_NULLS = re.compile(r'column "(?P<column>.+)" of relation "(?P<table>.+)" contains null values')
_SECONDS = 60
_ADDED = """
SELECT contype::text AS kind, conrelid::pg_catalog.regclass::pg_catalog.text AS child,
       confrelid::pg_catalog.regclass::pg_catalog.text AS parent,
       ARRAY(SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.unnest(conkey) WITH ORDINALITY AS k (n, at)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.n ORDER BY k.at) AS keys,
       ARRAY(SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.unnest(confkey) WITH ORDINALITY AS k (n, at)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.n ORDER BY k.at) AS parent_keys,
       pg_catalog.pg_get_expr(conbin, conrelid) AS expression
  FROM pg_catalog.pg_constraint WHERE contype IN ('c', 'f') AND NOT convalidated AND conrelid = pg_catalog.to_regclass(%s)
   AND (conname = %s OR %s = '') ORDER BY oid DESC
"""


def rows_in_the_way(database: Database, text: str, failure: str) -> int:
    """The rows that a constraint, NOT NULL or unique index of the statement is not true for; 0 where that cannot be told.

    Args:
        database: The session that ran it, after its transaction was rolled back.
        text: The statement.
        failure: The server's message.
    """
    with suppress(DatabaseError):
        statement = split(text)[0]
        table = lock_of(statement)[1]
        database.execute(f"BEGIN; SET LOCAL statement_timeout = '{_SECONDS}s'")
        try:
            return _counted(database, text, statement, table, failure)
        finally:
            database.execute("ROLLBACK")
    return 0


def _counted(database: Database, text: str, statement: Statement, table: str, failure: str) -> int:
    nulls = _NULLS.search(failure)
    if nulls:
        column = sql.Identifier(nulls["column"])
        return _count(database, sql.SQL("SELECT count(*) FROM {} WHERE {} IS NULL").format(sql.SQL(table), column))
    if "unique index" in failure or "duplicate key" in failure:
        return _duplicates(database, text, statement, table)
    if "violat" in failure:
        return _against_constraint(database, text, statement, table)
    return 0


def _count(database: Database, query: object) -> int:
    return int(database.value(query) or 0)


def _duplicates(database: Database, text: str, statement: Statement, table: str) -> int:
    """Rows beyond the first of each key, for the columns in the first parentheses after UNIQUE, KEY or the table."""
    columns = _parentheses(text, statement, ("key", "unique", "on"))
    if not columns:
        return 0
    where = ""
    words = statement.key()
    if "where" in words:
        where = text[statement.tokens[words.index("where")].start : statement.end]
    several = f"SELECT count(*) AS n FROM {table} {where} GROUP BY {columns} HAVING count(*) > 1"  # noqa: S608 - the file's own
    query = f"SELECT coalesce(sum(n - 1), 0)::bigint FROM ({several}) AS several"  # noqa: S608
    return _count(database, query)


def _parentheses(text: str, statement: Statement, after: tuple[str, ...]) -> str:
    """What stands in the first parentheses after the last of these words that the statement has."""
    words = statement.key()
    start = max((at for at, word in enumerate(words) if word in after), default=-1)
    depth = begin = 0
    for token in statement.tokens[start + 1 :]:
        if token.kind == SYMBOL and token.text == "(":
            depth += 1
            begin = begin or token.end
        elif token.kind == SYMBOL and token.text == ")":
            depth -= 1
            if depth == 0:
                return text[begin : token.start]
    return ""


def _against_constraint(database: Database, text: str, statement: Statement, table: str) -> int:
    """Add the constraint without looking at the rows, read what it is, and count them."""
    words = statement.key()
    name = ""
    if "validate" in words:
        name = statement.tokens[words.index("constraint") + 1].name
    else:
        database.execute(text + ("" if words[-2:] == ("not", "valid") else " NOT VALID"))
    row = database.row(_ADDED, (table, name, name))
    if row is None:
        return 0
    if row["kind"] == "c":
        return _count(database, f"SELECT count(*) FROM {row['child']} WHERE NOT ({row['expression']})")  # noqa: S608 - the catalog's
    pairs = " AND ".join(f"p.{theirs} = c.{ours}" for ours, theirs in zip(row["keys"], row["parent_keys"]))
    given = " AND ".join(f"c.{ours} IS NOT NULL" for ours in row["keys"])
    return _count(
        database,
        f"SELECT count(*) FROM {row['child']} AS c WHERE {given} AND NOT EXISTS (SELECT FROM {row['parent']} AS p WHERE {pairs})",  # noqa: S608
    )
