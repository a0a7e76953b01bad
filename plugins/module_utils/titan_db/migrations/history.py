# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history table titan_ops.migration_history: one row for each attempt."""

from __future__ import annotations

import getpass
import json
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..database import Database
from ..errors import DatabaseError
from .source import Migration, version_order

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
  server_version integer NOT NULL
);
COMMENT ON TABLE titan_ops.migration_history IS 'One row for each attempt to apply, baseline, amend or roll back a migration.';
"""


@dataclass(frozen=True)
class Runner:
    """Who runs: recorded with every attempt."""

    user: str
    host: str
    run_id: str
    server_version: int


@dataclass(frozen=True)
class Applied:
    """The last word of the history on one migration.

    Attributes:
        key: Version, or R__name.
        applied: It is in the database.
        partial: A run of steps began and has not ended; steps holds how far it came.
        row: The id of the row that says so.
    """

    key: str
    name: str
    applied: bool
    checksum: str
    row: int
    partial: bool = False
    steps: tuple[dict[str, Any], ...] = ()
    action: str = "apply"
    partial_action: str = ""


@dataclass
class Attempt:
    """One row being written."""

    migration: Migration
    action: str
    started: Any
    body: str
    steps: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    row: int = 0


def this_runner(database: Database) -> Runner:
    """The operating system's user and the host that run this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = ""
    return Runner(user, socket.gethostname(), str(uuid.uuid4()), database.server_version)


def exists(database: Database) -> bool:
    return database.value("SELECT to_regclass('titan_ops.migration_history') IS NOT NULL") is True


def create(database: Database) -> None:
    """Create schema and table if they are missing.

    Raises:
        DatabaseError: not allowed; the message says which right is missing.
    """
    if exists(database):
        return
    try:
        with database.transaction():
            database.execute(_TABLES)
    except DatabaseError as error:
        if error.sqlstate == "42501":
            raise DatabaseError(
                f"{error.message}. The migration history lives in the schema titan_ops: grant CREATE on the database to "
                "this role, or create the schema for it (CREATE SCHEMA titan_ops AUTHORIZATION ...).",
                sqlstate=error.sqlstate,
            ) from error
        raise


def read(database: Database) -> dict[tuple[Any, ...], Applied]:
    """The state of every migration that the history knows, by sort key; empty if there is no table."""
    if not exists(database):
        return {}
    rows = database.rows(
        "SELECT id, version, name, action, outcome, checksum, "
        "CASE WHEN outcome IN ('running', 'failed') THEN steps END AS steps "
        "FROM titan_ops.migration_history ORDER BY id"
    )
    return fold(rows)


def fold(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[Any, ...], Applied]:
    """The last word on each migration from the rows of its attempts, oldest first. Pure."""
    state: dict[tuple[Any, ...], Applied] = {}
    for row in rows:
        key = sort_key(row["version"])
        before = state.get(key)
        if row["outcome"] in ("applied", "rolled_back"):
            state[key] = Applied(
                row["version"],
                row["name"],
                row["outcome"] == "applied",
                row["checksum"],
                row["id"],
                action=row["action"],
            )
            continue
        steps = tuple(row["steps"] or ())
        if not steps:  # a transaction that failed left nothing
            state.setdefault(key, Applied(row["version"], row["name"], False, row["checksum"], row["id"]))
            continue
        applied = before is not None and before.applied
        known = before.checksum if before is not None and applied else row["checksum"]
        state[key] = Applied(
            row["version"], row["name"], applied, known, row["id"], True, steps, row["action"], row["action"]
        )
    return state


def sort_key(key: str) -> tuple[Any, ...]:
    """Equal for "0010" and "10"; repeatable ones come last."""
    return (1, key) if key.startswith("R__") else (0, *version_order(key.replace("-", "")))


def facts(database: Database) -> dict[int, dict[str, Any]]:
    """When, by whom, from where and how fast each applied attempt ran, by row id."""
    rows = database.rows(
        "SELECT id, to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS started, action, milliseconds AS ms, "
        "database_user, operating_user, host, server_version FROM titan_ops.migration_history WHERE outcome = 'applied'"
    )
    return {row.pop("id"): row for row in rows}


def body(database: Database, row: int) -> str:
    """The text that the row's attempt ran."""
    return str(database.value("SELECT body FROM titan_ops.migration_history WHERE id = %s", (row,)) or "")


def details(database: Database, key: str) -> list[dict[str, Any]]:
    """The details of every attempt since the migration was last absent, oldest first; those of done steps with them."""
    rows = database.rows(
        "SELECT details, steps FROM titan_ops.migration_history WHERE version = %s AND action <> 'rollback' AND id > coalesce("
        "(SELECT max(id) FROM titan_ops.migration_history WHERE version = %s AND outcome = 'rolled_back'), 0) ORDER BY id",
        (key, key),
    )
    found = []
    for row in rows:
        indexes = [item["index"] for item in row["steps"] or [] if item.get("index")]
        found.append({**row["details"], "indexes": [*row["details"].get("indexes", []), *indexes]})
    return found


_INSERT = """
INSERT INTO titan_ops.migration_history (version, name, action, outcome, checksum, body, steps, details, error,
  operating_user, host, run_id, started, milliseconds, server_version)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
  (extract(epoch FROM pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.-)
   extract(epoch FROM %s::pg_catalog.timestamptz)) OPERATOR(pg_catalog.*) 1000, %s)
RETURNING id, milliseconds, pg_catalog.pg_current_xact_id()::pg_catalog.text AS xid
"""


def insert(
    database: Database, runner: Runner, attempt: Attempt, outcome: str, error: str | None = None
) -> dict[str, Any]:
    """Write the attempt's row; return its id, milliseconds and transaction id."""
    migration = attempt.migration
    row = database.row(
        _INSERT,
        (
            migration.key, migration.name, attempt.action, outcome, migration.checksum, attempt.body,
            json.dumps(attempt.steps), json.dumps(attempt.details), error, runner.user, runner.host, runner.run_id,
            attempt.started, attempt.started, runner.server_version,
        ),
    )  # fmt: skip
    if row is None:
        raise DatabaseError("The server returned nothing for the history row.")
    attempt.row = int(row["id"])
    return row


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
