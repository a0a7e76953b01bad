# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of a statement with its file and line, and the state that it leaves the database in."""

from __future__ import annotations

from ...errors import DatabaseError
from ...postgres.sqlstates import (
    ACTIVE_SQL_TRANSACTION,
    INVALID_TRANSACTION_TERMINATION,
    OBJECT_IN_USE,
    UNSAFE_NEW_ENUM_VALUE_USAGE,
)
from ..files.script import Script, shortened, without_literals
from ..files.steps import Step
from ..sql.tokens import line_of

# Of statements that fail in a transaction but not by themselves: inside a transaction block, a COMMIT in a procedure, a new
# enum value used at once, pending trigger events.
_RATHER_ALONE = (
    ACTIVE_SQL_TRANSACTION,
    INVALID_TRANSACTION_TERMINATION,
    UNSAFE_NEW_ENUM_VALUE_USAGE,
    OBJECT_IN_USE,
)


def located(error: DatabaseError, script: Script, step: Step, state: str, after_others: bool = False) -> DatabaseError:
    """The error with file, line, statement, SQLSTATE and the state that the database is in now.

    after_others: it shared its transaction with the files before it, as in a rehearsal.
    """
    statement, line = None, step.line
    if error.details.get("position"):
        offset = step.start + int(error.details["position"]) - 1
        line = line_of(script.text, offset)
        statement = next((s for s in step.statements if s.start <= offset <= s.end), None)
    elif error.details.get("failed_statement") is not None:
        statement = step.statements[error.details["failed_statement"]]
        line = statement.line
    elif len(step.statements) == 1:
        statement = step.statements[0]
    shown = script.text[statement.start : statement.end] if statement else ""
    short = shortened(shown, 203)
    more = [error.details[key] for key in ("detail", "hint") if error.details.get(key)]
    extra = "".join(f" {text}." for text in more if text.rstrip(".") not in error.message)
    code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate and f"({error.sqlstate})" not in error.message else ""
    where = f"{script.file}, line {line}" if statement else script.file
    said = f" Statement: {short}." if short else ""
    if error.sqlstate in _RATHER_ALONE and after_others:
        state += (
            " A rehearsal runs all files in one transaction, which may be the only cause: for real each has its own. Set "
            "target to the version before this one, or apply up to there and rehearse again."
        )
    elif error.sqlstate in _RATHER_ALONE and step.transaction:
        state += (
            " A file that was written to run statement by statement, as psql runs it, needs the header '-- transaction: none' "
            "or its version in without_transaction."
        )
    kept = {
        k: v for k, v in error.details.items() if k not in ("position", "sqlstate", "failed_statement", "file", "line")
    }
    return DatabaseError(
        f"{where}: {error.message}{code}.{extra.replace('..', '.')}{said} {state}",
        sqlstate=error.sqlstate,
        file=script.file,
        line=line if statement else None,
        statement=without_literals(shown)[:2000],
        state=state,
        **kept,
    )
