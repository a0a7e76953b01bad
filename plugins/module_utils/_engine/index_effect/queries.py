# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queries that are measured: from files with marks, or those of production that take the most time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import DatabaseError, OptionError, TitanError
from ..host.named_file import named_by
from ..host.safe_open import read_file
from ..migrations.sql.lexer import split
from ..postgres.connection import ConnectionSettings
from ..postgres.database import connect, sql
from .parameters import relations_of

_MARK = re.compile(r"^--[ \t]*(plan|parameters|values):[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)


class Query(NamedTuple):
    """A query.

    Attributes:
        name: Of its file without the ending, or "statement ID" of pg_stat_statements.
        text: One SELECT.
        types: Of its parameters; empty to let the server find them.
        plan: The index that it is expected to use; empty for none.
        values: A query whose rows are the parameters' values; empty to take them from the columns that they are compared with.
        of_production: It is one of pg_stat_statements.
    """

    name: str
    text: str
    types: str = ""
    plan: str = ""
    values: str = ""
    of_production: bool = False


class Skipped(NamedTuple):
    """A query that is not measured, and why: a sentence."""

    name: str
    why: str


def queries_from_files(paths: Sequence[str]) -> list[Query]:
    """The queries of files, and of the .sql files in directories.

    Raises:
        OptionError: one cannot be read, or holds something else than one query.
    """
    found: dict[str, Query] = {}
    for path in paths:
        for file in _files(path):
            query = _query(file)
            name, number = query.name, 2
            while name in found:
                name, number = f"{query.name} ({number})", number + 1
            found[name] = query._replace(name=name)
    return list(found.values())


def _files(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    names = sorted(name for name in os.listdir(path) if name.endswith(".sql") and not name.startswith("."))
    if not names:
        raise OptionError("queries", path, "No file in it is called NAME.sql. Put each query into such a file.")
    for name in names:
        yield os.path.join(path, name)


def _query(path: str) -> Query:
    try:
        with named_by("queries", path, "read"):
            text = read_file(path).decode("utf-8")
    except UnicodeDecodeError:
        raise OptionError("queries", path, "It must be text in UTF-8.") from None
    try:
        statements = split(text)
    except TitanError as error:
        raise OptionError("queries", path, error.message) from error
    if len(statements) != 1 or not is_query(statements[0].words(1)[0]):
        raise OptionError("queries", path, "It must hold one SELECT. Put each query into a file of its own.")
    marks = dict(_MARK.findall(text))
    (statement,) = statements
    name = os.path.splitext(os.path.basename(path))[0]
    return Query(
        name,
        text[statement.start : statement.end],
        marks.get("parameters", ""),
        marks.get("plan", ""),
        marks.get("values", "").rstrip("; "),
    )


def is_query(word: str) -> bool:
    """Whether a statement that begins so only reads, as far as that tells; the transaction is read-only, too."""
    return word in ("select", "with", "table", "values", "(")


_TOP = """
SELECT queryid::text AS id, query AS text FROM {schema}.pg_stat_statements
 WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
 ORDER BY total_exec_time DESC LIMIT {most}
"""
_LOOKED_AT = 50  # statements for each that is wanted: many only write


def queries_of_production(settings: ConnectionSettings, count: int) -> tuple[list[Query], list[Skipped]]:
    """The queries that have taken the most time, by pg_stat_statements, over one connection.

    Raises:
        TitanError: the extension is not there, or this role may not see others' statements.
    """
    with connect(settings, "measure") as database:
        schema = database.extension_schema("pg_stat_statements")
        if not schema:
            raise TitanError(
                "'top' needs the extension pg_stat_statements in the database. Create it, or give the queries as files in 'queries'."
            )
        most = sql.Literal(count * _LOOKED_AT)
        try:
            rows = database.rows(sql.SQL(_TOP).format(schema=sql.Identifier(schema), most=most))
        except DatabaseError as error:
            raise TitanError(f"pg_stat_statements cannot be read: {error.message}") from error
    if rows and all(row["text"] in (None, "<insufficient privilege>") for row in rows):
        raise TitanError(
            f"The role {settings.user!r} may not see the statements of others. Grant it pg_read_all_stats."
        )
    queries: dict[str, Query] = {}
    skipped = []
    for row in rows:
        name = f"statement {row['id']}"
        if len(queries) >= count or name in queries:
            continue
        try:
            statements = split(row["text"] or "")
        except TitanError:
            skipped.append(Skipped(name, "its text was cut off"))
            continue
        if len(statements) == 1 and is_query(statements[0].words(1)[0]) and _reads_tables(row["text"]):
            text = row["text"][statements[0].start : statements[0].end]
            queries[name] = Query(name, text, of_production=True)
    return list(queries.values()), skipped


def _reads_tables(text: str) -> bool:
    return any("pg_" not in each.written for each in relations_of(text))
