# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""REINDEX INDEX CONCURRENTLY, one index at a time, with what has to be true before and after."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ..errors import DatabaseError
from ..postgres.connecting import time_to_ask
from ..postgres.database import Database, sql
from ..postgres.disk import data_directory, free_bytes, is_here
from ..postgres.sqlstates import LOCK_CONFLICTS, QUERY_CANCELED
from ..steps import step
from ..text.quoted import quoted_name
from .indexes import Index
from .leftovers import drop_leftover, find_leftovers

_SERVER_NOTICES = 10.0  # seconds, in which the server ends what a client that is gone has begun


@dataclass(frozen=True)
class Rebuilt:
    """What became of one index; problem is empty when it was rebuilt; lost says that the lock went with the connection."""

    index: Index
    bytes_after: int = 0
    seconds: float = 0.0
    problem: str = ""
    failed: bool = False
    lost: str = ""


def rebuild(database: Database, index: Index, wait: float, deadline: float) -> Rebuilt:
    """Rebuild one index.

    Args:
        database: A connection with lock_timeout set.
        index: Which one.
        wait: Seconds to wait for old transactions.
        deadline: On the monotonic clock; a rebuild that lasts longer is cancelled, and what it left is dropped.
    """
    free = disk_free(database, index)
    if free is not None and free < 2 * index.bytes:
        need = f"{2 * index.bytes >> 20:,} MiB are needed (twice the index), {free >> 20:,} MiB are free"
        return Rebuilt(index, problem=f"not enough disk: {need}")
    blockers = _wait_for_transactions(database, index, wait)
    if blockers:
        return Rebuilt(index, problem=f"old transactions would delay it: {'; '.join(blockers)}")
    begun = time.monotonic()
    step("reindex.rebuild")
    try:
        database.execute(f"SET statement_timeout = {max(1, int((deadline - begun) * 1000))}")
        database.execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(index.schema, index.name)))
    except DatabaseError as error:
        over = error.sqlstate == QUERY_CANCELED and time.monotonic() >= deadline
        if database.closed:
            return _after_loss(database, index, begun, error)
        if error.lost and not over:
            raise
        database.execute("SET statement_timeout = 0")
        stuck = [one.full_name for one in find_leftovers(database, index.oid) if drop_leftover(database, one)]
        blockers = _old_transactions(database, index, 0.0)
        busy = over or error.sqlstate in LOCK_CONFLICTS
        why = (
            "max_runtime has passed; the next run rebuilds it"
            if over
            else f"{error.message}{': ' + '; '.join(blockers) if blockers else ''}"
        )
        why += f"; {', '.join(stuck)} stays until the next run" if stuck else ""
        return Rebuilt(index, seconds=time.monotonic() - begun, problem=why, failed=not busy)
    database.execute("SET statement_timeout = 0")
    step("reindex.rebuilt")
    return _measured(database, index, time.monotonic() - begun)


def _after_loss(database: Database, index: Index, begun: float, error: DatabaseError) -> Rebuilt:
    """The answer was lost, and perhaps nothing else: what became of the index is asked over a new connection."""
    gone = database.server_pid
    database.reconnect("reindex")
    ends = time.monotonic() + time_to_ask(_SERVER_NOTICES)
    while (
        database.value("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)", (gone,))
        and time.monotonic() < ends
    ):
        time.sleep(0.1)
    seconds = time.monotonic() - begun
    now = database.value("SELECT to_regclass(%s)::oid", (quoted_name(index.schema, index.name),))
    result = _measured(database, index, seconds) if now != index.oid else Rebuilt(index, seconds=seconds)
    if result.bytes_after:
        return replace(result, lost=f"the connection was lost after it was rebuilt ({error.message})")
    why = f"{error.message} It was not rebuilt; the next run drops what this attempt left, and rebuilds it"
    return replace(result, problem=why, failed=True, lost="the connection was lost")


def _measured(database: Database, index: Index, seconds: float) -> Rebuilt:
    row = database.row(
        """
        SELECT i.indisvalid AND i.indisready AS valid, pg_relation_size(c.oid) AS bytes
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = %s AND c.relname = %s
        """,
        (index.schema, index.name),
    )
    if not row or not row["valid"]:
        return Rebuilt(index, seconds=seconds, problem="it is not valid after the rebuild", failed=True)
    return Rebuilt(index, int(row["bytes"]), seconds)


def _wait_for_transactions(database: Database, index: Index, wait: float) -> list[str]:
    deadline = time.monotonic() + wait
    while True:
        blockers = _old_transactions(database, index, wait)
        if not blockers or time.monotonic() >= deadline:
            return blockers
        time.sleep(0.1)


def _old_transactions(database: Database, index: Index, older: float) -> list[str]:
    """Transactions that REINDEX CONCURRENTLY would wait for and that have been open for that many seconds."""
    rows = database.rows(
        """
        SELECT format('session %%s of %%s (%%s), in a transaction since %%s', a.pid, a.usename, a.application_name,
                      date_trunc('second', a.xact_start)) AS who
          FROM pg_stat_activity a
         WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND a.backend_type = 'client backend'
           AND a.xact_start < clock_timestamp() - make_interval(secs => %s)
           AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL OR EXISTS (
               SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.relation = %s::oid))
         ORDER BY a.xact_start LIMIT 3
        """,
        (older, index.table_oid),
    )
    return [str(row["who"]) for row in rows]


def disk_free(database: Database, index: Index) -> int | None:
    """Free bytes where the index lies; None when the server's disk cannot be seen from here."""
    location = index.location if index.location and is_here(database) else data_directory(database)
    return free_bytes(location) if location else None
