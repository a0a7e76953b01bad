# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables in which other tools keep what they have applied, and how each of them knows a file."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import Callable, NamedTuple

from ..files.migration import Migration

APPLIED, FAILED, UNDONE, BASELINE = "applied", "failed", "undone", "baseline"

_ISO = "'YYYY-MM-DD\"T\"HH24:MI:SS'"


def _time(column: str) -> str:
    return f"pg_catalog.to_char({column}, {_ISO})"


class Unfinished(NamedTuple):
    """Where else a tool notes that it failed, or has not ended.

    Attributes:
        table: Beside the tool's table, in its schema; it may be missing.
        query: Reads what, a text each; {table} and {project} as in Tool.query.
    """

    table: str
    query: str


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        title: As it is called.
        tables: Its table's names, with a schema where that is fixed.
        query: Reads version, name, at, state and checksum, each a text or NULL, oldest first; {table} is the table, {project} the
            project that the files belong to, as a literal.
        by_name: Its rows name the file and no version.
        by_folder: Its versions are the names of folders up to the first underscore, without hyphens.
        only_last: The table holds the last version only: all files up to it have run.
        checksum: The checksum of a file as the tool computes it, None where that is not possible.
        projects: Its table holds several projects, told apart by a column of that name.
        unfinished: Where else it notes that it failed, or has not ended.
        foreign_column: A column that another tool's table of this name has, and its own never.
    """

    title: str
    tables: tuple[str, ...]
    query: str
    by_name: bool = False
    by_folder: bool = False
    only_last: bool = False
    checksum: Callable[[Migration], str | None] | None = None
    projects: bool = False
    unfinished: Unfinished | None = None
    foreign_column: str = ""


def flyway_checksum(item: Migration) -> str | None:
    """CRC-32 of the lines without their ends, as a signed number."""
    if item.repeatable and "${" in item.text:
        return None  # of the text after its placeholders were filled
    value = 0
    for line in re.split("\r\n|\r|\n", item.text):
        value = zlib.crc32(line.encode("utf-8", "surrogatepass"), value)
    return str(value - (1 << 32) if value >= 1 << 31 else value)


def sqlx_checksum(item: Migration) -> str | None:
    return hashlib.sha384(item.text.encode("utf-8", "surrogatepass")).hexdigest()


def prisma_checksum(item: Migration) -> str | None:
    return hashlib.sha256(item.text.encode("utf-8", "surrogatepass")).hexdigest()


def _versions(column: str, at: str = "NULL") -> str:
    return f"SELECT {column}::text AS version, NULL AS name, {at} AS at, 'applied' AS state, NULL AS checksum FROM {{table}} ORDER BY 1"  # noqa: S608


_FLYWAY = f"""
SELECT version, script AS name, {_time("installed_on")} AS at, checksum::text AS checksum,
       CASE WHEN NOT success THEN 'failed' WHEN type LIKE 'UNDO%' OR type = 'DELETE' THEN 'undone'
            WHEN type LIKE '%BASELINE' THEN 'baseline' ELSE 'applied' END AS state
  FROM {{table}} WHERE type <> 'SCHEMA' ORDER BY installed_rank
"""  # noqa: S608 - made of our own text
_GOOSE = f"""
SELECT DISTINCT ON (version_id) version_id::text AS version, NULL AS name, {_time("tstamp")} AS at, NULL AS checksum,
       CASE WHEN is_applied THEN 'applied' ELSE 'undone' END AS state
  FROM {{table}} WHERE version_id > 0 ORDER BY version_id, id DESC
"""  # noqa: S608 - made of our own text
_PRISMA = f"""
SELECT migration_name AS version, NULL AS name, {_time("coalesce(finished_at, started_at)")} AS at, checksum,
       CASE WHEN rolled_back_at IS NOT NULL THEN 'undone' WHEN finished_at IS NULL THEN 'failed' ELSE 'applied' END AS state
  FROM {{table}} ORDER BY started_at
"""  # noqa: S608 - made of our own text
_SQLX = f"""
SELECT version::text AS version, description AS name, {_time("installed_on")} AS at, pg_catalog.encode(checksum, 'hex') AS checksum,
       CASE WHEN success THEN 'applied' ELSE 'failed' END AS state
  FROM {{table}} ORDER BY version
