# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one decision on each index that a file declares, made when its statement is reached.

The run in one transaction, the run by statement and check mode all ask here.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Callable, NamedTuple

from ...errors import DatabaseError, TitanError
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE
from ..files.script import Script
from ..history.read import has_built_index
from ..history.records import IndexRecord
from ..session.session import RETRIED, Session
from ..sql.lexer import Statement
from ..sql.statements import IndexDeclaration, index_declaration, names_in
from .catalog import decide, is_valid, table_of
from .registry import Kept, SkippedIndexes
from .rules import BUILD, FOUND, REBUILD, SKIP, OtherIndexError, Verdict
from .skipped import Key
from .tables import of_new_tables, rows_of

# Says whether a later file names one of these.
Later = Callable[[AbstractSet[str]], bool]

OUTCOMES = {BUILD: "built", FOUND: "found", SKIP: "skipped", REBUILD: "rebuilt"}


class RunAgainError(Exception):
    """The transaction has to be rolled back and run again, after this.

    Attributes:
        keys: Skipped indexes that have to be there first.
        invalid: An invalid index that has to be dropped first.
    """

    def __init__(self, keys: Iterable[Key] = (), invalid: Verdict | None = None) -> None:
        super().__init__()
        self.keys, self.invalid = set(keys), invalid


def index_record(declaration: IndexDeclaration, verdict: Verdict | None, outcome: str, size: int = 0) -> IndexRecord:
    """One index for the results and the history."""
    return {
        "name": declaration.name, "table": verdict.table if verdict else declaration.table, "line": declaration.line,
        "schema": verdict.schema if verdict else "", "outcome": outcome, "bytes": size,
        "duplicate_of": verdict.duplicate_of if verdict else "",
    }  # fmt: skip


class _Mark(NamedTuple):
    """What was decided when a savepoint was made."""

    name: str
    skipped: Kept
    built: set[Key]
    records: int


