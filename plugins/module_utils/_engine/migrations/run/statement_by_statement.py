# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a file whose statements cannot share a transaction: each is a recorded step that a later run can resume at."""

from __future__ import annotations

import time
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from ...errors import DatabaseError, TitanError
from ...postgres.sqlstates import (
    ACTIVE_SQL_TRANSACTION,
    DUPLICATE_DATABASE,
    DUPLICATE_OBJECT,
    DUPLICATE_TABLE,
    INVALID_CATALOG_NAME,
    INVALID_TRANSACTION_TERMINATION,
    UNDEFINED_OBJECT,
    UNDEFINED_TABLE,
)
from ...steps import step as announce
from ..files.migration import Migration
from ..files.script import Script, shortened
from ..files.steps import Step
from ..history import write
from ..history.read import Applied
from ..history.records import IndexRecord, StepRecord
from ..history.write import Attempt, ExecutedBy
from ..indexes.catalog import indexes_of, invalid_indexes, table_of
from ..indexes.decision import FileIndexes, Later, RunAgainError
from ..indexes.registry import SkippedIndexes, built_note
from ..indexes.rules import FOUND, REBUILD, SKIP, Verdict
from ..indexes.skipped import Key
from ..session.located import located
from ..session.session import RESET_IDENTITY_LOCAL, RETRIED
from ..sql.statements import TOGETHER, IndexDeclaration, transaction_mode
from .builds import built_valid, drop_invalid, drop_unfinished, prepare_again
from .lock_needs import room_after
from .parts import PartFailedError, run_parts
from .progress import known_steps, shown, state_before
from .result import Result, record_failure

_DONE_BEFORE = (
    DUPLICATE_DATABASE,
    DUPLICATE_TABLE,
    DUPLICATE_OBJECT,
    UNDEFINED_TABLE,
    UNDEFINED_OBJECT,
    INVALID_CATALOG_NAME,
)
_CONCURRENT_RETRIES = 2
# A procedure that commits; what the server runs outside only, as REINDEX of a partitioned table.
_NOT_INSIDE = (INVALID_TRANSACTION_TERMINATION, ACTIVE_SQL_TRANSACTION)


