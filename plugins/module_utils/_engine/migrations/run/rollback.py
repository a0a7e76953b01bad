# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take migrations back with their .down.sql files."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from ...errors import TitanError
from ..files.naming import Migration
from ..files.placeholders import fill
from ..files.script import Script, Step, make_script
from ..history import read
from ..history.records import FoundObject
from ..history.write import ExecutedBy
from ..session.session import Rules, Session
from .existing_objects import protected, restore_statements, spare
from .statement_by_statement import Stepper
from .transaction import Result, apply_whole


@dataclass(frozen=True)
class WayBack:
    """One migration to take back; spared: the objects that stay because they were there before it."""

    migration: Migration
    script: Script
    spared: tuple[str, ...]


def read_ways_back(session: Session, migrations: Sequence[Migration], rules: Rules) -> list[WayBack]:
    """Read every way back before the first one runs.

    Raises:
        TitanError: one of them cannot be used.
    """
    found = []
    for item in migrations:
        text = fill(item.down_text, rules.placeholders, item.down_file)
        kept = protected(read.details(session.database, item.key))
        script, names = spare(session.database, make_script(text, item.down_file, rules.mixed), kept)
        found.append(WayBack(item, _with_restored(session, script, kept), tuple(names)))
    return found


def _with_restored(session: Session, script: Script, kept: list[FoundObject]) -> Script:
    """Add what brings back the definitions that the migration replaced."""
    statements = restore_statements(session.database, kept)
    if not statements:
        return script
    if not script.whole:
        raise TitanError(
            f"{script.file}: the migration replaced objects that were there before it, so its way back must be able to run "
            "in one transaction.",
            file=script.file,
        )
    text = script.text + "\n;\n" + ";\n".join(statements) + ";\n"
    restored = make_script(text, script.file)
    step = Step(1, text, 0, restored.statements, True)
    return replace(script, text=text, statements=restored.statements, steps=(step,))


def take_back(session: Session, executor: ExecutedBy, item: WayBack) -> Result:
    """Run one way back; its history row says rolled_back.

    Raises:
        TitanError: it failed; dependent objects are named in the server's detail.
    """
    session.prepare()
    if item.script.whole:
        result = apply_whole(session, executor, item.migration, item.script, _nothing, action="rollback")
    else:
        known = read.read(session.database).get(item.migration.sort_key)
        result = Stepper(session, executor, item.migration, item.script, action="rollback").run(known, _nothing)
    session.leave(item.script.text)
    if item.spared:
        result.warnings.append(
            f"{item.migration.down_file}: {', '.join(item.spared)} was there before the migration and stays."
        )
    return result


def _nothing(names: AbstractSet[str]) -> bool:
    return False
