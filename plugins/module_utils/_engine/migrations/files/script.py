# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a file is run: whole in one transaction, or step by step. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...errors import TitanError
from ...text.one_line import printable
from ..sql.client_lines import blanked as blanked_text
from ..sql.client_lines import client_lines
from ..sql.foreign_tools import refuse_odd_input, refuse_rollback_part
from ..sql.lexer import Statement, split
from ..sql.statements import ALONE, CONTROL, TOGETHER, copies_out, enum_value, transaction_mode, uses_literal, written
from ..sql.tokens import LexerError
from .headers import Headers, headers
from .steps import Step, in_steps

# ALTER TYPE ... ADD VALUE whose value a later statement of the file uses: allowed in a transaction, but to be committed first.
COMMIT_FIRST = "commit first"


@dataclass(frozen=True)
class Script:
    """A file made ready to run.

    Attributes:
        text: The file's text; what a transactional file sends (its own BEGIN and COMMIT blanked out).
        whole: Sent whole in one transaction, with the history row; then there is exactly one step.
        steps: At least one, unless the file holds no statement.
        notes: Sentences for people.
    """

    file: str
    text: str
    whole: bool
    statements: tuple[Statement, ...]
    steps: tuple[Step, ...]
    headers: Headers
    notes: tuple[str, ...] = ()


# Statements whose literals are rows, or may be passwords; and a literal, whether or not it is ended.
_HOLDS_VALUES = re.compile(
    r"^\s*(?:INSERT|UPDATE|DELETE|MERGE|COPY|SELECT|VALUES|WITH|DO|CALL|EXECUTE)\b|\b(?:PASSWORD|MAPPING|SUBSCRIPTION|SERVER)\b",
    re.IGNORECASE,
)
_LITERAL = re.compile(r"'(?:[^']|'')*(?:'|$)")


def without_literals(sql: str) -> str:
    """The statement; of one with rows or secrets without its literals, which are nobody's who reads a message."""
    return _LITERAL.sub("'...'", sql) if _HOLDS_VALUES.search(sql) else sql


def shortened(sql: str, limit: int = 120) -> str:
    """The text in one line of at most so many characters; literals of rows and of secrets are left out of it."""
    line = printable(" ".join(without_literals(sql).split()))
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def make_script(text: str, file: str, mixed: str = "refuse", by_statement: bool = False) -> Script:
    """Read the file.

    Args:
        text: Its text.
        file: Its name, for messages.
        by_statement: Run it statement by statement whatever it holds.
        mixed: "refuse" or "steps": what to do with a file whose statements cannot all run in one transaction.

    Raises:
        TitanError: the text cannot be cut, or mixes both kinds; names file and line.
    """
    head = headers(text, file)
    text, statements, notes = _read(text, file)
    modes = _transaction_modes(statements)
    if head.transaction == "none" or by_statement:  # as psql runs it: a block of its own stays one
        return _in_steps(text, file, statements, [_forced(kind) for kind in modes], head, notes)
    inner = _own_block(statements, modes)
    if inner is not None:
        text = _blanked(text, [statement for statement, kind in zip(statements, modes) if kind == CONTROL])
        notes += (
            f"{file} holds its own BEGIN and COMMIT: they are left out, the file runs in one transaction with its history row.",
        )
        statements, modes = inner, [kind for kind in modes if kind != CONTROL]
    hard = [statement for statement, kind in zip(statements, modes) if kind in (ALONE, CONTROL)]
    if not hard:
        if COMMIT_FIRST in modes:
            if inner is not None:
                notes = (
                    *notes[:-1],
                    f"{file} holds its own BEGIN and COMMIT: they are left out, it runs in several steps.",
                )
            return _in_steps(
                text, file, statements, [ALONE if kind == COMMIT_FIRST else kind for kind in modes], head, notes
            )
        steps = (Step(1, text, 0, tuple(statements), True),) if statements else ()
        return Script(file, text, True, tuple(statements), steps, head, notes)
    others = [statement for statement, kind in zip(statements, modes) if kind in (TOGETHER, COMMIT_FIRST)]
    if mixed == "refuse" and (others or any(kind == CONTROL for kind in modes)):
        raise _mixed(file, text, statements, modes)
    return _in_steps(text, file, statements, [ALONE if kind == COMMIT_FIRST else kind for kind in modes], head, notes)


def _read(text: str, file: str) -> tuple[str, list[Statement], tuple[str, ...]]:
    """The text without what is for psql, its statements, and notes.

    Raises:
        TitanError: it cannot be cut, or is not for a server alone; names file and line.
    """
    lines = client_lines(text)
    notes: tuple[str, ...] = ()
    if lines.marks:
        text = blanked_text(text, lines.marks)
        notes = (f"{file}: its \\restrict and \\unrestrict lines, which are for psql, are left out.",)
    try:
        statements = split(text)
    except LexerError as error:
        raise TitanError(f"{file}, {error.message}", file=file, **error.details) from error
    _refuse_backslashes(statements, file)
    refuse_rollback_part(text, file, statements)
    refuse_odd_input(statements, lines.copies, file)
    notes += tuple(
        f"{file}, line {statement.line}: the rows of COPY ... TO STDOUT are read and shown nowhere."
        for statement in statements
        if copies_out(statement)
    )
    return text, statements, notes