class Stepper:
    """One run through one file."""

    def __init__(
        self, skipped: SkippedIndexes, executor: ExecutedBy, migration: Migration, script: Script, later: Later,
        action: str = "apply",
    ) -> None:  # fmt: skip
        self.skipped, self.session, self.executor = skipped, skipped.session, executor
        self.migration, self.script, self.later = migration, script, later
        self.database = self.session.database
        self.attempt = Attempt(migration, action, None, script.text if action == "rollback" else migration.text)
        self.result = Result(migration, action, transaction=False, warnings=list(script.notes))

    def run(self, known: Applied | None) -> Result:
        """Run what is left to do.

        Raises:
            TitanError: a step failed; the steps before it are done and recorded.
        """
        before = known_steps(known, self.script, self.attempt.action)
        begun = [record for record in before if record["outcome"] == "running"]
        self.attempt.steps = [record for record in before if record["outcome"] != "running"]
        self.attempt.started = write.now(self.database)
        try:
            if not before:
                self.session.check_headers(self.script.headers, "require", self.script.file)
            self._open(before)
            drop_unfinished(self.session, self.script, begun)
            for step in self.script.steps:
                self._step(step, begun)
            self.session.check_headers(self.script.headers, "verify", self.script.file)
            announce("migration.finish")
            self.attempt.details = {"indexes": self.result.indexes}
            outcome = "rolled_back" if self.attempt.action == "rollback" else "applied"
            self.session.reset_session()
            self.result.milliseconds = write.update(self.database, self.attempt, outcome)
            announce("migration.finished")
        except TitanError as error:
            self._give_up(error)
            raise
        self.result.steps = [shown(record) for record in self.attempt.steps]
        return self.result

    def _give_up(self, error: TitanError) -> None:
        if not self.database.closed:
            self.session.reset_session()
        self.attempt.details = {"indexes": self.result.indexes}
        self.attempt.steps = [record for record in self.attempt.steps if record["outcome"] != "waiting"]
        record_failure(self.session, self.executor, self.attempt, error)

    def _open(self, before: list[StepRecord]) -> None:
        """Write this attempt's row; an earlier one that never ended has failed."""
        announce("migration.open")
        with self.database.transaction():
            write.end_interrupted(self.database, self.migration.key, self.executor.history)
            self.attempt.steps, kept = before, self.attempt.steps
            write.insert(self.database, self.executor, self.attempt, "running")
            self.attempt.steps = kept
        for record in kept:
            if record.get("index"):
                self.result.indexes.append(record["index"])

    def _step(self, step: Step, begun: list[StepRecord]) -> None:
        done = len(self.attempt.steps) >= step.number
        if done and not step.session:
            return
        began = time.monotonic()
        try:
            if step.session:
                self.database.execute(step.sql)
                if not done:
                    self._record(step, "done")
            elif step.transaction:
                self._group(step)
            elif not self._inside(step):
                self._alone(step, next((record for record in begun if record["number"] == step.number), None))
        except PartFailedError as failed:
            raise self._located(failed, step, time.monotonic() - began) from failed.error
        except DatabaseError as error:
            if error.details.get("file"):
                raise
            state = self._state(step) + room_after(self.database, self.script, error)
            raise located(error, self.script, step, state) from error

    def _located(self, failed: PartFailedError, step: Step, seconds: float) -> DatabaseError:
        error, part = failed.error, failed.part
        if len(part.statements) > 1 and not error.details.get("position"):
            part = step
            self.session.locate_failed_statement(self.script, step, error, seconds)
        return located(error, self.script, part, self._state(step) + room_after(self.database, self.script, error))

    def _inside(self, step: Step) -> bool:
        """Run a statement that may share a transaction in one, so that it can be taken back if it costs an index.

        Returns:
            False if it has to run alone.
        """
        if not self.skipped.items or transaction_mode(step.statements[0]) != TOGETHER:
            return False
        try:
            self._group(step)
        except PartFailedError as failed:
            if failed.error.sqlstate in _NOT_INSIDE:
                return False
            raise
        return True

    def _state(self, step: Step) -> str:
        return state_before(step, self.script, self.migration, self.database, self.executor.history)

    def _record(self, step: Step, outcome: str, **more: Any) -> None:
        """Write how the step stands as the runner itself, whatever role or limits the file has set for its own statements."""
        with self.database.transaction(f"BEGIN READ WRITE; {RESET_IDENTITY_LOCAL}"):
            self._write(step, outcome, **more)
            self.skipped.save()

    def _write(self, step: Step, outcome: str, **more: Any) -> None:
        """Put down how the step stands; replaces what was said of it before."""
        record: StepRecord = {
            "number": step.number, "line": step.line, "digest": step.digest, "outcome": outcome,
            "statement": shortened(step.sql), **more,  # type: ignore[typeddict-item]
        }  # fmt: skip
        self.attempt.steps = [*self.attempt.steps[: step.number - 1], record]
        write.update(self.database, self.attempt, "running")

    def _group(self, step: Step) -> None:
        """Run the statements in one transaction with the step's record; again where that is the only way to have every index."""
        needed = self.skipped.mentioned(step.statements, self.script.text)
        while True:
            for key in sorted(key for key in needed if key in self.skipped.items):
                self._build_skipped(key)
            try:
                self.session.retry(lambda: self._group_once(step, needed), self.script.file)
                return
            except RunAgainError as again:
                prepare_again(self.skipped, again, needed, self.script.file)

    def _build_skipped(self, key: Key) -> None:
        item = self.skipped.items[key]
        self.skipped.build_now(item)
        self.result.warnings.append(built_note(item))

    def _indexes(self, needed: AbstractSet[Key] = frozenset()) -> FileIndexes:
        return FileIndexes(self.session, self.skipped, self.script, self.migration.key, self.later, needed)

    def _group_once(self, step: Step, needed: AbstractSet[Key]) -> None:
        kept, before = list(self.attempt.steps), self.skipped.copy()
        indexes = self._indexes(needed)
        try:
            self.session.begin(step.opening)
            announce("migration.group")
            try:
                run_parts(step, indexes)
                lost = self.skipped.check()
            except PartFailedError as failed:
                lost = self.skipped.named_in(failed.error) - needed
                if not lost and failed.error.sqlstate in RETRIED:
                    raise failed.error from failed
                if not lost:
                    raise
            if lost:
                raise RunAgainError(lost)
            read_only = self.database.value(f"{RESET_IDENTITY_LOCAL}; SHOW transaction_read_only") == "on"
            if not read_only:
                self._write(step, "done")
                self.skipped.save()
            announce("migration.group_commit")
            self.session.commit()
            if read_only:  # it changed nothing, and no record can be written in it
                self._record(step, "done")
        except BaseException:
            self.attempt.steps = kept
            self.session.rollback()
            self.skipped.restore(before)
            raise
        self.result.indexes += indexes.records
        self.result.warnings += indexes.warnings

    def _alone(self, step: Step, resumed: StepRecord | None) -> None:
        statement = step.statements[0]
        needed = self.skipped.mentioned(step.statements, self.script.text)
        if len(step.statements) > 1:  # a block that takes itself back: what it drops has to be there
            needed |= {key for each in step.statements for key in self.skipped.discharges(each)}
        for key in sorted(needed):
            self._build_skipped(key)
        if self.skipped.discharge(statement):
            self._record(step, "done")
            return
        indexes = self._indexes()
        declaration, verdict = self._reached(step, indexes) or (None, None)
        if declaration and verdict and resumed and not declaration.name:  # the server chose a name for it
            made = verdict.duplicate_oid and verdict.duplicate_oid not in resumed.get("existing", [])
            verdict = replace(verdict, action=FOUND) if made else verdict
        if declaration and verdict and verdict.action in (FOUND, SKIP):
            ours = resumed is not None and verdict.action == FOUND
            size = built_valid(self.session, declaration, verdict, self._where(step)) if ours else 0
            self._finish(step, indexes, indexes.done(declaration, verdict, "built" if ours else "", size))
            return
        if verdict and verdict.action == REBUILD:
            drop_invalid(self.session, verdict.schema, verdict.name)
        table = declaration and table_of(self.database, declaration.table)
        existing = indexes_of(self.database, table["oid"]) if table else []
        announce("migration.step.before")
        self._record(
            step, "running", invalid=sorted(invalid_indexes(self.database)), table_oid=table["oid"] if table else None,
            existing=existing,
        )  # fmt: skip
        announce("migration.step.run")
        self._execute(step, resumed is not None, declaration)
        announce("migration.step.ran")
        for key in sorted(self.skipped.check()):
            self._build_skipped(key)
        record: IndexRecord | None = None
        if declaration:
            size = built_valid(self.session, declaration, verdict, self._where(step)) if verdict else 0
            record = indexes.done(declaration, verdict, size=size)
        self._finish(step, indexes, record)
        announce("migration.step.recorded")

    def _reached(self, step: Step, indexes: FileIndexes) -> tuple[IndexDeclaration, Verdict | None] | None:
        try:
            return indexes.reached(step.statements[0])
        except RunAgainError as again:
            for key in sorted(again.keys):
                self._build_skipped(key)
            return indexes.reached(step.statements[0])

    def _finish(self, step: Step, indexes: FileIndexes, record: IndexRecord | None) -> None:
        self.result.warnings += indexes.warnings
        if record:
            self.result.indexes.append(record)
        self._record(step, "done", **({"index": record} if record else {}))

    def _where(self, step: Step) -> str:
        return f"{self.script.file}, line {step.line}"

    def _execute(self, step: Step, resumed: bool, declaration: IndexDeclaration | None) -> None:
        """Send the statement; a build that fails is cleared away, and tried again if it only lacked a lock."""
        concurrent = "concurrently" in step.statements[0].key()
        rules = self.session.rules
        limit = rules.concurrent_lock_timeout if concurrent else rules.lock_timeout
        record = self.attempt.steps[-1]

        def once() -> None:
            self.database.execute(f"SET lock_timeout = {int(limit)}")
            try:
                self.session.run(step.sql, step.line)
            except DatabaseError as error:
                if len(step.statements) > 1:  # a block with its own BEGIN: it is still open, and leaves nothing
                    self.session.rollback()
                    self.attempt.steps = self.attempt.steps[: step.number - 1]
                if declaration and not self.database.closed:
                    drop_unfinished(self.session, self.script, [record])
                if resumed and error.sqlstate in _DONE_BEFORE:
                    said = f"{self._where(step)}: the interrupted run had done this: {error.message}."
                    self.result.warnings.append(said)
                    return
                raise

        self.session.retry(once, self._where(step), _CONCURRENT_RETRIES if concurrent else None)
