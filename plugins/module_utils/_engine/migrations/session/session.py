# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run users' SQL: lock limits, retries, and which statement of several has failed."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass, field
from typing import Any, Callable

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database
from ...postgres.locks import LIMIT_IDLE, regain_lock
from ...postgres.sqlstates import (
    LOCK_CONFLICTS,
    SERIALIZATION_FAILURE,
)
from ..files.headers import Headers
from ..files.script import Script
from ..files.steps import Step
from ..history.read import lock_words
from ..history.write import NOW
from ..sql.client_lines import client_lines
from .observer import NOBODY, Observer
from .send import send
from .watcher import Watcher, describe

# Worth another try.
RETRIED = (*LOCK_CONFLICTS, SERIALIZATION_FAILURE)

# What a file may do that a session of its own would not pass on to the next, or would only show to the next:
# settings of the database or role, parameters of extensions, and the lock that keeps other runners out.
_OUTLIVING = re.compile(
    r"\balter\s+(?:database|role|user|system)\b|\bdiscard\s+all\b|advisory_unlock"
    r"|\bset\s+(?:session\s+)?[\w\"]+\.|\bset_config\s*\(\s*'[^']*\.",
    re.IGNORECASE,
)

# Each match of the pattern holds one of these: looking for them takes a tenth of the time.
_OUTLIVING_WORDS = ("alter", "discard", "advisory_unlock", "set")


# A file that ran longer than this before it failed is not run again to find the statement.
_LOCATE_SECONDS = 10.0

# Before a file's row is written in its own transaction: whatever role or encoding the file took on.
RESET_IDENTITY = "RESET SESSION AUTHORIZATION; RESET ROLE; SET client_encoding = 'UTF8'"

# The same for the records between the steps of a file, until that transaction ends: then the file's own settings are back.
RESET_IDENTITY_LOCAL = (
    "SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE NONE; SET LOCAL client_encoding = 'UTF8'; "
    "SET LOCAL statement_timeout = 0"
)

# What DISCARD ALL does, but for the advisory lock that keeps other runners out.
_RESET = (
    "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; DEALLOCATE ALL; CLOSE ALL; UNLISTEN *; "
    "DISCARD TEMP; DISCARD SEQUENCES"
)


@dataclass(frozen=True)
class Rules:
    """How files are run; times in milliseconds."""

    redundant: str = "skip"
    lock_timeout: int = 500
    concurrent_lock_timeout: int = 120_000
    lock_retries: int = 10
    plain_index_max_rows: int = 10_000
    mixed: str = "refuse"
    by_statement: tuple[str, ...] = ()
    placeholders: dict[str, str] = field(default_factory=dict)
    history: str = ""


