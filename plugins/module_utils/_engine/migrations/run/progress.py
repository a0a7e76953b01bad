# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a file that is run by statement has come."""

from __future__ import annotations

from ...errors import TitanError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect
from ..files.migration import Migration
from ..files.script import Script
from ..files.steps import Step
from ..history import read
from ..history.read import Applied
from ..history.records import StepRecord
from ..indexes.catalog import decide
from ..indexes.rules import FOUND
from ..sql.statements import index_declaration


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
            f"{script.file}: statements that have already run were removed from it. Restore them.", file=script.file
        )
    return records


def shown(record: StepRecord) -> StepRecord:
    """The record without what only a later run needs."""
    copy = record.copy()
    copy.pop("invalid", None)
    copy.pop("existing", None)
    copy.pop("digest", None)
    return copy


def state_before(step: Step, script: Script, migration: Migration, database: Database, history: str) -> str:
    """What is done, and where the next run goes on, when this step has failed.

    Args:
        database: The run's connection, which may be lost.
        history: The table of the attempts.
    """
    total = len(script.steps)
    if database.closed:
        return _state_after_loss(step, script, migration, database.settings, history)
    if step.number == 1:
        return f"Nothing of this file is done; the next run begins at step 1 of {total}."
    return f"Steps 1 to {step.number - 1} of {total} are done and recorded; the next run goes on at step {step.number}."


def _state_after_loss(
    step: Step, script: Script, migration: Migration, settings: ConnectionSettings, history: str
) -> str:
    """What is true, asked over a new connection: the answer that was lost may have been a good one."""
    try:
        with connect(settings, "lost reply", fixed_settings=False) as other:
            known = read.read(other, history).get(migration.sort_key)
            done = len([record for record in known.steps if record["outcome"] == "done"]) if known else 0
            declaration = index_declaration(step.statements[0], script.text)
            verdict = decide(other, declaration, "create", script.file) if declaration else None
    except TitanError:
        return "Whether more of this file was done is unknown, because the server cannot be reached; the next run reads it from the history."
    state = f"{done} of its {len(script.steps)} steps are done and recorded, by the history."
    if done < step.number and verdict and verdict.action == FOUND:
        return f"{state} The index {verdict.name!r} exists and is valid; the next run records it."
    return f"{state} The next run goes on at step {done + 1}; it drops what an unfinished build left behind."
