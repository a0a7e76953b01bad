# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables in which some tool has noted migrations: whose history a database has, if it has none of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...errors import DatabaseError
from ...postgres.database import Database
from .tools import TOOLS

# Of tools that cannot be named in the option from: table, title, and a column that tells those of one table name apart.
_OTHERS = (
    ("django_migrations", "Django", ""), ("knex_migrations", "Knex", ""), ("SequelizeMeta", "Sequelize", ""),
    ("migrations", "TypeORM", "timestamp"), ("migrations", "Laravel", "batch"), ("migrations", "db-migrate", "run_on"),
    ("_yoyo_migration", "yoyo", ""), ("migrate_version", "sqlalchemy-migrate", ""), ("schemaversion", "Postgrator", ""),
    ("schemaversions", "DbUp", ""), ("__EFMigrationsHistory", "Entity Framework", ""), ("__drizzle_migrations", "Drizzle", ""),
    ("phinxlog", "Phinx", ""), ("doctrine_migration_versions", "Doctrine", ""), ("mikro_orm_migrations", "MikroORM", ""),
    ("kysely_migration", "Kysely", ""), ("hdb_version", "Hasura", ""), ("migrations", "graphile-migrate", "previous_hash"),
    ("migrations", "postgres-migrations", "executed_at"), ("migrations", "pgroll", "resulting_schema"),
    ("seaql_migrations", "SeaORM", ""), ("refinery_schema_history", "refinery", ""), ("play_evolutions", "Play", ""),
    ("VersionInfo", "FluentMigrator", ""), ("aerich", "Aerich", ""), ("schema_version", "tern", ""),
)  # fmt: skip
HISTORY_TABLES = frozenset(
    (
        *(table for table, _title, _column in _OTHERS),
        *(name.rpartition(".")[2] for tool in TOOLS.values() for name in tool.tables),
    )
)
_FIND = """
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS table, c.relname::text AS name,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       pg_catalog.pg_relation_size(c.oid) AS bytes
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'titan_ops' AND c.relname = ANY (%s::text[]) ORDER BY 1
"""
_INDEXES = """
SELECT n.nspname::text AS schema, CASE WHEN x.oid IS NOT NULL THEN pg_catalog.format('%%I.%%I', n.nspname, x.relname) END AS index
  FROM pg_catalog.unnest(%s::text[]) AS t (name) JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(t.name)
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid LEFT JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
"""
# Schemas that a tool makes for itself, and has nothing else in.
_OWN_SCHEMAS = ("graphile_migrate", "drizzle", "hdb_catalog", "atlas_schema_revisions", "sqitch")
# What a tool makes beside its table.
_BESIDE = {
    "_yoyo_migration": ("_yoyo_log", "_yoyo_version", "yoyo_lock"), "databasechangelog": ("databasechangeloglock",),
    "schema_migrations": ("ar_internal_metadata",), "migrations": ("typeorm_metadata",),
}  # fmt: skip


class Noted(NamedTuple):
    """A table with another tool's history.

    Attributes:
        table: Quoted, with its schema.
        titles: Whose it may be.
        names: The values of the option from for these; empty if it has none.
    """

    table: str
    titles: tuple[str, ...]
    names: tuple[str, ...]


def other_histories(database: Database, by_size: bool = False) -> list[Noted]:
    """Those with at least one row, or that the role may not read.

    Args:
        by_size: Look at the size of the table only: to read it may run code of its owner.
    """
    found = []
    for row in database.rows(_FIND, (sorted(HISTORY_TABLES),)):
        named = {
            key: tool.title
            for key, tool in TOOLS.items()
            if row["name"] in {table.rpartition(".")[2] for table in tool.tables}
        }
        dirty = "dirty" in row["columns"]
        if row["name"] == "schema_migrations":
            named = {key: title for key, title in named.items() if dirty is not (TOOLS[key].foreign_column == "dirty")}
        flyway = row["name"] != "schema_version" or "script" in row["columns"]
        if not flyway:
            named.pop("flyway", None)
        hasura = row["table"].startswith("hdb_catalog.")  # a table of golang-migrate's shape, with another meaning
        named = {} if hasura else named
        titles = (
            ["Hasura"]
            if hasura
            else [
                *named.values(),
                *(
                    t
                    for table, t, column in _OTHERS
                    if table == row["name"] and column in ("", *row["columns"]) and not (t == "tern" and flyway)
                ),
            ]
        )
        if titles and (row["bytes"] > 0 if by_size else _has_rows(database, row["table"])):
            found.append(Noted(row["table"], tuple(titles), tuple(named)))
    return found


def without_histories(database: Database, names: Sequence[str]) -> list[str]:
    """Of an inventory's names those that are no part of a table of another tool's history: no file makes that."""
    noted = [item.table for item in other_histories(database, by_size=True)]
    if not noted:
        return list(names)
    for table in list(noted):
        schema, _dot, name = table.rpartition(".")
        noted += [f"{schema}.{beside}" for beside in _BESIDE.get(name, ())]
    rows = database.rows(_INDEXES, (noted,))
    indexes = {f"index {row['index']}" for row in rows}
    schemas = "|".join(re.escape(row["schema"]) for row in rows if row["schema"] in _OWN_SCHEMAS)
    tables = "|".join(re.escape(table.rstrip('"')) for table in noted)
    theirs = re.compile(rf" (?:{tables})(?![a-z0-9])" + (rf"| (?:{schemas})(?:\.|\Z)" if schemas else ""))
    return [name for name in names if name not in indexes and not theirs.search(name)]


def _has_rows(database: Database, table: str) -> bool:
    try:
        return database.value(f"SELECT EXISTS (SELECT FROM {table})") is True  # noqa: S608 - quoted by the server
    except DatabaseError as error:
        if error.lost:
            raise
        return True  # not allowed to read it


def advice(noted: Noted) -> str:
    """What the table is, and how its history is taken over, as sentences."""
    said = f"The table {noted.table} is {' or '.join(noted.titles)}'s."
    if noted.names:
        return f"{said} Take its history over first: state=adopted with from={' or '.join(noted.names)}."
    return f"{said} It cannot be read; state=baselined finds by replay which of the files have run."
