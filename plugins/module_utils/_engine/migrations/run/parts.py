# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a text inside an open transaction: whole, but for the statements on indexes, which are decided when it is their turn."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import DatabaseError, TitanError
from ..files.script import Script
from ..files.steps import Step
from ..indexes.decision import FileIndexes, RunAgainError
from ..indexes.rules import BUILD, REBUILD
from ..sql.lexer import Statement


class PartFailedError(Exception):
    """A part of the text failed; the caller rolls back and tells of it."""

    def __init__(self, part: Step, error: DatabaseError) -> None:
        super().__init__(error.message)
        self.part, self.error = part, error


def run_parts(step: Step, indexes: FileIndexes) -> None:
    """Run the step's text.

    Raises:
        PartFailedError: the server refused a part.
        RunAgainError: the transaction has to be rolled back and begun again.
        TitanError: an index is not what the file declares, or the text ended the transaction.
    """
    sender = _Sender(step, indexes)
    for statement in step.statements:
        if indexes.session.observer.by_statement:
            sender.flush(statement.start)
        indexes.follow_savepoints(statement)
        if indexes.skipped.discharges(statement):
            sender.flush(statement.start)
            if indexes.skipped.discharge(statement):
                sender.begin = statement.end
                continue
        elif indexes.declares(statement):
            sender.flush(statement.start)
            _declared(_part(step, [statement], statement.start, statement.end), indexes)
            sender.begin = statement.end
            continue
        sender.waiting.append(statement)
    sender.flush(step.start + len(step.sql))
    if indexes.skipped.items:
        _run_deferred(step, indexes)


def _run_deferred(step: Step, indexes: FileIndexes) -> None:
    """Run the deferred triggers before the duplicates are looked up: one of them may drop an index, as COMMIT would find too late."""
    session = indexes.session
    try:
        session.run("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError as error:
        raise PartFailedError(step, error) from error


class _Sender:
    """Collects what goes to the server at once."""

    def __init__(self, step: Step, indexes: FileIndexes) -> None:
        self.step, self.indexes = step, indexes
        self.begin = step.start
        self.waiting: list[Statement] = []

    def flush(self, end: int) -> None:
        if self.waiting:
            _send(self.indexes, _part(self.step, self.waiting, self.begin, end))
        self.begin, self.waiting = end, []


def _part(step: Step, statements: Sequence[Statement], begin: int, end: int) -> Step:
    return Step(step.number, step.sql[begin - step.start : end - step.start], begin, tuple(statements), True)


def _declared(part: Step, indexes: FileIndexes) -> None:
    try:
        reached = indexes.reached(part.statements[0])
    except DatabaseError as error:
        if error.details.get("file"):
            raise
        raise PartFailedError(part, error) from error
    if reached is None:
        return
    declaration, verdict = reached
    if verdict is not None and verdict.action == REBUILD:
        raise RunAgainError(invalid=verdict)
    if verdict is None or verdict.action == BUILD:
        _send(indexes, part)
    indexes.done(declaration, verdict)


def _send(indexes: FileIndexes, part: Step) -> None:
    try:
        indexes.session.run(part.sql, part.line)
    except DatabaseError as error:
        raise PartFailedError(part, error) from error
    if not indexes.session.database.in_transaction:
        raise stray(indexes.script)


def stray(script: Script) -> TitanError:
    """A file that ended the transaction it was run in."""
    return TitanError(
        f"{script.file}: a statement of this file ended the transaction of the run. What ran before that is in the database "
        "and is not recorded; remove the COMMIT or ROLLBACK, and correct the database by hand.",
        file=script.file,
    )
