# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further clients of whatever answers, and what becomes of their sessions: do they get, keep and leave one as our own is to be?"""

from __future__ import annotations

import os
import time

from ..typed import Any, Callable

# A new client is tried in each round, because the kernel may lead it to another process of the pooler (so_reuseport) or
# a balancer to another pooler. Few are enough where nothing looks like a pooler: each session is made for its client, and
# ends with it.
_ROUNDS, _FEW_ROUNDS = 20, 3
_ENOUGH = 4.0  # seconds, after which _FEW_ROUNDS rounds are enough, too
LEAVES_WITHIN = 2.0  # seconds, for a session to end or to be reset when its client has left
_GONE_WITHIN = 0.5  # the same where its statements are not shown, so that only its end can be seen
_CLEAN = ("RESET ALL", "PG_ADVISORY_UNLOCK_ALL")  # what DISCARD ALL does of what matters to us


class RefusedError(Exception):
    """What speaks against the connection, as a clause: a pooler was seen at work."""


class UnseenError(Exception):
    """What could not be seen, as a sentence without its end: it may be a pooler's doing, a server's or a network's."""


class Answers:
    """What the server, or whoever is in between, has answered so far.

    Attributes:
        number: Of answers, with that to the connection's first question.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.number, self._last = 1, clock()

    def count(self) -> None:
        self.number, self._last = self.number + 1, self._clock()

    def wait(self, probe: Any, patience: float, longest: float) -> float:
        """Until the thread has ended, there was no answer for so long, or the longest time is over; return how long there was none."""
        ends = self._clock() + longest
        while probe.is_alive():
            now = self._clock()
            left = min(self._last + patience, ends) - now
            if left <= 0:
                break
            probe.join(left)
        return self._clock() - self._last


_SHARED = "does not give every client a session of its own (PgBouncer in transaction or statement mode?)"
_NOT_RESET = (
    "does not reset a session that a client leaves with DISCARD ALL (server_reset_query is another one or empty, or the pool "
    "is in transaction mode)"
)
_KEPT = "a session that its client had left was neither reset nor gone {:g} seconds later"
_UNSEEN = (
    "whether a session that a client leaves is reset could not be seen (track_activities is off, or the pool is busy)"
)
# SQLSTATE classes of a server that has no room, or ends: no pooler's refusal of a transaction.
_SERVER_S_OWN = ("53", "57")
_LAST_STATEMENT = "SELECT query FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) %s"


class _Client:
    """A connection whose statements can be told from those of others in pg_stat_activity.

    Attributes:
        session: (start of the server, process number) of the session that answered last.
        outlives: Seconds by which that session is older than a moment that this client can tell.
    """

    def __init__(self, raw: Any, answers: Answers, since: float | None = None) -> None:
        self.raw = raw
        self._answers = answers
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
        self._answers.count()
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
        self._answers.count()
        return row and ("own" if client._token in row[0] else row[0])


def watch_clients(raw: Any, connect: Callable[[], Any], pooled: bool, answers: Answers) -> bool:
    """Refuse unless other clients get, keep and leave sessions as our own is to be; return whether a pooler gives them.

    No number of clients that did not meet proves a pool that shares nothing: it may be large, have many processes, or give
    each client the session that it had last. Only a session that is reset, or ends, as soon as its client leaves, and
    not before, is taken for a client's own. The server tells that in pg_stat_activity.
    """
    began = time.monotonic()
    us, seen = _Client(raw, answers), 0
    for done in range(_ROUNDS):
        if done >= _FEW_ROUNDS and seen and (not pooled or time.monotonic() - began > _ENOUGH):
            break
        joined = time.monotonic()
        other = connect()
        try:
            them = _require_unshared(us, other, joined, answers)
        finally:
            other.close()
        pooled = pooled or them.outlives > 0.05
        if them.session[0] == us.session[0]:  # else a balancer led it to another server, which we cannot see
            left = _leaving(us, them, pooled)
            seen += left != "unseen"
            pooled = pooled or left == "reset"
    if not seen:
        raise UnseenError(_UNSEEN)
    return pooled


def _require_unshared(us: _Client, other: Any, joined: float, answers: Answers) -> _Client:
    """Refuse when one of two clients gets the other's session, or loses its own, in a transaction, after it or at rest."""
    with other.cursor() as cursor:
        try:
            cursor.execute("BEGIN")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")  # the network may fall silent now
        except Exception as error:
            if (getattr(error, "pgcode", None) or _SERVER_S_OWN[0])[:2] in _SERVER_S_OWN:
                raise
            raise RefusedError(_SHARED) from error  # a pool in statement mode
        them = _Client(other, answers, joined)
        if them.session == us.session or us.ask() != us.session:
            raise RefusedError(_SHARED)
        # Poolers that reset a session only where a client has set something see that; the session does not keep it.
        cursor.execute("SET titan_db.seen = 'yes'")
        cursor.execute("ROLLBACK")
    # A pool that gives out next what came back last would let each of the two meet its own session for ever.
    if us.ask() != us.session or them.ask() != them.session:
        raise RefusedError(_SHARED)
    if them.session[0] == us.session[0] and not {us.sees_of(them), them.sees_of(us)} <= {"own", ""}:
        raise RefusedError(_SHARED)
    return them


def _leaving(us: _Client, them: _Client, pooled: bool) -> str:
    """What becomes of the session of a client that has just left: "gone", "reset", or "unseen" if others took it at once.

    Where nothing else speaks for a pooler, one that stays as it is may also be that of a busy server or of a network that
    does not tell it.
    """
    began = time.monotonic()
    while (text := us.sees_of(them)) == "own" or (text == "" and time.monotonic() - began < _GONE_WITHIN):
        if time.monotonic() - began > LEAVES_WITHIN:
            raise RefusedError(_NOT_RESET) if pooled else UnseenError(_KEPT.format(LEAVES_WITHIN))
        time.sleep(0.005)
    if text is None:
        return "gone"
    upper = text.upper()
    if "DISCARD ALL" in upper or all(one in upper for one in _CLEAN):
        return "reset"
    if upper.startswith(_CLEAN[0]):  # an advisory lock would stay
        raise RefusedError(_NOT_RESET)
    return "unseen"
