# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply one migration: whole in a transaction, or step by step."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ...errors import DatabaseError, TitanError
from ...steps import step
from ..files.naming import Migration
from ..files.script import Script
from ..history import write
from ..history.read import Applied
from ..history.records import IndexRecord, StepRecord
from ..history.write import Attempt, ExecutedBy
from ..indexes.catalog import decide, drop_statement, is_valid, size_of
from ..indexes.decision import Judged, Later, judge_file
from ..indexes.rules import REBUILD, Verdict
from ..session.session import RESET_IDENTITY, Session, located
from ..sql.statements import IndexDeclaration
from .existing_objects import already_there


@dataclass
class Result:
    """What was done for one migration; indexes as {name, table, outcome, bytes, duplicate_of, line}."""

    migration: Migration
    action: str = "apply"
    milliseconds: int = 0
    steps: list[StepRecord] = field(default_factory=list)
    indexes: list[IndexRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    transaction: bool = True

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": self.migration.version, "name": self.migration.name, "file": self.migration.file,
            "ms": self.milliseconds, "transaction": self.transaction, "steps": self.steps, "indexes": self.indexes,
        }  # fmt: skip


def apply_whole(
    session: Session,
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
    judged = judge_file(session, script, later)
    for verdict in judged.rebuild:
        session.database.execute(f"SET lock_timeout = {int(session.rules.concurrent_lock_timeout)}")
        session.run(drop_statement(session.database, verdict.schema, verdict.name))
    attempt = Attempt(migration, action, None, script.text if action == "rollback" else migration.text)
    attempt.details = {"indexes": judged.records, "found": already_there(session.database, script.statements)}
    try:
        milliseconds = session.retry(lambda: _transaction(session, executor, attempt, judged), script.file)
    except TitanError as error:
        session.reset_session()
        record_failure(session, executor, attempt, error)
        raise
    session.reset_session()
    result = Result(migration, action, milliseconds, [], judged.records, [*script.notes, *judged.warnings])
    for item in judged.records:
        if item["outcome"] in ("built", "rebuilt") and item["schema"]:
            item["bytes"] = size_of(session.database, item["schema"], item["name"])
    return result


def _transaction(session: Session, executor: ExecutedBy, attempt: Attempt, judged: Judged) -> int:
    """One try; return the milliseconds."""
    script, database = judged.script, session.database
    xid, attempt.started = session.begin(script.steps[0].opening if script.steps else "")
    began = time.monotonic()
    try:
        session.check_headers(script.headers, "require", script.file)
        step("migration.run")
        if script.steps:
            session.run(script.text)
        if not database.in_transaction:
            raise _stray(script)
        if judged.watched or script.headers.verify or database.parameter_status("client_encoding") != "UTF8":
            database.execute(RESET_IDENTITY)
        for declaration in judged.watched:
            _check_built(session, declaration, script.file)
        session.check_headers(script.headers, "verify", script.file)
        step("migration.record")
        outcome = "rolled_back" if attempt.action == "rollback" else "applied"
        row = write.insert(database, executor, attempt, outcome, first=RESET_IDENTITY)
        if row.xid != xid:
            raise _stray(script)
        step("migration.commit")
        database.execute("COMMIT")
        step("migration.committed")
        return row.milliseconds
    except DatabaseError as error:
        session.rollback()
        if error.details.get("file"):
            raise
        if not script.steps:
            raise
        session.locate_failed_statement(script, script.steps[0], error, time.monotonic() - began)
        raise located(error, script, script.steps[0], "Nothing of this file is in the database.") from error
    except BaseException:
        session.rollback()
        raise


def _stray(script: Script) -> TitanError:
    return TitanError(
        f"{script.file}: something in this file ended the runner's transaction. What ran before that is in the database "
        "and is not recorded; take the COMMIT or ROLLBACK out, and put the database right by hand.",
        file=script.file,
    )


def _check_built(session: Session, declaration: IndexDeclaration, file: str) -> None:
    """An index made with IF NOT EXISTS must be the declared one."""
    verdict = decide(session.database, declaration, "create", file)
    if verdict is not None and verdict.action == REBUILD:
        raise TitanError(
            f"{file}, line {declaration.line}: the index {declaration.name!r} is there but INVALID, and IF NOT EXISTS kept it.",
            index=declaration.name,
        )


def record_failure(session: Session, executor: ExecutedBy, attempt: Attempt, error: TitanError) -> None:
    """Write the failed attempt's row, if the connection still lives."""
    if session.database.closed or attempt.started is None:
        return
    if attempt.row:
        write.update(session.database, attempt, "failed", error.message)
    else:
        write.insert(session.database, executor, attempt, "failed", error.message)


def known_steps(known: Applied | None, script: Script, action: str) -> list[StepRecord]:
    """The records of the steps that an interrupted run has done or begun.

    Raises:
        TitanError: those statements have been edited since.
    """
    if known is None or not known.partial or known.partial_action != action:
        return []
    records = list(known.steps)
    for record, wanted in zip(records, script.steps):
        if record["digest"] != wanted.digest:
            raise TitanError(
                f"{script.file}, line {wanted.line}: this file was interrupted in step {len(records)}, and its step "
                f"{record['number']} has been edited since. Restore it, finish the run, and put the change into a new file.",
                file=script.file,
                line=wanted.line,
            )
    if len(records) > len(script.steps):
        raise TitanError(
            f"{script.file}: statements that have already run were taken out of it. Restore them.", file=script.file
        )
    return records


def built_valid(session: Session, declaration: IndexDeclaration, verdict: Verdict, where: str) -> int:
    """Check a concurrently built index; return its bytes.

    Raises:
        TitanError: it is missing or invalid.
    """
    if declaration.name and not is_valid(session.database, verdict.schema, declaration.name):
        raise TitanError(
            f"{where}: the index {declaration.name!r} is not valid after its build.", index=declaration.name
        )
    return size_of(session.database, verdict.schema, declaration.name) if declaration.name else 0
