# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that speaks the engine's errors."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from functools import partial

from ..errors import DatabaseError
from ..typed import IO, TYPE_CHECKING, Any, Callable
from .connecting import autocommitting, opened, time_to_ask
from .connection import ConnectionSettings
from .driver import psycopg2, sql, translated
from .pooler import LONGEST, PATIENCE, cut_off, end_if_marked, is_direct, require_own_session
from .session_settings import SERVER_SETTINGS, set_statements

if TYPE_CHECKING:
    import threading

# sql is imported from here by everyone who has a connection.
__all__ = [
    "Database",
    "TransactionState",
    "connect",
    "open_databases",
    "sql",
]

MINIMUM_SERVER = 140000

# A session that cannot be steered by the role's or the database's settings.
_FIXED_SETTINGS = (
    "SET search_path = pg_catalog; SET row_security = off; SET standard_conforming_strings = on; SET bytea_output = hex; "
    "SET quote_all_identifiers = off; "
    "SET statement_timeout = 0; SET idle_session_timeout = 0"  # of the role or the database: the run has its own limits
)

_CANCELS_WITHIN = 1.5  # seconds

# One row of a query: its columns by name.
Row = dict[str, Any]


class TransactionState(IntEnum):
    """Where a session stands, as libpq counts it (PQtransactionStatus)."""

    IDLE = 0
    ACTIVE = 1
    IN_TRANSACTION = 2
    IN_FAILED_TRANSACTION = 3
    UNKNOWN = 4


# Every connection of this process that was not collected yet.
_open: weakref.WeakSet[Database] = weakref.WeakSet()


def open_databases() -> list[Database]:
    """The connections that are open now, for whoever has to end them all."""
    while True:
        try:
            return [database for database in list(_open) if not database.closed]
        except RuntimeError:  # another thread has just made one
            continue


