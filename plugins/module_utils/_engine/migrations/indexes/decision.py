# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexes of a transactional file, decided before it runs."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Callable

from ...errors import TitanError
from ..files.script import Script, blanked
from ..history.records import IndexRecord
from ..session.session import Session
from ..sql.statements import IndexDeclaration, index_declaration, moves_names, names_in
from .catalog import decide, table_of
from .rules import BUILD, FOUND, REBUILD, SKIP, Verdict

# Says whether a later file names one of these.
Later = Callable[[AbstractSet[str]], bool]


def index_record(declaration: IndexDeclaration, verdict: Verdict | None, outcome: str, size: int = 0) -> IndexRecord:
    """One index for the results and the history."""
    return {
        "name": declaration.name, "table": verdict.table if verdict else declaration.table, "line": declaration.line,
        "schema": verdict.schema if verdict else "", "outcome": outcome, "bytes": size,
        "duplicate_of": verdict.duplicate_of if verdict else "",
    }  # fmt: skip


@dataclass
class Judged:
    """The indexes of a transactional file, decided before it runs."""

    script: Script
    records: list[IndexRecord] = field(default_factory=list)
    rebuild: list[Verdict] = field(default_factory=list)
    watched: list[IndexDeclaration] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def judge_file(session: Session, script: Script, later: Later) -> Judged:
    """Decide on every index that a transactional file creates, as far as it can be known before the file runs.

    A declaration whose table or name occurs earlier in the file is checked after the file has run instead.
    """
    result = Judged(script)
    seen: set[str] = set()
    gone = []
    moved = False
    for at, statement in enumerate(script.statements):
        declaration = index_declaration(statement, script.text)
        if declaration is None:
            seen |= names_in(statement)
            moved = moved or moves_names(statement)
            continue
        where = f"{script.file}, line {declaration.line}"
        table = declaration.table.rsplit(".", 1)[-1].strip('"')
        known = {name for name in (declaration.name, table, table.lower()) if name}
        fresh = known & seen or (moved and "." not in declaration.table)
        verdict = None
        if not fresh:
            verdict = decide(session.database, declaration, session.rules.redundant, script.file)
        names = {declaration.name, verdict.duplicate_of} if verdict else set()
        if verdict and verdict.action == SKIP and (later(names) or _named_later(script, at, names)):
            verdict = built_after_all(verdict, where)
        if verdict:
            _refuse_large(session, declaration, where, verdict)
            result.warnings += verdict.warnings
        if verdict and verdict.action in (FOUND, SKIP):
            gone.append(statement)
            result.records.append(index_record(declaration, verdict, "found" if verdict.action == FOUND else "skipped"))
        else:
            rebuilt = verdict is not None and verdict.action == REBUILD
            result.records.append(index_record(declaration, verdict, "rebuilt" if rebuilt else "built"))
            if verdict and verdict.action == REBUILD:
                result.rebuild.append(verdict)
            elif declaration.if_not_exists and known & seen and not moved and not _named_later(script, at, known):
                result.watched.append(declaration)
        seen.add(declaration.name)
    result.script = blanked(script, gone) if gone else script
    return result


def built_after_all(verdict: Verdict, where: str) -> Verdict:
    """The verdict on a duplicate that is needed by its own name, or whose duplicate may be about to go."""
    said = (
        f"{where}: the index {verdict.name!r} duplicates {verdict.duplicate_of!r}, but a later statement names one of them, so it "
        "is built."
    )
    return replace(verdict, action=BUILD, warnings=(said, *verdict.warnings))


def _named_later(script: Script, at: int, names: set[str]) -> bool:
    return any(
        names & names_in(item) for item in script.statements[at + 1 :] if not index_declaration(item, script.text)
    )


def _refuse_large(session: Session, declaration: IndexDeclaration, where: str, verdict: Verdict) -> None:
    if verdict.action in (FOUND, SKIP) or declaration.concurrently:
        return
    limit = session.rules.plain_index_max_rows
    table = table_of(session.database, declaration.table)
    if table is None or table["kind"] not in ("r", "p", "m"):
        return
    rows = table["rows"]
    if rows < 0 and table["bytes"] > 8192:  # never analysed: count, but no further than needed
        rows = session.database.value(
            f"SELECT count(*) FROM (SELECT FROM {declaration.table} LIMIT {limit + 1}) AS few"  # noqa: S608 - as written in the file
        )
    if rows > limit:
        raise TitanError(
            f"{where}: CREATE INDEX {declaration.name} would block every writer of {declaration.table} (about {rows} rows) "
            "while it builds. Use CREATE INDEX CONCURRENTLY in a file of its own; or raise plain_index_max_rows "
            f"(now {limit}).",
            index=declaration.name,
            rows=rows,
        )
