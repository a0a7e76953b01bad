# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A moment whose content is known and to which a physical backup can be restored: a restore point with a fingerprint.

The restore point lies in the write-ahead log, the fingerprint is taken in a snapshot. They show the same content only if no
transaction ended between both; what is not shown to be so is not called so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Callable, NamedTuple

from ...errors import DatabaseError, TitanError
from ...outcome import silent
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, TransactionState, connect, sql
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE, LOCK_CONFLICTS, UNDEFINED_TABLE
from ..catalog.physical_record import LOCKED, QUIET, PhysicalRecord, RestorePoint
from ..content.differences import content_differences
from ..content.fingerprint import Fingerprint, canceller, read_fingerprint, safe_hash_method
from ..content.tables import Table, read_tables
from ..dump.source import snapshot
from ..programs.pipeline import Deadline

QUIET_SECONDS = 5.0
LOCK_ATTEMPTS = 10
_LOCK_MILLISECONDS = 200


class Moment(NamedTuple):
    """A restore point, and the fingerprint of the database's permanent tables at it; None without a proof."""

    point: RestorePoint
    content: Fingerprint | None


def take_moment(
    settings: ConnectionSettings,
    label: str,
    lock_timeout: float,
    deadline: Deadline,
    say: Callable[[str], None] = silent,
) -> Moment:
    """Make a restore point at an instant whose content is known, and take the fingerprint of that content.

    Args:
        settings: A role that may make restore points and read everything.
        label: The backup's label; the restore point's name begins with it.
        lock_timeout: Seconds to wait for a table that is being altered.
        deadline: When it must be done.
        say: Takes progress lines.
    """
    marker = connect(settings, "backup")
    with marker, connect(settings, "backup") as reader, deadline.ends(canceller(reader)):
        number, end = 0, time.monotonic() + QUIET_SECONDS
        while number == 0 or time.monotonic() < end:
            number += 1
            with snapshot(reader, lock_timeout) as (_identifier, tables):
                found = _quiet_point(reader, marker, f"titan_{label}_{number}")
                if found:
                    return Moment(RestorePoint(*found, QUIET), _content(reader, tables, say))
            time.sleep(0.02)
        say("Other sessions keep writing; locking the tables for an instant ...")
        return _locked_moment(settings, reader, marker, f"titan_{label}_locked", say)


def _content(reader: Database, tables: Sequence[Table], say: Callable[[str], None]) -> Fingerprint:
    return read_fingerprint(reader, permanent(reader, tables), say, hash_method=safe_hash_method(reader))


def _quiet_point(reader: Database, marker: Database, target: str) -> tuple[str, str] | None:
    """A restore point between two equal snapshots while nobody holds a transaction ID.

    A transaction whose commit lies before the restore point, yet is not in the first snapshot, either still holds the lock on
    its own transaction ID when those are looked at, or has ended by then and is in the second snapshot.
    """
    before = str(reader.value("SELECT pg_current_snapshot()::text"))
    if not before.endswith(":"):
        return None  # somebody is in the middle of writing
    lsn = str(marker.value("SELECT pg_create_restore_point(%s)::text", (target,)))
    writing = marker.value(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock')"
    )
    after = str(marker.value("SELECT pg_current_snapshot()::text"))
    return (target, lsn) if not writing and before == after else None


def _locked_moment(
    settings: ConnectionSettings, reader: Database, marker: Database, prefix: str, say: Callable[[str], None]
) -> Moment:
    """Keep writers out for an instant: who had written has then ended, and is in the snapshot and before the restore point."""
    with connect(settings, "backup") as holder:
        for number in range(LOCK_ATTEMPTS):
            with _tables_locked(holder) as locked:
                if locked is None:
                    return Moment(RestorePoint(), None)
                if locked:
                    try:
                        with snapshot(reader, _LOCK_MILLISECONDS / 1000) as (_identifier, tables):
                            target = f"{prefix}_{number}"
                            lsn = str(marker.value("SELECT pg_create_restore_point(%s)::text", (target,)))
                            holder.execute("ROLLBACK")
                            if [table.oid for table in tables] == locked:
                                return Moment(RestorePoint(target, lsn, LOCKED), _content(reader, tables, say))
                    except TitanError as error:
                        if error.details.get("sqlstate") not in LOCK_CONFLICTS:
                            raise
            time.sleep(0.1 * (number + 1))
    return Moment(RestorePoint(), None)


@contextmanager
def _tables_locked(holder: Database) -> Iterator[list[int] | None]:
    """Hold all tables against writing: yields their OIDs; an empty list when not granted in time, None when not allowed."""
    tables = read_tables(holder)
    names = sql.SQL(", ").join(table.relation() for table in tables)
    oids: list[int] | None = [table.oid for table in tables]
    holder.execute("BEGIN")
    try:
        try:
            holder.execute("SELECT set_config('lock_timeout', %s, true)", (f"{_LOCK_MILLISECONDS}ms",))
            if tables:
                holder.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(names))
        except DatabaseError as error:
            if error.sqlstate not in (*LOCK_CONFLICTS, INSUFFICIENT_PRIVILEGE, UNDEFINED_TABLE):
                raise
            oids = None if error.sqlstate == INSUFFICIENT_PRIVILEGE else []
        yield oids
    finally:
        if not holder.closed and holder.transaction_state != TransactionState.IDLE:
            holder.execute("ROLLBACK")


def permanent(database: Database, tables: Sequence[Table]) -> list[Table]:
    """The tables without the unlogged ones, which a physical backup brings back empty."""
    unlogged = {row["oid"] for row in database.rows(_UNLOGGED)}
    return [table for table in tables if table.oid not in unlogged]


_UNLOGGED = "SELECT oid::bigint AS oid FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u'"


def moment_differences(record: PhysicalRecord, restored: Fingerprint) -> list[str]:
    """What differs between the moment's content and the restored one, as sentences.

    While tables were locked, others may have made new ones and written large objects: those are not compared.
    """
    source = record.content
    if source is None:
        return []
    if record.point.proof == LOCKED:
        known = {(table.schema, table.name) for table in source.tables}
        tables = tuple(table for table in restored.tables if (table.schema, table.name) in known)
        restored = replace(source, tables=tables)  # its large objects are the source's
    return content_differences(source, restored)
