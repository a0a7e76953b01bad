# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take migrations back with their .down.sql files."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from ...errors import TitanError
from ..files.migration import Migration
from ..files.placeholders import fill_as
from ..files.script import Script, make_script
from ..files.steps import Step
from ..history import read
from ..history.records import FoundObject
from ..history.write import ExecutedBy
from ..indexes.registry import SkippedIndexes
from ..session.session import Rules, Session
from .existing_objects import keep_existing, protected, restore_statements
from .result import Result
from .statement_by_statement import Stepper
from .transaction import apply_whole


@dataclass(frozen=True)
class Rollback:
    """One migration to take back; kept_names: the objects that stay because they were there before it."""

    migration: Migration
    script: Script
    kept_names: tuple[str, ...]


def read_rollbacks(session: Session, migrations: Sequence[Migration], rules: Rules) -> list[Rollback]:
    """Read every way back before the first one runs.

    Raises:
        TitanError: one of them cannot be used.
    """
    found = []
    for item in migrations:
        text = fill_as(item.naming, item.down_text, rules.placeholders, item.down_file)
        kept = protected(read.details(session.database, item.key, rules.history))
        script, names = keep_existing(session.database, make_script(text, item.down_file, rules.mixed), kept)
        found.append(Rollback(item, _with_restored(session, script, kept), tuple(names)))
    return found


def _with_restored(session: Session, script: Script, kept: list[FoundObject]) -> Script:
    """Add what brings back the definitions that the migration replaced."""
    statements = restore_statements(session.database, kept)
    if not statements:
        return script
    if not script.whole:
        raise TitanError(
            f"{script.file}: the migration replaced objects that were there before it, so its rollback must be able to run "
            "in one transaction.",
            file=script.file,
        )
    text = script.text + "\n;\n" + ";\n".join(statements) + ";\n"
    restored = make_script(text, script.file)
    step = Step(1, text, 0, restored.statements, True)
    return replace(script, text=text, statements=restored.statements, steps=(step,))


def roll_back_one(skipped: SkippedIndexes, executor: ExecutedBy, item: Rollback) -> Result:
    """Run one way back; its history row says rolled_back.

    Raises:
        TitanError: it failed; dependent objects are named in the server's detail.
    """
    session = skipped.session
    session.prepare()
    if item.script.whole:
        result = apply_whole(skipped, executor, item.migration, item.script, _nothing, action="rollback")
    else:
        known = read.read(session.database, executor.history).get(item.migration.sort_key)
        result = Stepper(skipped, executor, item.migration, item.script, _nothing, action="rollback").run(known)
    session.note_session_changes(item.script.text)
    if item.kept_names:
        result.warnings.append(
            f"{item.migration.down_file}: {', '.join(item.kept_names)} was there before the migration and stays."
        )
    return result


def _nothing(names: AbstractSet[str]) -> bool:
    return False
