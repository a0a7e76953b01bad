# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the history: one row for each attempt."""

from __future__ import annotations

import getpass
import json
import socket
import uuid
from dataclasses import dataclass, field

from ...errors import DatabaseError
from ...postgres.database import Database
from ...postgres.grants import NOT_ALLOWED
from ...steps import step
from ..files.migration import Migration
from .read import condition_of, has_history_column
from .records import AttemptDetails, InsertedRow, StepRecord

# outcome: applied (action apply, baseline or amend), rolled_back, failed, running (a run of steps that has not ended)
_TABLES = """
CREATE SCHEMA IF NOT EXISTS titan_ops;
CREATE TABLE IF NOT EXISTS titan_ops.migration_history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version text NOT NULL,
  name text NOT NULL,
  action text NOT NULL CHECK (action IN ('apply', 'baseline', 'amend', 'rollback')),
  outcome text NOT NULL CHECK (outcome IN ('applied', 'rolled_back', 'failed', 'running')),
  checksum text NOT NULL,
  body text NOT NULL,
  steps jsonb NOT NULL DEFAULT '[]',
  details jsonb NOT NULL DEFAULT '{}',
  error text,
  database_user text NOT NULL DEFAULT session_user,
  operating_user text NOT NULL,
  host text NOT NULL,
  run_id uuid NOT NULL,
  started timestamptz NOT NULL,
  milliseconds bigint NOT NULL DEFAULT 0,
  server_version integer NOT NULL,
  history text NOT NULL DEFAULT ''
);
COMMENT ON TABLE titan_ops.migration_history IS 'One row for each attempt to apply, baseline, amend or roll back a migration.';
"""


# A table from before there were several histories; no row is rewritten.
_UPGRADE = """
SET LOCAL lock_timeout = '10s';
ALTER TABLE titan_ops.migration_history ADD COLUMN IF NOT EXISTS history text NOT NULL DEFAULT '';
"""


@dataclass(frozen=True)
class ExecutedBy:
    """Who executes a run, and of which history: recorded with every attempt."""

    history: str
    user: str
    host: str
    run_id: str
    server_version: int


@dataclass
class Attempt:
    """One row being written; started: from now()."""

    migration: Migration
    action: str
    started: str | None
    body: str
    steps: list[StepRecord] = field(default_factory=list)
    details: AttemptDetails = field(default_factory=AttemptDetails)
    row: int = 0


def executed_by(database: Database, history: str) -> ExecutedBy:
    """The operating system's user and the host that run this process, for a run of this history."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = ""
    return ExecutedBy(history, user, socket.gethostname(), str(uuid.uuid4()), database.server_version)


# The server's time in a form that no setting changes (DateStyle, TimeZone): seconds since 1970.
NOW = "extract(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.text"


def now(database: Database) -> str:
    """When an attempt starts."""
    return str(database.value(f"SELECT {NOW}"))


def create(database: Database, history: str) -> None:
    """Create schema and table if they are missing; a history with a name needs a column that older tables lack.

    Raises:
        DatabaseError: not allowed; the message says which right is missing.
    """
    layout = has_history_column(database)
    if layout or (layout is not None and not history):
        return
    try:
        if layout is not None:
            step("migration.upgrade_history")
        with database.transaction():
            database.execute(_TABLES if layout is None else _UPGRADE)
    except DatabaseError as error:
        if error.sqlstate == NOT_ALLOWED and layout is not None:
            raise DatabaseError(
                f"{error.message}. A history with a name needs a new column of titan_ops.migration_history, which only its owner "
                "can add: run the migrations once as that role, or ALTER TABLE titan_ops.migration_history ADD COLUMN history "
                "text NOT NULL DEFAULT ''.",
                sqlstate=error.sqlstate,
            ) from error
        if error.sqlstate == NOT_ALLOWED:
            raise DatabaseError(
                f"{error.message}. The migration history lives in the schema titan_ops: grant CREATE on the database to "
                "this role, or create the schema for it (CREATE SCHEMA titan_ops AUTHORIZATION ...).",
                sqlstate=error.sqlstate,
            ) from error
        raise


_INSERT = """
INSERT INTO titan_ops.migration_history (version, name, action, outcome, checksum, body, steps, details, error,
  operating_user, host, run_id, started, milliseconds, server_version{column})
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, pg_catalog.to_timestamp(%s::pg_catalog.float8),
  (extract(epoch FROM pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-)
   %s::pg_catalog.numeric) OPERATOR(pg_catalog.*) 1000, %s{value})
RETURNING id, milliseconds, pg_catalog.pg_current_xact_id()::pg_catalog.text AS xid
"""


def insert(
    database: Database, executor: ExecutedBy, attempt: Attempt, outcome: str, error: str | None = None, first: str = ""
) -> InsertedRow:
    """Write the attempt's row, after the statements of ``first``."""
    migration = attempt.migration
    named = (executor.history,) if executor.history else ()  # the history without a name is the column's default
    query = _INSERT.format(column=", history" if named else "", value=", %s" if named else "")
    row = database.row(
        f"{first}; {query}" if first else query,
        (
            migration.key, migration.name, attempt.action, outcome, migration.checksum, attempt.body,
            json.dumps(attempt.steps), json.dumps(attempt.details), error, executor.user, executor.host, executor.run_id,
            attempt.started, attempt.started, executor.server_version, *named,
        ),
    )  # fmt: skip
    if row is None:
        raise DatabaseError("The server returned nothing for the history row.")
    attempt.row = int(row["id"])
    return InsertedRow(attempt.row, int(row["milliseconds"]), row["xid"])


def update(database: Database, attempt: Attempt, outcome: str, error: str | None = None) -> int:
    """Bring the attempt's row up to date; return its milliseconds."""
    return int(
        database.value(
            "UPDATE titan_ops.migration_history SET outcome = %s, steps = %s, details = %s, error = %s, "
            "milliseconds = (extract(epoch FROM pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-) "
            "extract(epoch FROM started)) OPERATOR(pg_catalog.*) 1000 WHERE id OPERATOR(pg_catalog.=) %s "
            "RETURNING milliseconds",
            (outcome, json.dumps(attempt.steps), json.dumps(attempt.details), error, attempt.row),
        )
        or 0
    )


def end_interrupted(database: Database, key: str, history: str) -> None:
    """The row of an earlier attempt that never ended says failed."""
    database.execute(
        "UPDATE titan_ops.migration_history SET outcome = 'failed', error = 'interrupted' "  # noqa: S608 - see condition_of
        f"WHERE {condition_of(database, history)} AND version = %s AND outcome = 'running'",
        (history, key),
    )
