# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partitions that hold nothing but due rows: detached concurrently, then dropped.

What is going to be detached is written down first, in titan_ops.retention_detached, because a detached partition is no
longer part of its table: a run that is cut off between detaching and dropping is finished by the next one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Callable

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ...postgres.sqlstates import (
    DEPENDENT_OBJECTS_STILL_EXIST,
    FEATURE_NOT_SUPPORTED,
    FOREIGN_KEY_VIOLATION,
    INSUFFICIENT_PRIVILEGE,
    INVALID_TABLE_DEFINITION,
    LOCK_CONFLICTS,
    OBJECT_NOT_IN_PREREQUISITE_STATE,
    WRONG_OBJECT_TYPE,
)
from ...steps import step
from ..policies.tables import Leaf, Table

_TABLE = """
CREATE TABLE IF NOT EXISTS titan_ops.retention_detached (
    partition_oid  bigint PRIMARY KEY,
    partition_name text NOT NULL,
    parent_oid     bigint NOT NULL,
    noted_at       timestamptz NOT NULL DEFAULT pg_catalog.now()
)"""
_TRIES, _WAIT = 12, "100ms"

# the partition cannot be dropped as a whole: it is depended on, referenced, not ours, or of a kind that forbids it
REFUSED = (
    DEPENDENT_OBJECTS_STILL_EXIST, FOREIGN_KEY_VIOLATION, INSUFFICIENT_PRIVILEGE, FEATURE_NOT_SUPPORTED,
    OBJECT_NOT_IN_PREREQUISITE_STATE, WRONG_OBJECT_TYPE, INVALID_TABLE_DEFINITION, *LOCK_CONFLICTS,
)  # fmt: skip


def drop_partition(database: Database, table: Table, leaf: Leaf) -> int:
    """Detach and drop the partition; return how many rows went with it.

    Raises:
        DatabaseError: it cannot be done (see REFUSED), or not now.
    """
    database.execute(_TABLE)
    database.execute(
        "INSERT INTO titan_ops.retention_detached VALUES (%s, %s, %s) ON CONFLICT (partition_oid) DO UPDATE "
        "SET (partition_name, parent_oid, noted_at) = (excluded.partition_name, excluded.parent_oid, now())",
        (leaf.oid, leaf.name, table.oid),
    )
    relation = sql.Identifier(leaf.schema, leaf.name)
    try:
        with _short_waits(database):
            step("cleanup.detach")
            _detach(database, table, leaf)
            step("cleanup.drop")
            rows = int(database.value(sql.SQL("SELECT count(*) FROM ONLY {}").format(relation)))
            _with_retries(partial(database.execute, sql.SQL("DROP TABLE {}").format(relation)))
    except DatabaseError:
        if not database.closed and attached(database, leaf):
            database.execute("DELETE FROM titan_ops.retention_detached WHERE partition_oid = %s", (leaf.oid,))
        raise
    step("cleanup.dropped")
    database.execute("DELETE FROM titan_ops.retention_detached WHERE partition_oid = %s", (leaf.oid,))
    return rows


def _detach(database: Database, table: Table, leaf: Leaf) -> None:
    parent, partition = sql.Identifier(table.schema, table.name), sql.Identifier(leaf.schema, leaf.name)
    detach = sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}")
    begin, finish = (detach.format(parent, partition, sql.SQL(how)) for how in ("CONCURRENTLY", "FINALIZE"))
    plainly = detach.format(parent, partition, sql.SQL(""))

    def attempt() -> None:
        state = _state(database, leaf)
        if state == "detached":
            return
        try:
            database.execute(begin if state == "attached" else finish)
        except DatabaseError as error:
            default = (
                error.sqlstate in (OBJECT_NOT_IN_PREREQUISITE_STATE, FEATURE_NOT_SUPPORTED)
                and state == "attached"
                and _has_default(database, table)
            )
            if not default:
                raise
            database.execute(plainly)  # not possible concurrently beside a default partition

    _with_retries(attempt)


def _state(database: Database, leaf: Leaf) -> str:
    pending = database.value("SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = %s", (leaf.oid,))
    return "detached" if pending is None else "pending" if pending else "attached"


def attached(database: Database, leaf: Leaf) -> bool:
    """Whether the partition is still part of its table, with no detaching begun."""
    return _state(database, leaf) == "attached"


def _has_default(database: Database, table: Table) -> bool:
    return bool(database.value("SELECT partdefid <> 0 FROM pg_partitioned_table WHERE partrelid = %s", (table.oid,)))


def _with_retries(act: Callable[[], object]) -> None:
    """Do it again after a while when a lock was not free."""
    for attempt in range(_TRIES):
        try:
            act()
            return
        except DatabaseError as error:
            if error.sqlstate not in LOCK_CONFLICTS or attempt == _TRIES - 1:
                raise
            time.sleep(min(0.1 * 1.5**attempt, 1.0))


@contextmanager
def _short_waits(database: Database) -> Iterator[None]:
    """Wait for a lock for a moment only: whoever comes after us queues up behind us."""
    before = str(database.value("SELECT current_setting('lock_timeout')"))
    database.execute(f"SET lock_timeout = '{_WAIT}'")
    try:
        yield
    finally:
        if not database.closed:
            database.execute("SELECT set_config('lock_timeout', %s, false)", (before,))
