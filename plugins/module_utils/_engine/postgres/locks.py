# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: file locks on the host, advisory locks in the database."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone

from ..errors import DatabaseError, LockedError
from ..host.safe_open import open_file
from ..typed import Callable
from .database import Database, TransactionState
from .session_settings import IDLE_IN_TRANSACTION

_IDLE_LIMIT = "idle_session_timeout"
SIGN_OF_LIFE = 10.0  # seconds

# For a session that holds an advisory lock and whose settings were reset; see advisory_lock.
LIMIT_IDLE = f"SET {_IDLE_LIMIT} = '{IDLE_IN_TRANSACTION}'"


@contextmanager
def file_lock(path: str, purpose: str, wait: float = 0.0) -> Iterator[None]:
    """Hold flock on the file (made with mode 0600 if missing, never removed) while the block runs.

    Args:
        path: The lock file.
        purpose: What the holder does, for the message that a second run prints.
        wait: Seconds to poll before giving up.

    Raises:
        LockedError: somebody else holds it; says who and since when.
    """
    descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        deadline = time.monotonic() + wait
        while not try_flock(descriptor):
            if time.monotonic() >= deadline:
                raise _held(descriptor, path)
            time.sleep(0.1)
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        with suppress(OSError):  # it is for a message only: a full disk keeps no run from its work
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since": now, "purpose": purpose}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def try_flock(descriptor: int) -> bool:
    """Take the exclusive lock on an open file or directory if nobody holds it; return whether it was taken."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held(descriptor: int, path: str) -> LockedError:
    from ..text.json_kinds import parsed

    try:
        holder = parsed(os.pread(descriptor, 4096, 0))
        who = f"{holder['purpose']} (process {holder['pid']}) since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        holder, who = {}, "another run"
    return LockedError(f"Already running: {who} holds {path}. Wait for it to end.", lock=path, holder=holder)


def advisory_key(*words: str) -> int:
    """A signed 64-bit advisory lock key for the words, the same in every version of this collection."""
    digest = hashlib.sha256("\0".join(("titan.database", *words)).encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


# Seconds in which the server ends the session of a program that was killed a moment ago, and with it its lock.
LINGERING = 5.0


@contextmanager
def advisory_lock(
    database: Database, *words: str, wait: float = 0.0, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold a session advisory lock while the block runs.

    The lock is polled, never waited for inside the server: a blocked waiter holds a snapshot and would deadlock
    with CREATE INDEX CONCURRENTLY. While it is held, the server ends the session when it hears nothing of it for 45 seconds,
    so that a silent network does not keep it; a block that leaves the session idle for longer uses sign_of_life.

    Raises:
        LockedError: not free within ``wait`` seconds; names the holding session and how long it has been connected.
    """
    key, idle_limit = _acquire(database, words, wait, 0.2, sleep)
    try:
        yield
    finally:
        if not database.closed and database.transaction_state == TransactionState.IDLE:
            database.value(
                f"SELECT pg_catalog.set_config('{_IDLE_LIMIT}', %s, false), pg_catalog.pg_advisory_unlock(%s)",
                (idle_limit, key),
            )


def is_held_anywhere(database: Database, *words: str) -> bool:
    """Whether a session in any database of the server holds the lock: each database has advisory locks of its own."""
    key = advisory_key(*words)
    query = (
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
        "AND classid::bigint = %s AND objid::bigint = %s)"
    )
    return bool(database.value(query, ((key >> 32) & 0xFFFFFFFF, key & 0xFFFFFFFF)))


@contextmanager
def sign_of_life(database: Database) -> Iterator[None]:
    """Let the server hear of the session while the block leaves it idle: nothing else may use it meanwhile."""
    import threading  # costs time that a run without news need not take

    ended = threading.Event()

    def ask() -> None:
        with suppress(DatabaseError):  # whoever needs the session next is told that it is gone
            while not ended.wait(SIGN_OF_LIFE):
                database.value("SELECT 1")

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()


def regain_lock(database: Database, *words: str, wait: float = 10.0) -> None:
    """Take the session advisory lock again in a new session that goes on for the one that held it.

    Raises:
        LockedError: see advisory_lock.
    """
    _acquire(database, words, wait, 0.02, time.sleep)  # the session of before may still be ending


# One round trip. What the setting was is computed before the outer query may set it: WITH ... AS MATERIALIZED is evaluated by itself.
_TAKE = f"""
WITH before AS MATERIALIZED (SELECT pg_catalog.current_setting('{_IDLE_LIMIT}') AS idle_limit)
SELECT idle_limit, CASE WHEN pg_catalog.pg_try_advisory_lock(%s)
         THEN pg_catalog.set_config('{_IDLE_LIMIT}', '{IDLE_IN_TRANSACTION}', false) IS NOT NULL ELSE false END AS taken
  FROM before
"""  # noqa: S608 - both are ours


def _acquire(
    database: Database, words: tuple[str, ...], wait: float, pause: float, sleep: Callable[[float], None]
) -> tuple[int, str]:
    """Poll for the lock, at most wait seconds; return its key, and the session's limit for idleness before."""
    key = advisory_key(*words)
    deadline = time.monotonic() + wait
    while not (answer := database.row(_TAKE, (key,)) or {"taken": False})["taken"]:
        if time.monotonic() >= deadline:
            raise _advisory_held(database, key, words)
        sleep(pause)
    return key, answer["idle_limit"]


def _advisory_held(database: Database, key: int, words: tuple[str, ...]) -> LockedError:
    holder = database.row(
        """
        SELECT a.pid, a.usename::text AS "user", a.application_name AS application,
               coalesce(a.client_addr::text, 'local') AS client,
               to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
          FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
           AND l.classid::bigint = %s AND l.objid::bigint = %s
        """,
        ((key >> 32) & 0xFFFFFFFF, key & 0xFFFFFFFF),
    )
    who = "another session, which has just ended"
    if holder:
        who = (
            f"{holder['application']!r} (backend {holder['pid']}, user {holder['user']}, from {holder['client']}), "
            f"connected since {holder['since']}"
        )
    return LockedError(
        f"Another run holds the lock for {' '.join(words)}: {who}. Wait for it, or end that session.",
        holder=holder or {},
    )