class FileIndexes:
    """The indexes of one file, while it runs.

    Args:
        needed: Indexes to build even if they are duplicates.
        old_tables: The tables that were there before the file, by oid: a plain build on a large one of them is refused.
    """

    def __init__(
        self, session: Session, skipped: SkippedIndexes, script: Script, version: str, later: Later,
        needed: AbstractSet[Key] = frozenset(), old_tables: AbstractSet[int] = frozenset(),
    ) -> None:  # fmt: skip
        self.session, self.skipped, self.script, self.version = session, skipped, script, version
        self._later, self._needed, self._old_tables = later, needed, old_tables
        self._built: set[Key] = set()
        self._of_new_tables = of_new_tables(script) if script.whole else set()
        self.rebuilt: set[Key] = set()  # those whose invalid predecessors were dropped before this try
        self.records: list[IndexRecord] = []
        self.warnings: list[str] = []
        self._marks: list[_Mark] = []

    def follow_savepoints(self, statement: Statement) -> None:
        """Take back what was decided since a savepoint, when the file goes back to it."""
        words = statement.key()
        if words[0] == "savepoint":
            self._marks.append(
                _Mark(statement.tokens[-1].name, self.skipped.copy(), set(self._built), len(self.records))
            )
        elif words[0] == "release" or (words[0] == "rollback" and "to" in words[:3]):
            while self._marks and self._marks[-1].name != statement.tokens[-1].name:
                self._marks.pop()
            if not self._marks:
                return
            mark = self._marks[-1]
            if words[0] == "release":
                self._marks.pop()
                return
            self.skipped.restore(mark.skipped)
            self._built = set(mark.built)
            del self.records[mark.records :]

    def declares(self, statement: Statement) -> bool:
        """Whether the statement creates an index that is to be decided on: one of a table that the same text has made is not."""
        declaration = index_declaration(statement, self.script.text)
        if declaration is None:
            return False
        if statement.start in self._of_new_tables and not any(key[1] == declaration.name for key in self.skipped.items):
            self.records.append(index_record(declaration, None, "built"))
            return False
        return True

    def reached(self, statement: Statement) -> tuple[IndexDeclaration, Verdict | None] | None:
        """The decision on the index that the statement declares, now that it is its turn; None for any other statement.

        The verdict is None where nothing can be said, for example of a table that is not there: then the server decides.

        Raises:
            RunAgainError: the index was skipped before, and is needed after all.
            TitanError: an index of this name is something else, or the build would block a large table.
        """
        declaration = index_declaration(statement, self.script.text)
        if declaration is None:
            return None
        verdict = self._decide(declaration)
        return declaration, verdict and self._settled(statement, declaration, verdict)

    def predicted(self, statement: Statement, declaration: IndexDeclaration, sure: bool) -> Verdict | None:
        """The decision as far as the database of now tells it; sure: nothing runs before that could change it.

        Raises:
            TitanError: as reached; also if the declaration itself is wrong.
        """
        try:
            verdict = self._compared(declaration)
        except DatabaseError:
            if sure:
                raise
            return None
        try:
            return verdict and self._settled(statement, declaration, verdict)
        except RunAgainError:
            return verdict

    def _settled(self, statement: Statement, declaration: IndexDeclaration, verdict: Verdict) -> Verdict:
        key = (verdict.schema, declaration.name)
        if verdict.action == FOUND and key in self._built and not declaration.if_not_exists:
            verdict = replace(verdict, action=BUILD)  # declared twice by this file: the server says so
        if verdict.action == SKIP and (key in self._needed or self._is_named_later(statement, declaration, verdict)):
            verdict = _built_after_all(verdict, self._where(declaration))
        if verdict.action == BUILD and key in self.skipped.items:
            raise RunAgainError([key])
        if verdict.action == SKIP and not self.skipped.agrees(key, verdict.duplicate_oid):
            raise RunAgainError([key])  # two different indexes of one name: the first one counts, as for the server
        self._refuse_large(declaration, verdict)
        self.warnings += verdict.warnings
        return verdict

    def done(
        self, declaration: IndexDeclaration, verdict: Verdict | None, outcome: str = "", size: int = 0
    ) -> IndexRecord:
        """Put down what became of the index."""
        outcome = outcome or (OUTCOMES[verdict.action] if verdict else "built")
        if verdict and outcome == "built" and (verdict.schema, declaration.name) in self.rebuilt:
            outcome = "rebuilt"
        if verdict and outcome == "skipped":
            self.skipped.add(verdict.duplicate_oid, verdict.schema, declaration.name, self.version)
        elif verdict and outcome != "found":
            self._built.add((verdict.schema, declaration.name))
        self.records.append(index_record(declaration, verdict, outcome, size))
        return self.records[-1]

    def _where(self, declaration: IndexDeclaration) -> str:
        return f"{self.script.file}, line {declaration.line}"

    def _decide(self, declaration: IndexDeclaration) -> Verdict | None:
        database = self.session.database
        try:
            return self._compared(declaration)
        except DatabaseError as error:
            if error.lost or error.sqlstate in RETRIED:
                raise
            table = table_of(database, declaration.table)
            there = table is not None and is_valid(database, table["schema"], declaration.name) is not None
            if there and declaration.if_not_exists:
                raise  # the server would pass over the statement, whatever that index is
            if error.sqlstate == INSUFFICIENT_PRIVILEGE:
                self.warnings.append(f"{error.message} It was built without a check for duplicates.")
            return None  # what the statement itself does is the better answer

    def _compared(self, declaration: IndexDeclaration) -> Verdict | None:
        """The decision; IF NOT EXISTS passes over another index of the name if the files themselves have built that one, since
        then they end without the declared one wherever they run. One that came from elsewhere is refused.
        """
        database, history = self.session.database, self.session.rules.history
        try:
            return decide(database, declaration, self.session.rules.redundant, self.script.file)
        except OtherIndexError as error:
            there = error.passed_over
            if not declaration.if_not_exists or there is None:
                raise
            here = any(item["name"] == there.name and item["outcome"] == "built" for item in self.records)
            if not here and not has_built_index(database, there.schema, there.name, history):
                raise
            self.warnings.append(
                f"{self._where(declaration)}: IF NOT EXISTS passes over {there.name!r}: the files gave this name to another index "
                f"before ({error.details['existing']}). The declared one is not built."
            )
            return there

    def _is_named_later(self, statement: Statement, declaration: IndexDeclaration, verdict: Verdict) -> bool:
        names = {declaration.name, verdict.duplicate_of}
        if self.skipped.may_be_reached(self.script.statements, statement):
            return True
        return self._later(names) or any(
            names & names_in(item)
            for item in self.script.statements
            if item.start > statement.start and not index_declaration(item, self.script.text)
        )

    def _refuse_large(self, declaration: IndexDeclaration, verdict: Verdict) -> None:
        if verdict.action in (FOUND, SKIP) or declaration.concurrently or verdict.table_oid not in self._old_tables:
            return
        limit = self.session.rules.plain_index_max_rows
        table = table_of(self.session.database, declaration.table)
        if declaration.only and table is not None and table["kind"] == "p":
            return  # nothing is built
        rows = rows_of(self.session.database, declaration.table, limit)
        if rows > limit:
            raise TitanError(
                f"{self._where(declaration)}: CREATE INDEX {declaration.name} would block every writer of {declaration.table} "
                f"(about {rows} rows) while it builds. Use CREATE INDEX CONCURRENTLY in a file of its own; or raise "
                f"plain_index_max_rows (now {limit}).",
                index=declaration.name,
                rows=rows,
                file=self.script.file,
                line=declaration.line,
            )


def _built_after_all(verdict: Verdict, where: str) -> Verdict:
    """The verdict on a duplicate that is needed by its own name, or whose duplicate is about to go."""
    warning = (
        f"{where}: the index {verdict.name!r} duplicates {verdict.duplicate_of!r}, but a later statement names or drops one of "
        "them, so it is built."
    )
    return replace(verdict, action=BUILD, warnings=(warning, *verdict.warnings))
