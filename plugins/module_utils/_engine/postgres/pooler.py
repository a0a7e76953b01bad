# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this connection one session of one server? A pooler in transaction or statement mode is not."""

from __future__ import annotations

from typing import Any, Callable

from ..errors import DatabaseError
from .connection import ConnectionSettings

_PATIENCE = 5.0  # seconds; a pool that is empty answers never
_ROUNDS = 6
_PID = "SELECT pg_catalog.pg_backend_pid()"

# Poolers that were seen to give every client a session of its own, as long as this process lives.
_session_pools: set[ConnectionSettings] = set()


class PoolerError(DatabaseError):
    """The connection is one of a pooler that shares its sessions among clients."""


def require_own_session(raw: Any, settings: ConnectionSettings, pid: int, connect: Callable[[], Any]) -> None:
    """Refuse a pooler whose clients share sessions: what one sets, another gets.

    Nothing is set here, and nothing may have been set in the session before.

    Args:
        raw: psycopg2's connection, in autocommit.
        settings: Where it leads.
        pid: The server process that answered its first question; another one than it was told at the start.
        connect: Makes another such connection.

    Raises:
        PoolerError: sessions are shared, or nobody could tell in time.
    """
    if settings in _session_pools:
        return
    import threading  # few are behind a pooler

    shared: list[bool] = []
    probe = threading.Thread(target=lambda: shared.append(_shared(raw, pid, connect)), daemon=True)
    probe.start()
    probe.join(_PATIENCE)
    if shared == [False]:
        _session_pools.add(settings)
        return
    why = (
        "is a connection pooler that does not give every client a session of its own (PgBouncer in transaction or statement mode?)"
        if shared
        else "is a connection pooler that gave no second connection, so nobody can tell whether it shares its sessions"
    )
    raw.close()
    raise PoolerError(
        f"{settings.place()} {why}. Settings would stay behind on sessions that the application gets next, and locks would "
        "not be safe. Name the server itself, by its own host and port: in DIRECT_URL beside DATABASE_URL in the env file, in "
        "direct_url, or in login_host and login_port; or connect through a pool in session mode. Nothing was done."
    )


def behind_pooler(settings: ConnectionSettings) -> bool:
    """Whether a pooler was seen to answer where these settings lead."""
    return any(settings.to(pool.database) == pool for pool in _session_pools)


def _shared(raw: Any, pid: int, connect: Callable[[], Any]) -> bool:
    """Whether another client gets our server session while we are connected."""
    try:
        other = connect()
    except Exception:  # refused for whatever reason: nobody can tell
        return True
    try:
        for _round in range(_ROUNDS):
            with other.cursor() as theirs, raw.cursor() as ours:
                theirs.execute("BEGIN")  # a pool in statement mode refuses it
                theirs.execute(_PID)
                their_pid = theirs.fetchone()[0]
                ours.execute(_PID)
                our_pid = ours.fetchone()[0]
                theirs.execute("COMMIT")
            if their_pid == pid or our_pid != pid:
                return True
    except Exception:  # see above
        return True
    finally:
        other.close()
    return False
