# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this connection one session of one server? A pooler in transaction or statement mode is not."""

from __future__ import annotations

import os
import struct
from contextlib import suppress

from ..errors import DatabaseError
from ..typed import TYPE_CHECKING, Any, Callable
from .connection import ConnectionSettings

if TYPE_CHECKING:
    from .pool_clients import Answers

PATIENCE = 8.0  # seconds without an answer; a pool that is empty answers never
LONGEST = 4 * PATIENCE  # seconds in which a machine that is very busy may give all answers

_WAY_OUT = (
    "Settings would remain on sessions that the application gets next, and locks would not be safe. Name the server itself, "
    "by its own host and port: in DIRECT_URL beside DATABASE_URL in the env file, in direct_url, or in login_host and login_port; "
    "or connect through a pool in session mode. Nothing was done."
)
_BEGAN_WITH_OURS = (
    "FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'client_connection_check_interval' "
    "AND source OPERATOR(pg_catalog.=) 'client' AND setting OPERATOR(pg_catalog.=) '1000'"
)

# Where every client was seen to get a session of its own, and whether a pooler gives it, as long as this process lives.
_own_sessions: dict[ConnectionSettings, bool] = {}


class PoolerError(DatabaseError):
    """The connection is one of a pooler that shares its sessions among clients."""


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
    raw: Any,
    settings: ConnectionSettings,
    pid: int,
    connect: Callable[[], Any],
    patience: float = PATIENCE,
    longest: float = LONGEST,
) -> bool:
    """Refuse a connection unless its session was seen to be our own, and to be reset or to end before anybody else gets it.

    Nothing is set here in a session that may be shared, and nothing may have been set in this one before.

    Args:
        raw: psycopg2's connection, in autocommit, which is not known to be direct.
        settings: Where it leads.
        pid: The server process that answered its first question.
        connect: Makes another such connection.
        patience: Seconds that may pass without an answer.
        longest: Seconds that this may take.

    Returns:
        Whether a pooler gives the session, and not a forwarded port or a translated address.

    Raises:
        PoolerError: a pooler shares its sessions or does not reset them, or nobody could tell in time.
        DatabaseError: nobody could tell in time, and nothing else speaks for a pooler.
    """
    if settings in _own_sessions:
        return _own_sessions[settings]
    import threading  # few are behind a pooler

    from .pool_clients import Answers, UnseenError

    promised = pid == raw.info.backend_pid
    found: list[bool | Exception] = []
    answers = Answers()

    def watch() -> None:
        found.append(_verdict(raw, settings, connect, not promised, answers))
        if isinstance(found[0], Exception):
            end_if_marked(raw)

    probe = threading.Thread(target=watch, daemon=True)
    probe.start()
    quiet = answers.wait(probe, patience, longest)
    verdict = (
        found[0]
        if found
        else UnseenError(f"after {answers.number} answers there was no further one for {quiet:.0f} seconds")
    )
    if isinstance(verdict, bool) and not raw.closed:
        _own_sessions[settings] = verdict
        return verdict
    cut_off(raw)
    raw.close()
    raise _refusal(settings, verdict, promised)


def _refusal(settings: ConnectionSettings, verdict: bool | Exception, promised: bool) -> DatabaseError:
    """Why the connection is not used; promised: the server process is the one that libpq was told."""
    from .pool_clients import RefusedError

    if isinstance(verdict, RefusedError):
        return PoolerError(f"{settings.place()} is a connection pooler that {verdict}. {_WAY_OUT}")
    if promised:
        return DatabaseError(
            f"Cannot connect to {settings.place()}: {verdict}. Whether a connection pooler is in between could not be determined. Check the "
            "network, the server's log and its limits of connections; or name the server itself, by its own host and port "
            "(DIRECT_URL in the env file, direct_url). Nothing was done."
        )
    return PoolerError(
        f"{settings.place()} is a connection pooler, and whether it shares its sessions could not be determined: {verdict}. {_WAY_OUT}"
    )


def behind_pooler(settings: ConnectionSettings) -> bool:
    """Whether a pooler was seen to answer where these settings lead."""
    return any(pooled and settings.to(place.database) == place for place, pooled in _own_sessions.items())


def end_if_marked(raw: Any) -> bool:
    """End the session that answers if it began with our settings, which no reset takes away: nobody else is to get it.

    Returns:
        Whether it did.
    """
    try:
        with raw.cursor() as cursor:
            cursor.execute(f"SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()) {_BEGAN_WITH_OURS}")
            return cursor.fetchone() is not None
    except Exception:  # the session is gone
        return True


def cut_off(raw: Any) -> None:
    """End the session of psycopg2's connection from this side, from any thread and whatever it waits for; nothing if it is gone.

    Unlike close() and a cancel this is held up neither by another thread that waits for an answer nor by a silent network.
    """
    import socket

    with suppress(Exception), socket.socket(fileno=os.dup(raw.fileno())) as own:
        own.shutdown(socket.SHUT_RDWR)


def _verdict(
    raw: Any, settings: ConnectionSettings, connect: Callable[[], Any], pooled: bool, answers: Answers
) -> bool | Exception:
    """Why the session is not to be used; or, when it is our own, whether a pooler gives it."""
    from .pool_clients import RefusedError, UnseenError, watch_clients

    try:
        return watch_clients(raw, connect, pooled, answers)
    except (RefusedError, UnseenError) as error:
        return error
    except Exception as error:  # psycopg2's: no second connection, or one of the two is gone
        return UnseenError(f"a second client was not served to its end ({settings.without_secrets(str(error))})")
