# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table titan_ops.retention_policy: the policies where the clean-up and the SQL functions find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ...postgres.database import Database
from ...postgres.stand_ins import stand_in
from ...steps import step
from ...text.durations import Duration
from .filters import Filter, Mark
from .policy import Policy

_TABLE = """
CREATE TABLE titan_ops.retention_policy (
    name          text PRIMARY KEY,
    table_schema  text NOT NULL,
    table_name    text NOT NULL,
    time_column   text NOT NULL,
    keep          interval NOT NULL,
    filter_column text,
    filter_kind   text CHECK (filter_kind IN ('in', 'is_null', 'is_not_null')),
    filter_values text[],
    filter_sql    text,
    ignore_case   boolean NOT NULL DEFAULT false,
    mark_column   text,
    mark_value    text,
    time_zone     text NOT NULL DEFAULT 'UTC',
    max_fraction  double precision CHECK (max_fraction > 0 AND max_fraction <= 1),
    contended     boolean NOT NULL DEFAULT false,
    archive       text NOT NULL DEFAULT '',
    time_format   text NOT NULL DEFAULT '',
    never_values  text NOT NULL DEFAULT 'keep',
    updated_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CHECK ((filter_column IS NULL) = (filter_kind IS NULL)),
    CHECK ((filter_kind IS NOT DISTINCT FROM 'in') = (filter_values IS NOT NULL))
);
COMMENT ON TABLE titan_ops.retention_policy IS
    'Retention rules of titan.database, written by the module retention_policy; rows older than keep are due.';
"""
# Columns that a table of an earlier version lacks: their definition, and what holds without them.
_LATER = {
    "filter_sql": ("text", "NULL::text"),
    "time_format": ("text NOT NULL DEFAULT ''", "''"),
    "never_values": ("text NOT NULL DEFAULT 'keep'", "'keep'"),
}
_COLUMNS = "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = 'titan_ops.retention_policy'::regclass AND attnum > 0"

_SELECT = """
SELECT name, table_schema, table_name, time_column, filter_column, filter_kind, filter_values, {filter_sql}, ignore_case, mark_column,
       mark_value, time_zone, max_fraction, contended, archive, {time_format}, {never_values},
       (extract(year FROM keep) * 12 + extract(month FROM keep))::int AS keep_months,
       extract(day FROM keep)::int AS keep_days,
       (extract(hour FROM keep) * 3600 + extract(minute FROM keep) * 60 + extract(second FROM keep))::bigint AS keep_seconds
  FROM {source} AS p ORDER BY name
"""


# The types of the columns that are read.
_READ = {
    **dict.fromkeys(("name", "table_schema", "table_name", "time_column", "filter_column", "filter_kind"), "text"),
    "filter_values": "text[]", "keep": "interval", "ignore_case": "boolean", "mark_column": "text", "mark_value": "text",
    "time_zone": "text", "max_fraction": "float8", "contended": "boolean", "archive": "text",
    **dict.fromkeys(_LATER, "text"),
}  # fmt: skip


class _Row(NamedTuple):
    """A row of titan_ops.retention_policy, its interval in parts."""

    name: str
    table_schema: str
    table_name: str
    time_column: str
    filter_column: str | None
    filter_kind: str | None
    filter_values: list[str] | None
    filter_sql: str | None
    ignore_case: bool
    mark_column: str | None
    mark_value: str | None
    time_zone: str
    max_fraction: float | None
    contended: bool
    archive: str
    time_format: str
    never_values: str
    keep_months: int
    keep_days: int
    keep_seconds: int


def read_policies(database: Database) -> list[Policy]:
    """The stored policies in order of name; none if the table does not exist yet."""
    if not exists(database):
        return []
    missing = _missing(database)
    columns = {name: f"{value} AS {name}" if name in missing else name for name, (_kind, value) in _LATER.items()}
    kinds = {name: kind for name, kind in _READ.items() if name not in missing}
    source = stand_in(database, "titan_ops", "retention_policy", kinds)
    return [_policy(_Row(**row)) for row in database.rows(_SELECT.format(source=source, **columns))]


