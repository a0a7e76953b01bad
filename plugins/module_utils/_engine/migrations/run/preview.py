# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import DatabaseError
from ...outcome import Data
from ..files.migration import Migration
from ..files.script import Script, shortened
from ..history.read import Applied
from ..indexes.decision import OUTCOMES, FileIndexes, Later, index_record
from ..indexes.registry import SkippedIndexes
from ..indexes.rules import BUILD, SKIP
from ..indexes.tables import tables_of
from ..session.located import located
from ..session.session import RESET_IDENTITY, Session
from ..sql.statements import index_declaration, moves_names, names_in
from .lock_levels import locks
from .result import Result
from .shapes import other_shapes


@dataclass
class Preview(Result):
    """A due migration; statements as {line, statement, locks: [{table, lock, rows, bytes}]}."""

    statements: list[Data] = field(default_factory=list)
    resumes_at: int = 0

    def as_dict(self) -> Data:
        return {**super().as_dict(), "statements": self.statements, "resumes_at": self.resumes_at}


def preview_files(
    skipped: SkippedIndexes,
    scripts: Sequence[tuple[Migration, Script]],
    later: Sequence[Later],
    state: Mapping[tuple[Any, ...], Applied],
) -> list[Preview]:
    """Look at every due migration as far as the database of now can tell.

    Raises:
        TitanError: the first one's require header is not true, or an index is not what a file declares.
    """
    looked: list[Preview] = []
    session = skipped.session
    touched: set[str] = set()
    lowered: set[str] = set()
    for at, (migration, script) in enumerate(scripts):
        known = state.get(migration.sort_key)
        resumed = len([s for s in known.steps if s["outcome"] == "done"]) if known and known.partial else 0
        item = Preview(migration, transaction=script.whole, warnings=list(script.notes))
        item.resumes_at = resumed + 1 if resumed else 0
        if at == 0 and not resumed:
            _in_snapshot(session, script)
        item.steps = [
            {"number": s.number, "line": s.line, "statement": shortened(s.sql), "outcome": "waiting"}
            for s in script.steps[resumed:]
            if not script.whole
        ]
        _indexes(skipped, migration, script, later[at], touched, item)
        if not resumed:
            item.warnings += other_shapes(session.database, script, lowered)
        item.statements = locks(session.database, script)
        names = set().union(*(names_in(statement) for statement in script.statements))
        touched |= names
        lowered.update(map(str.lower, names))
        looked.append(item)
    return looked


def _in_snapshot(session: Session, script: Script) -> None:
    with session.database.transaction("BEGIN READ ONLY"):
        session.check_headers(script.headers, "require", script.file)


def _indexes(
    skipped: SkippedIndexes,
    migration: Migration,
    script: Script,
    later: Later,
    touched: AbstractSet[str],
    item: Preview,
) -> None:
    session = skipped.session
    tables = tables_of(session.database, script) if script.whole else set()
    indexes = FileIndexes(session, skipped, script, migration.key, later, old_tables=tables)
    _predict(indexes, touched, not touched)
    item.indexes, item.warnings = indexes.records, item.warnings + indexes.warnings
    item.warnings += [
        f"The index {name!r}, which was left out as a duplicate of {skipped.items[schema, name].duplicate_of!r}, will be built: "
        f"{script.file} names or drops one of them."
        for schema, name in sorted(skipped.mentioned(script.statements, script.text))
    ]


def _predict(indexes: FileIndexes, touched: AbstractSet[str], first: bool) -> None:
    """Decide, for check mode, by the database of now, as far as it tells what the statements will find.

    Args:
        touched: Every name in the files that run before this one.
        first: No statement comes before this file.

    Raises:
        TitanError: an index is not what the file declares, or the declaration is wrong.
    """
    seen: set[str] = set(touched)
    moved, sure = False, first
    for statement in indexes.script.statements:
        declaration = index_declaration(statement, indexes.script.text)
        if declaration is None:
            seen |= names_in(statement)
            moved, sure = moved or moves_names(statement), False
            continue
        table = declaration.table.rsplit(".", 1)[-1].strip('"')
        known = {name for name in (declaration.name, table, table.lower()) if name}
        verdict = None
        if not known & seen and not (moved and "." not in declaration.table):
            verdict = indexes.predicted(statement, declaration, sure)
        if verdict and verdict.action == SKIP and (verdict.duplicate_of in seen or {"drop", "execute"} <= seen):
            verdict = replace(verdict, action=BUILD)
        indexes.records.append(index_record(declaration, verdict, OUTCOMES[verdict.action] if verdict else "built"))
        seen.add(declaration.name)


def rehearse(session: Session, scripts: Sequence[tuple[Migration, Script]]) -> list[Data]:
    """Run the transactional files one after the other in one transaction, and roll it back.

    Raises:
        TitanError: one of them fails.
    """
    done: list[Data] = []

    def once() -> None:
        done.clear()
        session.begin(next((s.steps[0].opening for _m, s in scripts if s.whole and s.steps), ""))
        try:
            for migration, script in scripts:
                said = {"version": migration.version, "name": migration.name, "file": migration.file}
                if not script.whole:
                    done.append({**said, "outcome": "left out: it cannot run inside a transaction"})
                    continue
                session.check_headers(script.headers, "require", script.file)
                if script.steps:
                    try:
                        session.run(script.text)
                    except DatabaseError as error:
                        state = "This was a rehearsal; nothing was changed."
                        raise located(error, script, script.steps[0], state, after_others=bool(done)) from error
                session.database.execute(f"{RESET_IDENTITY}; RESET search_path")
                session.check_headers(script.headers, "verify", script.file)
                done.append({**said, "outcome": "ran and was rolled back"})
        finally:
            session.rollback()
            session.reset_session()

    session.retry(once, "rehearsal")
    return done
