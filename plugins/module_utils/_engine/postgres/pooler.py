# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this connection one session of one server? A pooler in transaction or statement mode is not."""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from typing import Any, Callable

from ..errors import DatabaseError
from .connection import ConnectionSettings

PATIENCE = 8.0  # seconds; a pool that is empty answers never
# A new client is tried in each round, because the kernel may lead it to another process of the pooler (so_reuseport) or
# a balancer to another pooler. Without a sign of a pooler few are enough.
_ROUNDS, _FEW_ROUNDS = 20, 3
_ENOUGH = 4.0  # seconds, after which _FEW_ROUNDS rounds are enough, too
_TRIES = 25
_PID = "SELECT pg_catalog.pg_backend_pid()"
_MARK = "titan_db.left_behind"  # a setting that means nothing to anybody

# Where every client was seen to get a session of its own, and whether a pooler gives it, as long as this process lives.
_own_sessions: dict[ConnectionSettings, bool] = {}


class PoolerError(DatabaseError):
    """The connection is one of a pooler that shares its sessions among clients."""


class _RefusedError(Exception):
    """What speaks against the connection, as a clause."""


def is_direct(raw: Any, pid: int, address: str | None, port: int | None) -> bool:
    """Whether this process's socket is certainly the one that the server reads.

    Args:
        raw: psycopg2's connection.
        pid: The server process that answered.
        address, port: The client as the server sees it; None over a Unix-domain socket.
    """
    import socket  # psycopg2 has loaded it

    if pid != raw.info.backend_pid:
        return False
    with suppress(OSError, ValueError, IndexError), socket.socket(fileno=os.dup(raw.fileno())) as own:
        if own.family == socket.AF_UNIX:
            listener = struct.unpack("3i", own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
                parent = int(stream.read().rpartition(")")[2].split()[1])
            return port is None and parent == listener
        ours = own.getsockname()
        return bool((ours[0].partition("%")[0].removeprefix("::ffff:"), ours[1]) == (address, port))
    return False


def require_own_session(
    raw: Any, settings: ConnectionSettings, pid: int, connect: Callable[[], Any], patience: float = PATIENCE
) -> None:
    """Refuse a pooler whose clients share sessions, or get them with what the last one has set.

    Nothing is set here in a session that may be shared, and nothing may have been set in this one before.

    Args:
        raw: psycopg2's connection, in autocommit, which is not known to be direct.
        settings: Where it leads.
        pid: The server process that answered its first question.
        connect: Makes another such connection.
        patience: Seconds that this may take.

    Raises:
        PoolerError: sessions are shared or not reset, or nobody could tell in time.
        DatabaseError: nothing answers any more, and nothing speaks for a pooler.
    """
    if settings in _own_sessions:
        return
    import threading  # few are behind a pooler

    pooled = pid != raw.info.backend_pid
    found: list[str] = []
    probe = threading.Thread(target=lambda: found.append(_objection(raw, pid, connect, pooled)), daemon=True)
    probe.start()
    probe.join(patience)
    if found == [""] and not raw.closed:
        _own_sessions[settings] = pooled
        return
    if not pooled and found in ([], [""]):
        cut_off(raw)
        raw.close()
        raise DatabaseError(
            f"Cannot connect to {settings.place()}: it answered once, and then no more within {patience:.0f} seconds. "
            "Check the network and the server's log."
        )
    why = found[0] if found else "gave no second connection in time, so nobody can tell whether it shares its sessions"
    cut_off(raw)
    raw.close()
    raise PoolerError(
        f"{settings.place()} is a connection pooler that {why}. Settings would stay behind on sessions that the application "
        "gets next, and locks would not be safe. Name the server itself, by its own host and port: in DIRECT_URL beside "
        "DATABASE_URL in the env file, in direct_url, or in login_host and login_port; or connect through a pool in session mode. "
        "Nothing was done."
    )


def behind_pooler(settings: ConnectionSettings) -> bool:
    """Whether a pooler was seen to answer where these settings lead."""
    return any(pooled and settings.to(place.database) == place for place, pooled in _own_sessions.items())


def cut_off(raw: Any) -> None:
    """End the session of psycopg2's connection from this side, from any thread and whatever it waits for; nothing if it is gone.

    Unlike close() and a cancel this is held up neither by another thread that waits for an answer nor by a silent network.
    """
    import socket

    with suppress(Exception), socket.socket(fileno=os.dup(raw.fileno())) as own:
        own.shutdown(socket.SHUT_RDWR)


def _objection(raw: Any, pid: int, connect: Callable[[], Any], pooled: bool) -> str:
    """Why the session is not to be used, as a clause; empty when it is our own, and new for whoever gets it next."""
    try:
        _require_unshared(raw, pid, connect, _ROUNDS if pooled else _FEW_ROUNDS)
        _require_reset(connect)
    except _RefusedError as error:
        return str(error)
    except Exception as error:  # no second connection for whatever reason
        if not pooled:  # the server's own answer: too many clients, for example
            return ""
        return f"gave no second connection, so nobody can tell whether it shares its sessions ({type(error).__name__})"
    return ""


_SHARED = "does not give every client a session of its own (PgBouncer in transaction or statement mode?)"


def _require_unshared(raw: Any, pid: int, connect: Callable[[], Any], rounds: int) -> None:
    """Refuse when another client gets our server session while we are connected."""
    began = time.monotonic()
    for done in range(rounds):
        if done >= _FEW_ROUNDS and time.monotonic() - began > _ENOUGH:
            return
        other = connect()
        try:
            with other.cursor() as theirs, raw.cursor() as ours:
                try:
                    theirs.execute("BEGIN")
                except Exception as error:  # a pool in statement mode refuses it
                    raise _RefusedError(_SHARED) from error
                theirs.execute(_PID)
                if theirs.fetchone()[0] == pid:
                    raise _RefusedError(_SHARED)
                ours.execute(_PID)
                if ours.fetchone()[0] != pid:
                    raise _RefusedError(_SHARED)
                theirs.execute("COMMIT")
                # A pool that gives out next what came back last would let each of the two meet its own session for ever.
                ours.execute(_PID)
                if ours.fetchone()[0] != pid:
                    raise _RefusedError(_SHARED)
        finally:
            other.close()


def _require_reset(connect: Callable[[], Any]) -> None:
    """Refuse when a session comes back to the next client with what the last one has set."""
    marked: set[int] = set()
    kept: list[Any] = []  # so that others come to light, too
    try:
        for number in range(_TRIES):
            other = connect()
            if number % 4 == 3:
                kept.append(other)
            with other.cursor() as cursor:
                cursor.execute(f"{_PID}, pg_catalog.current_setting('{_MARK}', true)")
                pid, mark = cursor.fetchone()
                if mark:
                    cursor.execute(f"RESET {_MARK}")
                    raise _RefusedError("does not reset a session that a client leaves (server_reset_query is empty?)")
                if pid in marked or _one_is_gone(cursor, marked):
                    return
                cursor.execute(f"SET {_MARK} = 'yes'")
                marked.add(pid)
            if other not in kept:
                other.close()
    finally:
        for other in kept:
            other.close()
    raise _RefusedError("did not give a session back, so nobody can tell whether it resets one that a client leaves")


def _one_is_gone(cursor: Any, pids: set[int]) -> bool:
    """Whether a session has ended with its client."""
    cursor.execute(
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) ANY (%s::int[])",
        (sorted(pids),),
    )
    return bool(cursor.fetchone()[0] < len(pids))