def _missing(database: Database) -> set[str]:
    return set(_LATER) - {str(row["name"]) for row in database.rows(_COLUMNS)}


def exists(database: Database) -> bool:
    """Whether the policies' table is there."""
    return bool(database.value("SELECT to_regclass('titan_ops.retention_policy') IS NOT NULL"))


def _policy(row: _Row) -> Policy:
    where = None
    if row.filter_column is not None:
        where = Filter(row.filter_column, row.filter_kind or "", tuple(row.filter_values or ()), row.ignore_case)
    if row.filter_sql:
        where = replace(where or Filter(), sql_condition=row.filter_sql)
    return Policy(
        name=row.name,
        schema=row.table_schema,
        table=row.table_name,
        column=row.time_column,
        keep=Duration(row.keep_months, row.keep_days, row.keep_seconds),
        where=where,
        mark=Mark(row.mark_column, row.mark_value) if row.mark_column is not None else None,
        time_zone=row.time_zone,
        max_fraction=row.max_fraction,
        contended=row.contended,
        archive=row.archive,
        time_format=row.time_format,
        never_values=row.never_values,
        source=f"policy {row.name}",
    )


def write_policies(database: Database, wanted: Sequence[Policy]) -> None:
    """Make the table hold exactly these policies, in one transaction; rows that are right stay untouched."""
    step("policy.begin")
    with database.transaction():
        database.execute("SET LOCAL lock_timeout = '10s'")
        _create(database)
        step("policy.created")
        before = {policy.name: policy for policy in read_policies(database)}
        after = {policy.name: policy for policy in wanted}
        for name in before.keys() - after.keys():
            database.execute("DELETE FROM titan_ops.retention_policy WHERE name = %s", (name,))
        for name, policy in after.items():
            if before.get(name) != policy:
                step("policy.row")
                _upsert(database, policy)
        step("policy.commit")


def _create(database: Database) -> None:
    # CREATE SCHEMA IF NOT EXISTS asks for the right to create even when it would do nothing
    if not database.value("SELECT to_regnamespace('titan_ops') IS NOT NULL"):
        database.execute("CREATE SCHEMA titan_ops")
    if not exists(database):
        database.execute(_TABLE)
        return
    for name in sorted(_missing(database)):
        database.execute(f"ALTER TABLE titan_ops.retention_policy ADD COLUMN {name} {_LATER[name][0]}")


def _upsert(database: Database, policy: Policy) -> None:
    where, mark = policy.where, policy.mark
    database.execute(
        """
        INSERT INTO titan_ops.retention_policy (name, table_schema, table_name, time_column, keep, filter_column, filter_kind,
            filter_values, filter_sql, ignore_case, mark_column, mark_value, time_zone, max_fraction, contended, archive,
            time_format, never_values)
        VALUES (%s, %s, %s, %s, %s::interval, %s, %s, %s::text[], %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (name) DO UPDATE SET (table_schema, table_name, time_column, keep, filter_column, filter_kind,
            filter_values, filter_sql, ignore_case, mark_column, mark_value, time_zone, max_fraction, contended, archive,
            time_format, never_values, updated_at)
          = (excluded.table_schema, excluded.table_name, excluded.time_column, excluded.keep, excluded.filter_column,
             excluded.filter_kind, excluded.filter_values, excluded.filter_sql, excluded.ignore_case, excluded.mark_column, excluded.mark_value,
             excluded.time_zone, excluded.max_fraction, excluded.contended, excluded.archive,
             excluded.time_format, excluded.never_values, now())
        """,
        (
            policy.name, policy.schema, policy.table, policy.column, policy.keep.interval,
            (where.column or None) if where else None, (where.kind or None) if where else None,
            list(where.values) if where and where.kind == "in" else None, (where.sql_condition or None) if where else None,
            bool(where and where.ignore_case),
            mark.column if mark else None, mark.value if mark else None,
            policy.time_zone, policy.max_fraction, policy.contended, policy.archive,
            policy.time_format, policy.never_values,
        ),
    )  # fmt: skip