class Session:
    """The connection that runs the files."""

    def __init__(
        self, database: Database, rules: Rules, watcher: Watcher, say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep, observer: Observer = NOBODY,
    ) -> None:  # fmt: skip
        self.database, self.rules, self.say = database, rules, say
        self._watcher, self._sleep, self.observer = watcher, sleep, observer
        observer.connected(database)
        self._client_check = ""
        self._needs_reconnect = False

    def prepare(self) -> None:
        """Make the session one that a file may begin with; a new one where the file before it left what no RESET undoes.

        Raises:
            DatabaseError: no new connection.
            LockedError: another run took the lock in between.
        """
        if self._needs_reconnect:
            self.database.reconnect("migration", fixed_settings=False)
            self._watcher.watch(self.database.server_pid)
            self.observer.connected(self.database)
            self._needs_reconnect = False
            self.enable_client_check()
            regain_lock(self.database, *lock_words(self.rules.history))

    def note_session_changes(self, text: str) -> None:
        """Note what the file that has run may have left behind."""
        lowered = text.lower()
        if any(word in lowered for word in _OUTLIVING_WORDS):
            self._needs_reconnect = self._needs_reconnect or _OUTLIVING.search(text) is not None

    def begin(self, opening: str = "") -> tuple[str, str]:
        """Begin a transaction under the lock limit; return its id and the time. opening: see Step."""
        row = self.database.row(
            f"BEGIN; {opening}; SET LOCAL lock_timeout = {int(self.rules.lock_timeout)}; "
            "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text AS xid, "
            f"{NOW} AS now"
        )
        if row is None:
            raise DatabaseError("The server returned no transaction id.")
        self.observer.transaction_begins()
        return row["xid"], row["now"]

    def run(self, text: str, line: int = 0) -> None:
        """Send the text; a lock that was not available names the sessions in the way (details: blockers)."""
        self.watched(lambda: send(self.database, text), text, line)

    def watched(self, action: Callable[[], object], text: str = "", line: int = 0) -> None:
        """Do something that may wait for locks; as run."""
        self._watcher.begin()
        self.observer.statement_begins(text, line)
        try:
            action()
        except DatabaseError as error:
            self.observer.statement_ends(error)
            blockers = self._watcher.end()
            if error.sqlstate in RETRIED and blockers:
                error.details["blockers"] = blockers
                error.message = f"{error.message}. In the way: {describe(blockers)}"
            raise
        else:
            self.observer.statement_ends(None)
        finally:
            self._watcher.end()

    def locate_failed_statement(self, script: Script, step: Step, error: DatabaseError, seconds: float) -> None:
        """Find the statement of a failed, rolled back transaction: where the server gave no position, run it again in
        pieces up to the failure, and roll that back too. Puts failed_statement into the error's details.
        """
        if error.details.get("position") or len(step.statements) < 2 or seconds > _LOCATE_SECONDS:
            return
        if not error.sqlstate or error.sqlstate in RETRIED or self.database.closed:
            return
        self.reset_session()
        data_ends = {copy.start: copy.after for copy in client_lines(script.text).copies}
        at = 0
        try:
            self.begin(step.opening)
            for at, statement in enumerate(step.statements):  # noqa: B007 - used after the loop
                send(self.database, script.text[statement.start : data_ends.get(statement.start, statement.end)])
        except DatabaseError as again:
            if again.sqlstate == error.sqlstate:
                error.details["failed_statement"] = at
        finally:
            self.rollback()

    def commit(self) -> None:
        self.database.execute("COMMIT")
        self.observer.transaction_ends(True)

    def rollback(self) -> None:
        if not self.database.closed:
            self.database.execute("ROLLBACK")
        self.observer.transaction_ends(False)

    def reset_session(self) -> None:
        """Forget what a file set in the session."""
        if not self.database.closed:
            self.database.execute(f"{_RESET}; {LIMIT_IDLE}{self._client_check}")

    def enable_client_check(self) -> None:
        """Let the server notice a killed runner within a second, so that it keeps neither locks nor a build going.

        The dates of a file are read as role and database say, and not as psycopg2 has set it for itself.
        """
        self.database.execute("RESET datestyle")
        try:
            self.database.execute("SET client_connection_check_interval = 1000")
        except DatabaseError:
            return  # the server's platform cannot do it
        self._client_check = "; SET client_connection_check_interval = 1000"

    def retry(self, action: Callable[[], Any], what: str, retries: int | None = None) -> Any:
        """Run the action again while it fails for want of a lock: bounded, with back-off and jitter.

        Raises:
            DatabaseError: the last failure; its message says how often it was tried.
        """
        limit = self.rules.lock_retries if retries is None else retries
        for attempt in range(limit + 1):
            try:
                return action()
            except DatabaseError as error:
                if error.sqlstate not in RETRIED or self.database.closed:
                    raise
                if attempt == limit:
                    error.message += f" (tried {attempt + 1} times)"
                    raise
                pause = min(0.1 * 2**attempt, 5.0) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not a secret
                self.say(f"{what}: {error.message}; trying again in {pause:.1f} s")
                self._sleep(pause)
        raise TypeError("the loop returns or raises")

    def check_headers(self, headers: Headers, word: str, file: str) -> None:
        """Ask the require or verify queries.

        Raises:
            TitanError: one is not true, or cannot be asked (unknown table or column ...); names file and line.
        """
        for line, query in headers.require if word == "require" else headers.verify:
            try:
                value = self.database.value(query)
            except DatabaseError as error:
                raise DatabaseError(
                    f"{file}, line {line}: the {word} query cannot be asked: {error.message}. Query: {query}",
                    sqlstate=error.sqlstate, file=file, line=line,
                ) from error  # fmt: skip
            if value is not True:
                raise TitanError(
                    f"{file}, line {line}: the {word} query is {'null' if value is None else str(value).lower()}, not true. "
                    f"Query: {query}",
                    file=file,
                    line=line,
                )