"""  # noqa: S608 - made of our own text
_GOLANG_MIGRATE = """
SELECT version::text AS version, NULL AS name, NULL AS at, NULL AS checksum, CASE WHEN dirty THEN 'failed' ELSE 'applied' END AS state FROM {table}
"""
_LIQUIBASE = f"""
SELECT filename || '::' || author || ':' || id AS version, filename AS name, {_time("dateexecuted")} AS at, md5sum AS checksum,
       CASE WHEN exectype IN ('EXECUTED', 'RERAN', 'MARK_RAN') THEN 'applied' ELSE 'failed' END AS state
  FROM {{table}} ORDER BY orderexecuted
"""  # noqa: S608 - made of our own text
# a run that was killed leaves the lock, and may have left a change set half done
_LIQUIBASE_LOCK = Unfinished(
    "databasechangeloglock",
    "SELECT pg_catalog.concat_ws(' ', 'the lock of', lockedby, 'since', lockgranted) AS what FROM {table} WHERE locked",
)
# the last word on a change: a script without a transaction may have left something behind
_SQITCH_FAILED = Unfinished(
    "events",
    "SELECT what FROM (SELECT DISTINCT ON (change) change AS what, event FROM {table} WHERE project = {project} ORDER BY change, committed_at DESC)"
    " AS e WHERE event = 'fail'",
)
_SQITCH = f"""
SELECT NULL AS version, change || CASE WHEN form > 1 THEN '@' || form ELSE '' END AS name, {_time("committed_at")} AS at,
       'applied' AS state, NULL AS checksum
  FROM (SELECT change, committed_at, pg_catalog.row_number() OVER (PARTITION BY change ORDER BY committed_at) AS form
          FROM {{table}} WHERE project = {{project}}) AS c
 ORDER BY committed_at
"""  # noqa: S608 - made of our own text
_ATLAS = f"""
SELECT version, description AS name, {_time("executed_at")} AS at, NULL AS checksum,
       CASE WHEN applied < total OR coalesce(error, '') <> '' THEN 'failed' WHEN type = 1 THEN 'baseline' ELSE 'applied' END AS state
  FROM {{table}} WHERE version <> '.atlas_cloud_identifier' ORDER BY version
"""  # noqa: S608 - made of our own text
_NAMED = "SELECT NULL AS version, {column}::text AS name, {at} AS at, 'applied' AS state, NULL AS checksum FROM {{table}} ORDER BY {order}"

TOOLS = {
    "flyway": Tool("Flyway", ("flyway_schema_history", "schema_version"), _FLYWAY, checksum=flyway_checksum),
    "golang_migrate": Tool("golang-migrate", ("schema_migrations",), _GOLANG_MIGRATE, only_last=True),
    "dbmate": Tool("dbmate", ("schema_migrations",), _versions("version"), foreign_column="dirty"),
    "goose": Tool("goose", ("goose_db_version",), _GOOSE),
    "sqlx": Tool("sqlx", ("_sqlx_migrations",), _SQLX, checksum=sqlx_checksum),
    "prisma": Tool("Prisma", ("_prisma_migrations",), _PRISMA, checksum=prisma_checksum),
    "diesel": Tool("Diesel", ("__diesel_schema_migrations",), _versions("version", _time("run_on")), by_folder=True),
    "node_pg_migrate": Tool(
        "node-pg-migrate", ("pgmigrations",), _NAMED.format(column="name", at=_time("run_on"), order="id"), by_name=True
    ),
    "rails": Tool("Rails", ("schema_migrations",), _versions("version"), foreign_column="dirty"),
    "alembic": Tool("Alembic", ("alembic_version",), _versions("version_num"), only_last=True),
    "liquibase": Tool("Liquibase", ("databasechangelog",), _LIQUIBASE, unfinished=_LIQUIBASE_LOCK),
    "sqitch": Tool("Sqitch", ("sqitch.changes",), _SQITCH, by_name=True, projects=True, unfinished=_SQITCH_FAILED),
    "sql_migrate": Tool(
        "sql-migrate", ("gorp_migrations",), _NAMED.format(column="id", at=_time("applied_at"), order="applied_at"), by_name=True
    ),
    "atlas": Tool("Atlas", ("atlas_schema_revisions.atlas_schema_revisions", "atlas_schema_revisions"), _ATLAS),
}  # fmt: skip