def _refuse_backslashes(statements: Sequence[Statement], file: str) -> None:
    """Refuse plain strings with a backslash after standard_conforming_strings was turned off: they would mean another text
    to psql, which sends one statement after the other, than in a file that goes to the server whole.
    """
    off = 0
    for statement in statements:
        words = statement.key()
        if words[0] == "set" and "standard_conforming_strings" in words[1:3]:
            off = statement.line if words[-1].strip("'").lower() in ("off", "false", "no", "0", "of") else 0
        elif words[0] == "reset" and words[1:2] in (("standard_conforming_strings",), ("all",)):
            off = 0  # it is on for role and database, else no file runs
        bad = next((token for token in statement.tokens if off and token.text[0] == "'" and "\\" in token.text), None)
        if bad is not None:
            raise TitanError(
                f"{file}, line {statement.line}: {bad.text[:40]} holds a backslash, and line {off} turned "
                "standard_conforming_strings off. Write it as E'...' and remove that line.",
                file=file,
                line=statement.line,
            )


def _forced(kind: str) -> str:
    return ALONE if kind in (TOGETHER, COMMIT_FIRST) else kind


def _transaction_modes(statements: Sequence[Statement]) -> list[str]:
    """The transaction mode of each statement, COMMIT_FIRST among them."""
    modes = [transaction_mode(statement) for statement in statements]
    made = {
        written(s.tokens[2:-1]).lower() for s in statements if s.key()[:2] == ("create", "type") and len(s.tokens) > 3
    }
    for at, statement in enumerate(statements):
        added = enum_value(statement)
        if added is None or any(name.startswith(added[0].lower() + "as") for name in made):
            continue
        if any(uses_literal(later, added[1]) for later in statements[at + 1 :] if enum_value(later) is None):
            modes[at] = COMMIT_FIRST
    return modes


def _own_block(statements: Sequence[Statement], modes: Sequence[str]) -> list[Statement] | None:
    """The statements without the file's own BEGIN and COMMIT, if there is one such pair: all of it becomes one transaction."""
    control = [at for at, kind in enumerate(modes) if kind == CONTROL]
    if len(control) != 2 or ALONE in modes:
        return None
    opening, closing = statements[control[0]].key(), statements[control[1]].key()
    if opening not in (("begin",), ("begin", "transaction"), ("begin", "work"), ("start", "transaction")):
        return None
    if closing not in (("commit",), ("commit", "transaction"), ("commit", "work"), ("end",), ("end", "transaction")):
        return None
    return [statement for at, statement in enumerate(statements) if at not in control]


def _blanked(text: str, removed: Sequence[Statement]) -> str:
    """The text with the statements overwritten by spaces, so that every offset and line stays where it was."""
    for statement in removed:
        blank = "".join(char if char in "\r\n" else " " for char in text[statement.start : statement.end])
        text = text[: statement.start] + blank + text[statement.end :]
    return text


def blanked(script: Script, removed: Sequence[Statement]) -> Script:
    """The whole-file script without some of its statements."""
    text = _blanked(script.text, removed)
    remaining = tuple(statement for statement in script.statements if statement not in removed)
    steps = tuple(replace(step, sql=text, statements=remaining) for step in script.steps) if remaining else ()
    return replace(script, text=text, statements=remaining, steps=steps)


def _in_steps(
    text: str, file: str, statements: Sequence[Statement], modes: Sequence[str], head: Headers, notes: tuple[str, ...]
) -> Script:
    cut = in_steps(text, file, statements, modes)
    return Script(file, text, False, tuple(statements), cut.steps, head, (*notes, *cut.notes))


def _mixed(file: str, text: str, statements: Sequence[Statement], modes: Sequence[str]) -> TitanError:
    control = next((s for s, kind in zip(statements, modes) if kind == CONTROL), None)
    if control is not None:
        what = text[control.start : control.end][:40]
        message = (
            f"{file}, line {control.line}: {what!r} ends or begins a transaction inside the file, so its history row "
            "could not be part of it. Leave it out: a file runs in one transaction."
        )
        return TitanError(message + " Or set mixed to 'steps'.", file=file, line=control.line)
    alone = next(s for s, kind in zip(statements, modes) if kind == ALONE)
    other = next(s for s, kind in zip(statements, modes) if kind in (TOGETHER, COMMIT_FIRST))
    message = (
        f"{file}, line {alone.line}: {' '.join(alone.words(4)).upper()} cannot run inside a transaction, but line "
        f"{other.line} ({' '.join(other.words(3)).upper()}) should. Put them into two files"
    )
    return TitanError(message + ", or set mixed to 'steps'.", file=file, line=alone.line, other_line=other.line)
