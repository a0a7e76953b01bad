# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second session: it looks, while a statement runs and while its transaction is open, at what that holds."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import NamedTuple

from ..errors import DatabaseError
from ..host.safe_open import UnsafePathError
from ..postgres.connection import ConnectionSettings
from ..postgres.database import Database, connect
from .log import TemporaryFiles

_SHORT, _LONG = 0.004, 0.05  # seconds between two looks, in the first moments of a statement and later
_SIZE_EVERY = 0.25

_LOCKS = """
SELECT l.relation::bigint AS oid, l.mode, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE l.pid = %s AND l.locktype = 'relation' AND l.granted AND c.relkind IN ('r', 'p', 'm', 'v', 'f', 'S')
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
"""
_EXISTING = """
SELECT c.oid::bigint AS oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid >= 16384 AND n.nspname NOT IN ('titan_ops', 'pg_toast') AND n.nspname !~ '^pg_temp'
"""
_NUMBERS = """
SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::bigint AS wal,
       pg_catalog.pg_database_size(pg_catalog.current_database())::bigint AS bytes
"""


class Held(NamedTuple):
    """A lock as seen in pg_locks; moments of the monotonic clock: the last without it, and the last with it."""

    name: str
    since: float
    seen: float


class Numbers(NamedTuple):
    """Where the log's end is and how large the database is, in bytes."""

    wal: int
    size: int


class SecondSession:
    """A connection of its own, and a thread that looks through it while a statement runs.

    It reads pg_locks, sizes of files and the server's log, and never touches a table: a lock of its own could come in the way.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self._database: Database = connect(settings, "rehearsal")
        self._database.execute("SET statement_timeout = '10s'")
        self._temporary = TemporaryFiles(settings)
        self.existing = {row["oid"] for row in self._database.rows(_EXISTING)}
        self.pid = 0
        self._held: dict[tuple[int, str], Held] = {}
        self._largest, self._looked = 0, 0.0
        self._began = 0.0  # when the running statement did; 0 while none runs
        self._guard = threading.Lock()
        self._wake, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="titan-db rehearsal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended = True
        self._wake.set()
        self._thread.join(timeout=15)
        self._database.close()

    def begin(self) -> None:
        """A statement is about to be sent."""
        with self._guard:
            self._held, self._largest = {}, 0
            self._began = self._looked = time.monotonic()
        self._wake.set()

    def end(self) -> dict[tuple[int, str], Held]:
        """The statement has ended: the locks that were seen, by relation and mode, with a last look if its transaction is open."""
        self._wake.clear()
        with self._guard:
            self._look()
            self._began = 0.0
            return self._held

    def numbers(self) -> Numbers:
        """Where log and database are now, and the largest that the database was seen since begin()."""
        with self._guard:
            return self._measure()

    def _measure(self) -> Numbers:
        row = self._database.row(_NUMBERS) or {"wal": 0, "bytes": 0}
        self._largest = max(self._largest, row["bytes"])
        return Numbers(row["wal"], row["bytes"])

    @property
    def largest(self) -> int:
        return self._largest

    def temporary(self) -> int:
        """Bytes of the temporary files that went since the last call; -1 if the log cannot be read."""
        try:
            return self._temporary.read()
        except (OSError, UnsafePathError):
            return -1

    def _run(self) -> None:
        sized = 0.0
        while not self._ended:
            self._wake.wait()
            began = self._began
            time.sleep(_SHORT if time.monotonic() - began < 1 else _LONG)
            with self._guard, suppress(DatabaseError):
                if not self._began or self._ended:
                    continue
                self._look()
                if time.monotonic() - max(sized, self._began) > _SIZE_EVERY:
                    self._measure()
                    sized = time.monotonic()

    def _look(self) -> None:
        now = time.monotonic()
        try:
            rows = self._database.rows(_LOCKS, (self.pid,))
        except DatabaseError:
            return  # the catalog itself is locked; the next look tells
        for row in rows:
            if row["oid"] in self.existing:
                key = (row["oid"], _documented(row["mode"]))
                before = self._held.get(key)
                self._held[key] = Held(row["name"], before.since if before else self._looked, now)
        self._looked = now


def _documented(mode: str) -> str:
    """pg_locks' word for a mode, as the documentation writes it: AccessExclusiveLock is ACCESS EXCLUSIVE."""
    text = mode.removesuffix("Lock")
    return "".join(f" {char}" if char.isupper() and at else char for at, char in enumerate(text)).upper()