class Database:
    """One autocommit connection.

    Attributes:
        settings: Where it leads.
        server_pid: The server process that answers; behind a pooler another one than libpq was told.
        pooled: Through a pooler, which gives us a session of our own.
        clock_ahead: Seconds by which the server's clock was ahead of this host's when the connection was made.

    Every failure is raised as DatabaseError with the server's message and SQLSTATE. Query texts without params go to
    the server as they are, so '%' in them is safe.
    """

    def __init__(self, raw: Any, settings: ConnectionSettings) -> None:
        self.raw = raw
        self.settings = settings
        self.server_pid = 0
        self.pooled = False
        self.clock_ahead = 0.0
        _open.add(self)

    def look_around(self, has_settings: bool) -> bool:
        """Ask who answers and how late it is there, before anything is set.

        Args:
            has_settings: The session began with SERVER_SETTINGS; else they are set once it is known to be our own.

        Returns:
            False if the session had to end: a pooler began it with our settings, which no reset takes off again.

        Raises:
            PoolerError: a pooler answers that shares its sessions among clients.
        """
        before = time.time()
        row = self.row(
            "SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) AS now, "
            "pg_catalog.host(pg_catalog.inet_client_addr()) AS address, pg_catalog.inet_client_port() AS port"
        ) or {"pid": 0, "now": before, "address": None, "port": None}
        self.clock_ahead = row["now"] - (before + time.time()) / 2
        self.server_pid = row["pid"]
        direct = self.settings.own or is_direct(self.raw, row["pid"], row["address"], row["port"])
        if not direct:
            parameters = {"connect_timeout": "10", "client_encoding": "UTF8", **self.settings.parameters()}
            another = partial(autocommitting, parameters)
            times = time_to_ask(PATIENCE), time_to_ask(LONGEST)
            self.pooled = require_own_session(self.raw, self.settings, row["pid"], another, *times)
            if self.pooled and has_settings and end_if_marked(self.raw):
                return False
        if not (has_settings and direct):  # a pooler may ignore them without a word
            self.execute(set_statements(SERVER_SETTINGS))
        return True

    @property
    def server_version(self) -> int:
        """The server's version as libpq counts it: 150018 for 15.18."""
        with translated():
            return int(self.raw.server_version)

    @property
    def major(self) -> int:
        return self.server_version // 10000

    @property
    def closed(self) -> bool:
        """Whether the connection is known to be gone."""
        return bool(self.raw.closed)

    @property
    def backend_pid(self) -> int:
        """The process number of the server's side."""
        with translated():
            return int(self.raw.info.backend_pid)

    @property
    def transaction_state(self) -> TransactionState:
        return TransactionState(self.raw.info.transaction_status)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, in which statements still succeed."""
        return not self.closed and self.transaction_state == TransactionState.IN_TRANSACTION

    def parameter_status(self, name: str) -> str:
        """A setting that the server reports by itself (client_encoding ...); empty if it does not."""
        with translated():  # the statement before may have found that the connection is gone
            return str(self.raw.get_parameter_status(name) or "")

    def execute(self, query: Any, params: Any = None) -> int:
        """Run the statement (or, without params, several); return the affected row count, -1 if there is none."""
        with translated(query, params), self.raw.cursor() as cursor:
            cursor.execute(query, params)
            return int(cursor.rowcount)

    def rows(self, query: Any, params: Any = None) -> list[Row]:
        """All result rows as dictionaries by column name."""
        with translated(query, params), self.raw.cursor() as cursor:
            cursor.execute(query, params)
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor]

    def columns(self, query: Any) -> list[Any]:
        """The columns that the query returns, as psycopg2 describes them."""
        with translated(query), self.raw.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.description or ())

    def row(self, query: Any, params: Any = None) -> Row | None:
        """The first row, or None."""
        rows = self.rows(query, params)
        return rows[0] if rows else None

    def value(self, query: Any, params: Any = None) -> Any:
        """The first column of the first row, or None without a row."""
        with translated(query, params), self.raw.cursor() as cursor:
            cursor.execute(query, params)
            row = cursor.fetchone()
            return row[0] if row else None

    @contextmanager
    def transaction(self, begin: str = "BEGIN") -> Iterator[None]:
        """Commit when the block ends, roll back when it raises (a lost connection has rolled back already)."""
        self.execute(begin)
        try:
            yield
        except BaseException:
            if not self.raw.closed:
                with suppress(psycopg2.Error), self.raw.cursor() as cursor:  # the first error is the one to report
                    cursor.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def copy_out(self, query: Any, stream: IO[bytes]) -> int:
        """Run COPY ... TO STDOUT into the stream; return the number of rows."""
        with translated(query), self.raw.cursor() as cursor:
            cursor.copy_expert(query, stream)
            return int(cursor.rowcount)

    def copy_in(self, query: Any, stream: IO[bytes]) -> int:
        """Run COPY ... FROM STDIN from the stream; return the number of rows."""
        return self.copy_out(query, stream)  # libpq decides by the statement

    def as_text(self, composed: Any) -> str:
        """The statement, identifier or literal (sql.Composable) as text, quoted for this server."""
        with translated():
            return str(composed.as_string(self.raw))

    def password_verifier(self, role: str, password: str) -> str:
        """What the server keeps of a role's password, which no log of its statements gives away."""
        # libpq would ask the server itself, while it holds the interpreter: nothing could end that when the network is silent
        method = self.value("SHOW password_encryption")
        with translated():
            return str(psycopg2.extensions.encrypt_password(password, role, self.raw, method))

    def cancel(self) -> None:
        """Cancel what the session is doing, from another thread; nothing happens when it is idle or gone.

        Asked over a connection of its own: libpq's way waits for its answer without a limit, and holds the interpreter.
        """
        parameters = {"connect_timeout": "2", **self.settings.parameters(), "application_name": "titan-db cancel"}
        with suppress(psycopg2.Error):
            other = autocommitting(parameters)
            try:
                with other.cursor() as cursor:
                    cursor.execute("SELECT pg_catalog.pg_cancel_backend(%s)", (self.server_pid,))
            finally:
                other.close()

    def ask_to_cancel(self) -> threading.Thread:
        """Cancel in a thread, for who does not wait for the answer, or not for long: libpq has no limit for it."""
        import threading

        asking = threading.Thread(target=self.cancel, daemon=True)
        asking.start()
        return asking

    def abort(self) -> None:
        """End the session from this side, from any thread and whatever it waits for; the server gives up what it was doing.

        Unlike cancel() this needs no answer, so that a silent network cannot hold it up.
        """
        cut_off(self.raw)

    def interrupter(self) -> Callable[[], None]:
        """What another thread may call, and again while it lasts, to end whatever the connection is doing.

        The first call asks the server to cancel, which keeps the session; where a silent network leaves that without an
        answer, a later one ends the session. Nothing happens when it is gone.
        """
        asked: list[float] = []

        def interrupt() -> None:
            if not asked:
                asked.append(time.monotonic())
                self.ask_to_cancel()
            elif time.monotonic() - asked[0] > _CANCELS_WITHIN:
                self.abort()

        return interrupt

    def reconnect(self, application: str = "titan-db", fixed_settings: bool = True) -> None:
        """Go on in a new session: whatever belonged to this one (settings, locks, temporary tables) is gone.

        Raises:
            DatabaseError: no new connection; this one stays.
        """
        renewed = connect(self.settings, application, fixed_settings)
        self.raw.close()
        self.raw, self.pooled, self.clock_ahead = renewed.raw, renewed.pooled, renewed.clock_ahead
        self.server_pid = renewed.server_pid

    def notices(self) -> list[str]:
        """The notices and warnings received so far, and forget them."""
        received = [str(notice).strip() for notice in self.raw.notices]
        del self.raw.notices[:]
        return received

    def extension_schema(self, name: str) -> str:
        """The schema that holds the extension's functions; empty if it is not installed in this database."""
        query = "SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
        return str(self.value(f"{query} WHERE e.extname = %s", (name,)) or "")

    def in_recovery(self) -> bool:
        """True on a standby."""
        return bool(self.value("SELECT pg_catalog.pg_is_in_recovery()"))

    def close(self) -> None:
        self.raw.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def connect(
    settings: ConnectionSettings, application: str = "titan-db", fixed_settings: bool = True, timeout: int = 10
) -> Database:
    """Open an autocommit connection.

    Args:
        settings: Where and as whom.
        application: Shown as application_name in pg_stat_activity, prefixed by "titan-db".
        fixed_settings: Set search_path to pg_catalog only and fix what else would change results; False for users' own SQL.
        timeout: Seconds to wait for the connection.

    Raises:
        DatabaseError: no connection (the message names the place and what to check), or a server older than 14.
    """
    if psycopg2 is None:
        raise DatabaseError("Python's psycopg2 is missing: install the Debian package python3-psycopg2.")
    name = application if application.startswith("titan-db") else f"titan-db {application}"
    raw, started_with = opened(settings, name[:63], timeout)
    if raw.server_version < MINIMUM_SERVER:
        raw.close()
        raise DatabaseError(f"{settings.place()} is PostgreSQL {raw.server_version // 10000}; 14 or newer is needed.")
    database = Database(raw, settings)
    if not database.look_around(started_with):
        raw.close()
        database = Database(opened(settings, name[:63], timeout)[0], settings)
        database.look_around(False)
    if fixed_settings:
        database.execute(_FIXED_SETTINGS + ("; SET transaction_timeout = 0" if raw.server_version >= 170000 else ""))
    return database
