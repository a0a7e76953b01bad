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
# a balancer to another pooler. Few are enough where nothing looks like a pooler: each session is made for its client, and
# ends with it.
_ROUNDS, _FEW_ROUNDS = 20, 3
_ENOUGH = 4.0  # seconds, after which _FEW_ROUNDS rounds are enough, too
LEAVES_WITHIN = 2.0  # seconds, for a session to end or to be reset when its client has left
_GONE_WITHIN = 0.5  # the same where its statements are not shown, so that only its end can be seen
_CLEAN = ("RESET ALL", "PG_ADVISORY_UNLOCK_ALL")  # what DISCARD ALL does of what matters to us

# Where every client was seen to get a session of its own, and whether a pooler gives it, as long as this process lives.
_own_sessions: dict[ConnectionSettings, bool] = {}


class PoolerError(DatabaseError):
    """The connection is one of a pooler that shares its sessions among clients."""


class _RefusedError(Exception):
    """What speaks against the connection, as a clause: a pooler was seen at work."""


class _UnseenError(Exception):
    """What could not be seen, as a sentence without its end: it may be a pooler's doing, a server's or a network's."""


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
) -> bool:
    """Refuse a connection unless its session was seen to be our own, and to be reset or to end before anybody else gets it.

    Nothing is set here in a session that may be shared, and nothing may have been set in this one before.

    Args:
        raw: psycopg2's connection, in autocommit, which is not known to be direct.
        settings: Where it leads.
        pid: The server process that answered its first question.
        connect: Makes another such connection.
        patience: Seconds that this may take.

    Returns:
        Whether a pooler gives the session, and not a forwarded port or a translated address.

    Raises:
        PoolerError: a pooler shares its sessions or does not reset them, or nobody could tell in time.
        DatabaseError: nobody could tell in time, and nothing else speaks for a pooler.
    """
    if settings in _own_sessions:
        return _own_sessions[settings]
    import threading  # few are behind a pooler

    promised = pid == raw.info.backend_pid
    found: list[bool | Exception] = []

    def watch() -> None:
        found.append(_verdict(raw, settings, connect, not promised))
        if isinstance(found[0], Exception):
            end_if_marked(raw)

    probe = threading.Thread(target=watch, daemon=True)
    probe.start()
    probe.join(patience)
    verdict = found[0] if found else _UnseenError(f"it answered once, and then no more within {patience:.0f} seconds")
    if isinstance(verdict, bool) and not raw.closed:
        _own_sessions[settings] = verdict
        return verdict
    cut_off(raw)
    raw.close()
    if isinstance(verdict, _RefusedError):
        raise PoolerError(f"{settings.place()} is a connection pooler that {verdict}. {_WAY_OUT}")
    if promised:
        raise DatabaseError(
            f"Cannot connect to {settings.place()}: {verdict}. Nobody can tell whether a connection pooler is in between. Check the "
            "network, the server's log and its limits of connections; or name the server itself, by its own host and port "
            "(DIRECT_URL in the env file, direct_url). Nothing was done."
        )
    raise PoolerError(
        f"{settings.place()} is a connection pooler, and nobody can tell whether it shares its sessions: {verdict}. {_WAY_OUT}"
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


def _verdict(raw: Any, settings: ConnectionSettings, connect: Callable[[], Any], pooled: bool) -> bool | Exception:
    """Why the session is not to be used; or, when it is our own, whether a pooler gives it."""
    try:
        return _watch_clients(raw, connect, pooled)
    except (_RefusedError, _UnseenError) as error:
        return error
    except Exception as error:  # psycopg2's: no second connection, or one of the two is gone
        return _UnseenError(f"a second client was not served to its end ({settings.without_secrets(str(error))})")


_SHARED = "does not give every client a session of its own (PgBouncer in transaction or statement mode?)"
_NOT_RESET = (
    "does not reset a session that a client leaves with DISCARD ALL (server_reset_query is another one or empty, or the pool "
    "is in transaction mode)"
)
_KEPT = "a session that its client had left was neither reset nor gone {:g} seconds later"
_UNSEEN = (
    "whether a session that a client leaves is reset was not to be seen (track_activities is off, or the pool is busy)"
)
_WAY_OUT = (
    "Settings would stay behind on sessions that the application gets next, and locks would not be safe. Name the server itself, "
    "by its own host and port: in DIRECT_URL beside DATABASE_URL in the env file, in direct_url, or in login_host and login_port; "
    "or connect through a pool in session mode. Nothing was done."
)
# SQLSTATE classes of a server that has no room, or ends: no pooler's refusal of a transaction.
_SERVER_S_OWN = ("53", "57")
_BEGAN_WITH_OURS = (
    "FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) 'client_connection_check_interval' "
    "AND source OPERATOR(pg_catalog.=) 'client' AND setting OPERATOR(pg_catalog.=) '1000'"
)
_LAST_STATEMENT = "SELECT query FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) %s"


class _Client:
    """A connection whose statements can be told from those of others in pg_stat_activity.

    Attributes:
        session: (start of the server, process number) of the session that answered last.
        outlives: Seconds by which that session is older than a moment that this client can tell.
    """

    def __init__(self, raw: Any, since: float | None = None) -> None:
        self.raw = raw
        self.outlives = 0.0
        self._since = since
        self._token = f"/* titan_db {os.urandom(8).hex()} */ "
        self.session = self.ask()

    def ask(self) -> tuple[float, int]:
        """Which session answers now."""
        with self.raw.cursor() as cursor:
            cursor.execute(
                self._token
                + "SELECT pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()), pg_catalog.pg_backend_pid(), "
                "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) (SELECT backend_start "
                "FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()))"
            )
            server, pid, age = cursor.fetchone()
        if self._since is not None and age is not None:
            self.outlives = age - (time.monotonic() - self._since)
        return server, pid

    def sees_of(self, client: _Client) -> str | None:
        """The last statement in the other client's session: "own", another's text, empty if unseen; None if it has ended."""
        with self.raw.cursor() as cursor:
            cursor.execute(
                self._token + _LAST_STATEMENT,
                (client.session[1],),
            )
            row = cursor.fetchone()
        return row and ("own" if client._token in row[0] else row[0])


def _watch_clients(raw: Any, connect: Callable[[], Any], pooled: bool) -> bool:
    """Refuse unless other clients get, keep and leave sessions as our own is to be; return whether a pooler gives them.

    No number of clients that did not meet proves a pool that shares nothing: it may be large, have many processes, or give
    each client the session that it had last. Only a session that is reset, or ends, as soon as its client leaves, and
    not before, is taken for a client's own. The server tells that in pg_stat_activity.
    """
    began = time.monotonic()
    us, seen = _Client(raw), 0
    for done in range(_ROUNDS):
        if done >= _FEW_ROUNDS and seen and (not pooled or time.monotonic() - began > _ENOUGH):
            break
        joined = time.monotonic()
        other = connect()
        try:
            them = _require_unshared(us, other, joined)
        finally:
            other.close()
        pooled = pooled or them.outlives > 0.05
        if them.session[0] == us.session[0]:  # else a balancer led it to another server, which we cannot see
            left = _leaving(us, them, pooled)
            seen += left != "unseen"
            pooled = pooled or left == "reset"
    if not seen:
        raise _UnseenError(_UNSEEN)
    return pooled


def _require_unshared(us: _Client, other: Any, joined: float) -> _Client:
    """Refuse when one of two clients gets the other's session, or loses its own, in a transaction, after it or at rest."""
    with other.cursor() as cursor:
        try:
            cursor.execute("BEGIN")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")  # the network may fall silent now
        except Exception as error:
            if (getattr(error, "pgcode", None) or _SERVER_S_OWN[0])[:2] in _SERVER_S_OWN:
                raise
            raise _RefusedError(_SHARED) from error  # a pool in statement mode
        them = _Client(other, joined)
        if them.session == us.session or us.ask() != us.session:
            raise _RefusedError(_SHARED)
        # Poolers that reset a session only where a client has set something see that; the session does not keep it.
        cursor.execute("SET titan_db.seen = 'yes'")
        cursor.execute("ROLLBACK")
    # A pool that gives out next what came back last would let each of the two meet its own session for ever.
    if us.ask() != us.session or them.ask() != them.session:
        raise _RefusedError(_SHARED)
    if them.session[0] == us.session[0] and not {us.sees_of(them), them.sees_of(us)} <= {"own", ""}:
        raise _RefusedError(_SHARED)
    return them


def _leaving(us: _Client, them: _Client, pooled: bool) -> str:
    """What becomes of the session of a client that has just left: "gone", "reset", or "unseen" if others took it at once.

    Where nothing else speaks for a pooler, one that stays as it is may also be that of a busy server or of a network that
    does not tell it.
    """
    began = time.monotonic()
    while (text := us.sees_of(them)) == "own" or (text == "" and time.monotonic() - began < _GONE_WITHIN):
        if time.monotonic() - began > LEAVES_WITHIN:
            raise _RefusedError(_NOT_RESET) if pooled else _UnseenError(_KEPT.format(LEAVES_WITHIN))
        time.sleep(0.005)
    if text is None:
        return "gone"
    upper = text.upper()
    if "DISCARD ALL" in upper or all(one in upper for one in _CLEAN):
        return "reset"
    if upper.startswith(_CLEAN[0]):  # an advisory lock would stay
        raise _RefusedError(_NOT_RESET)
    return "unseen"
