# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch a session from a second connection: who blocks it, and how far its index build is."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from ...errors import DatabaseError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, Row, connect

_PATIENCE = 0.15  # seconds a statement may run before anybody looks at it
_INTERVAL = 0.1
_EVERY = 2.0  # seconds between two lines that differ in numbers only

_BLOCKERS = """
SELECT b.pid, coalesce(a.usename::text, '') AS "user", coalesce(a.application_name, '') AS application,
       coalesce(a.client_addr::text, 'local') AS client, coalesce(a.state, a.backend_type, '') AS state,
       coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float AS seconds,
       coalesce((SELECT string_agg(DISTINCT l.relation::regclass::text, ', ') FROM pg_locks l
         WHERE l.pid = b.pid AND l.granted AND l.relation IN
           (SELECT w.relation FROM pg_locks w WHERE w.pid = %(pid)s AND NOT w.granted)), '') AS relations
  FROM unnest(pg_blocking_pids(%(pid)s)) AS b (pid) LEFT JOIN pg_stat_activity a ON a.pid = b.pid
"""
_PROGRESS = """
SELECT p.phase, p.index_relid::regclass::text AS index, p.current_locker_pid AS locker,
       coalesce(100.0 * CASE WHEN p.blocks_total > 0 THEN p.blocks_done::float / p.blocks_total
                             WHEN p.tuples_total > 0 THEN p.tuples_done::float / p.tuples_total END, 0)::int AS percent
  FROM pg_stat_progress_create_index p WHERE p.pid = %s
"""


def describe(blockers: list[Row]) -> str:
    """The blocking sessions in words; empty if none was seen."""
    said = []
    for item in blockers:
        if not item["pid"]:
            said.append("a prepared transaction")
            continue
        where = f" on {item['relations']}" if item["relations"] else ""
        said.append(
            f"session {item['pid']} (user {item['user']}, application {item['application']!r}, from {item['client']}, "
            f"{item['state']}, transaction open for {item['seconds']:.0f} s{where})"
        )
    return "; ".join(said)


class Watcher:
    """A daemon thread that looks at the watched session when a statement takes longer than a moment."""

    def __init__(self, settings: ConnectionSettings, pid: int, say: Callable[[str], None]) -> None:
        self._settings, self._pid, self._say = settings, pid, say
        self._busy_since = 0.0
        self._blockers: list[Row] = []
        self._subject: tuple[Any, ...] | None = None  # what the last line was about
        self._line, self._said = "", 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="titan-db watcher", daemon=True)
        self._lock = threading.Lock()

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    def watch(self, pid: int) -> None:
        """Look at this session from now on."""
        self._pid = pid

    def begin(self) -> None:
        """A statement begins."""
        with self._lock:
            self._busy_since, self._blockers = time.monotonic(), []

    def end(self) -> list[Row]:
        """The statement has ended; return who was last seen to block it."""
        with self._lock:
            self._busy_since = 0.0
            return self._blockers

    def _run(self) -> None:
        database: Database | None = None
        while not self._ended.wait(_INTERVAL):
            since = self._busy_since
            if not since or time.monotonic() - since < _PATIENCE:
                continue
            try:
                if database is None:
                    database = connect(self._settings, "migration watcher")
                self._look(database, since)
            except DatabaseError:
                break  # nobody is told more than before; the run itself goes on
        if database is not None:
            database.close()

    def _look(self, database: Database, since: float) -> None:
        blockers = database.rows(_BLOCKERS, {"pid": self._pid})
        with self._lock:
            if self._busy_since == since and blockers:
                self._blockers = blockers
        row = database.row(_PROGRESS, (self._pid,))
        line = ""
        if row:
            line = f"index {row['index']}: {row['phase']}, {row['percent']} %"
        if blockers:
            line = f"{line or 'waiting'}; behind {describe(blockers)}"
        subject = (row and (row["index"], row["phase"]), *sorted(item["pid"] for item in blockers))
        if not line:
            self._subject = None
        elif subject != self._subject or (line != self._line and time.monotonic() - self._said >= _EVERY):
            self._say(line)
            self._subject, self._line, self._said = subject, line, time.monotonic()
