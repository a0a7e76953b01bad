# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file cut into steps, each of which is sent at once and recorded; blocks of its own stay together. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...errors import TitanError
from ..sql.client_lines import client_lines
from ..sql.lexer import Statement
from ..sql.statements import CONTROL, EITHER, TOGETHER

BEGIN, COMMIT, ROLLBACK = "begin", "commit", "rollback"
_BOUNDARIES = {"start": BEGIN, "begin": BEGIN, "rollback": ROLLBACK, "abort": ROLLBACK}


@dataclass(frozen=True)
class Step:
    """What is sent to the server at once.

    Attributes:
        number: From 1.
        start: Offset of ``sql`` in the file's text.
        transaction: Runs in a transaction of ours, its record with it; else it commits by itself.
        session: Only sets session parameters, so a resumed run repeats it.
        modes: What the file's own BEGIN says of its transaction: ``ISOLATION LEVEL SERIALIZABLE, READ ONLY``.
    """

    number: int
    sql: str
    start: int
    statements: tuple[Statement, ...]
    transaction: bool
    session: bool = False
    modes: str = ""

    @property
    def line(self) -> int:
        return self.statements[0].line

    @property
    def opening(self) -> str:
        """The SET TRANSACTION that the step begins with: it has to come before any query, so also before ours."""
        own = f"SET TRANSACTION {self.modes}" if self.modes else ""
        for statement in self.statements:
            words = statement.key()
            if words[:2] == ("set", "transaction"):
                return (f"{own}; " if own else "") + self.sql[statement.start - self.start : statement.end - self.start]
            if words[0] != "set":
                break
        return own

    @property
    def digest(self) -> str:
        """Equal for steps with the same tokens, whatever their comments and white space."""
        text = "\0".join(word for statement in self.statements for word in (*statement.key(), ";"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Cut(NamedTuple):
    """The steps of a file, and sentences for people."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...]


@dataclass
class _Block:
    """A transaction of the file's own that is open.

    Attributes:
        opening: Its BEGIN, or the COMMIT AND CHAIN or ROLLBACK AND CHAIN before it.
        begun: What its BEGIN and a SET TRANSACTION right behind it say of it, or what the one before it was.
        first: That without its own SET TRANSACTION.
        modes: All with what later ones said: a chained transaction begins with that.
    """

    opening: Statement
    begun: str
    modes: str
    first: str = ""
    chained: bool = False


def in_steps(text: str, file: str, statements: Sequence[Statement], modes: Sequence[str]) -> Cut:
    """Cut the file.

    Args:
        text, file: Its text, and its name for messages.
        statements, modes: Its statements, and the transaction mode of each.

    Raises:
        TitanError: a transaction in it cannot be recorded : one that never ends, or is prepared.
    """
    cutter = _Cutter(text, file)
    for statement, mode in zip(statements, modes):
        cutter.take(statement, mode)
    if cutter.block is not None:
        raise _unrecordable(file, cutter.block.opening, "the transaction that begins here never ends. Add its COMMIT")
    cutter.close()
    return Cut(tuple(cutter.steps), tuple(cutter.notes))


class _Cutter:
    """Takes the statements of a file one after the other."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.steps: list[Step] = []
        self.notes: list[str] = []
        self.group: list[Statement] = []
        self.block: _Block | None = None
        self.data_ends = {copy.start: copy.after for copy in client_lines(text).copies}  # the rows of a COPY go with it

    def take(self, statement: Statement, mode: str) -> None:
        if mode == CONTROL:
            self._boundary(statement)
        elif self.block is not None:
            self._inside(self.block, statement)
        elif mode == TOGETHER:
            self.group.append(statement)
        else:
            self.close()
            sql = self.text[statement.start : self._end(statement)]
            self._add(sql, statement.start, (statement,), False, mode == EITHER)

    def _inside(self, block: _Block, statement: Statement) -> None:
        words = statement.key()
        if words[:2] == ("set", "transaction") and words[2:3] != ("snapshot",):
            block.modes = _joined(block.modes, _modes(statement, self.text, 2))
            if not self.group:
                block.begun = block.modes
                return
        self.group.append(statement)

    def close(self, modes: str = "") -> None:
        """End the step that collects statements."""
        if self.group:
            sql = self.text[self.group[0].start : self._end(self.group[-1])]
            self._add(sql, self.group[0].start, tuple(self.group), True, modes=modes)
            self.group.clear()

    def _add(
        self, sql: str, start: int, statements: tuple[Statement, ...], own: bool, session: bool = False, modes: str = ""
    ) -> None:
        self.steps.append(Step(len(self.steps) + 1, sql, start, statements, own, session, modes))

    def _end(self, statement: Statement) -> int:
        return self.data_ends.get(statement.start, statement.end)

    def _boundary(self, statement: Statement) -> None:
        words = statement.key()
        if words[0] == "prepare":
            raise _unrecordable(
                self.file, statement, "a prepared transaction outlives the run, and holds its locks. Let it COMMIT"
            )
        what = _BOUNDARIES.get(words[0], COMMIT)
        chain = "chain" in words[1:] and "no" not in words[1:]
        if chain and self.block is None:
            raise _unrecordable(
                self.file, statement, "AND CHAIN needs a transaction that is open. Put a BEGIN before it"
            )
        if what == BEGIN and self.block is None:
            self.close()
            begun = _modes(statement, self.text, 2 if words[1:2] in (("work",), ("transaction",)) else 1)
            self.block = _Block(statement, begun, begun, begun)
        elif what != BEGIN and self.block is not None:
            if what == ROLLBACK:
                self._take_back(self.block, statement)
            else:
                self.close(self.block.begun)
            modes = self.block.modes
            self.block = _Block(statement, modes, modes, modes, True) if chain else None
        else:  # PostgreSQL warns of it, and does nothing
            said = " ".join(statement.words(2)).upper()
            self.notes.append(f"{self.file}, line {statement.line}: {said} does nothing here and is left out.")

    def _take_back(self, block: _Block, closing: Statement) -> None:
        """Nothing of the block stays: it is sent with its own BEGIN and ROLLBACK."""
        begin, start = "", block.opening.start
        if block.chained:
            start = block.opening.end
            begin = f"BEGIN {block.first}"
        sql = f"{begin}{self.text[start : closing.start]}ROLLBACK"
        self._add(sql, start - len(begin), (block.opening, *self.group, closing), False)
        self.group.clear()


def _modes(statement: Statement, text: str, at: int) -> str:
    """What BEGIN or SET TRANSACTION says of the transaction, from its token at a place on."""
    tokens = statement.tokens[at:]
    return text[tokens[0].start : statement.end] if tokens else ""


def _joined(first: str, second: str) -> str:
    return ", ".join(part for part in (first, second) if part)


def _unrecordable(file: str, statement: Statement, why: str) -> TitanError:
    return TitanError(
        f"{file}, line {statement.line}: this file begins and ends transactions in a way that cannot be recorded "
        f"step by step: {why}, or leave BEGIN and COMMIT out: each file runs in a transaction of its own.",
        file=file,
        line=statement.line,
    )
