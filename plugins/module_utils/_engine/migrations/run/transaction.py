# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a file in one transaction, in which its row of the history is written, too."""

from __future__ import annotations

import time

from ...errors import DatabaseError, TitanError
from ...postgres.lost_reply import was_committed
from ...steps import step
from ..files.migration import Migration
from ..files.script import Script
from ..history import write
from ..history.write import Attempt, ExecutedBy
from ..indexes.catalog import size_of
from ..indexes.decision import FileIndexes, Later, RunAgainError
from ..indexes.registry import SkippedIndexes
from ..indexes.skipped import Key
from ..indexes.tables import tables_of
from ..session.located import located
from ..session.session import RESET_IDENTITY, Session
from .builds import build_large, prepare_again
from .existing_objects import already_there
from .lock_needs import room_after
from .parts import PartFailedError, run_parts, stray
from .result import Result, record_failure


def apply_whole(
    skipped: SkippedIndexes,
    executor: ExecutedBy,
    migration: Migration,
    script: Script,
    later: Later,
    action: str = "apply",
) -> Result:
    """Run a transactional file; its history row commits with it.

    Raises:
        TitanError: it failed; nothing of the file is in the database.
    """
    session = skipped.session
    attempt = Attempt(migration, action, None, script.text if action == "rollback" else migration.text)
    attempt.details = {"found": already_there(session.database, script.statements)}
    run = WholeFile(skipped, executor, attempt, script, later)
    try:
        milliseconds = run.apply()
    except TitanError as error:
        session.reset_session()
        if not run.committed:
            record_failure(session, executor, attempt, error)
        raise
    session.reset_session()
    records = run.indexes.records
    for item in records:
        if item["outcome"] in ("built", "rebuilt") and item["schema"]:
            item["bytes"] = size_of(session.database, item["schema"], item["name"])
    return Result(migration, action, milliseconds, [], records, [*script.notes, *run.indexes.warnings, *run.built])


class WholeFile:
    """One transactional file on its way; it is run again where that is the only way to have every index."""

    def __init__(
        self, skipped: SkippedIndexes, executor: ExecutedBy, attempt: Attempt, script: Script, later: Later
    ) -> None:
        self.skipped, self.session, self.executor = skipped, skipped.session, executor
        self.attempt, self.script, self.later = attempt, script, later
        self.needed: set[Key] = skipped.mentioned(script.statements, script.text)
        self.tables = tables_of(self.session.database, script)
        self.built: list[str] = []
        self.rebuilt: set[Key] = set()
        self.committed = False
        self.indexes: FileIndexes

    def _begun(self) -> FileIndexes:
        indexes = FileIndexes(
            self.session, self.skipped, self.script, self.attempt.migration.key, self.later, self.needed, self.tables
        )
        indexes.rebuilt = self.rebuilt
        return indexes

    def apply(self) -> int:
        """Run it; return the milliseconds."""
        while True:
            build_large(self.skipped, self.needed, self.built)
            try:
                return int(self.session.retry(self._transaction, self.script.file))
            except RunAgainError as again:
                self.session.reset_session()
                prepare_again(self.skipped, again, self.needed, self.script.file)
                if again.invalid:
                    self.rebuilt.add((again.invalid.schema, again.invalid.name))

    def _transaction(self) -> int:
        """One try; return the milliseconds."""
        script, session, database = self.script, self.session, self.session.database
        before = self.skipped.copy()
        self.indexes = self._begun()
        xid, self.attempt.started = session.begin(script.steps[0].opening if script.steps else "")
        began = time.monotonic()
        try:
            session.check_headers(script.headers, "require", script.file)
            built = self.skipped.build_inside(self.needed)
            step("migration.run")
            if script.steps:
                run_parts(script.steps[0], self.indexes)
            if not database.in_transaction:
                raise stray(script)
            lost = self.skipped.check()
            if lost:
                raise RunAgainError(lost)
            if script.headers.verify or database.parameter_status("client_encoding") != "UTF8":
                database.execute(RESET_IDENTITY)
            session.check_headers(script.headers, "verify", script.file)
            milliseconds = self._record(xid)
        except PartFailedError as failed:
            again = self.skipped.named_in(failed.error) - self.needed
            session.rollback()
            self.skipped.restore(before)
            if session.database.closed:
                raise _lost(session, script, failed.error, xid) from failed.error
            if again:
                raise RunAgainError(again) from failed
            raise self._located(failed, time.monotonic() - began) from failed.error
        except BaseException as error:
            session.rollback()
            self.skipped.restore(before)
            self.attempt.row = 0  # it went with the transaction
            if isinstance(error, DatabaseError) and database.closed and not error.details.get("file"):
                raise _lost(session, script, error, xid) from error
            raise
        self.built += built
        self.committed = True
        step("migration.committed")
        return milliseconds

    def _record(self, xid: str) -> int:
        """Write the row and what became of skipped indexes, and commit; return the milliseconds."""
        database = self.session.database
        self.attempt.details["indexes"] = self.indexes.records
        step("migration.record")
        outcome = "rolled_back" if self.attempt.action == "rollback" else "applied"
        row = write.insert(database, self.executor, self.attempt, outcome, first=RESET_IDENTITY)
        if row.xid != xid:
            raise stray(self.script)
        self.skipped.save()
        step("migration.commit")
        self.session.commit()
        return row.milliseconds

    def _located(self, failed: PartFailedError, seconds: float) -> DatabaseError:
        error, part = failed.error, failed.part
        if len(part.statements) > 1 and not error.details.get("position"):
            part = self.script.steps[0]
            self.session.locate_failed_statement(self.script, part, error, seconds)
        state = "Nothing of this file is in the database."
        return located(error, self.script, part, state + room_after(self.session.database, self.script, error))


def _lost(session: Session, script: Script, error: DatabaseError, xid: str) -> DatabaseError:
    """The connection was lost, perhaps after the COMMIT had arrived: what is true is asked before anything is said."""
    committed = was_committed(session.database.settings, xid)
    state = {
        True: "It was committed: the file is applied and recorded.",
        False: "Nothing of this file is in the database.",
        None: "Whether it was committed is unknown, because the server cannot be reached; the next run reads it from the history.",
    }[committed]
    return DatabaseError(
        f"{script.file}: {error.message.rstrip('.')}. {state}",
        sqlstate=error.sqlstate,
        file=script.file,
        state=state,
        committed=committed,
    )
