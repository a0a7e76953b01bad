# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation is called with and what it returns: the same for both doors."""

from __future__ import annotations

from collections.abc import Mapping

from .postgres.connection import ConnectionSettings
from .text.one_line import lines
from .typed import Any, Callable, NamedTuple

# What is returned to people: JSON-serialisable, by the documented names.
Data = dict[str, Any]


def silent(line: str) -> None:
    """Drop a progress line."""


# Both are named tuples: a dataclass would bring the module inspect along, a fifth of what a short run takes to start.
class Call(NamedTuple):
    """One request to an operation.

    Attributes:
        options: The operation's options by the names that the module documents, defaults filled in.
        settings: How to reach the database; None for operations that need no database.
        check_mode: Plan and report, write nothing.
        say: Takes one line of progress; does nothing where nobody looks.
        record_ahead: By how many seconds the newest record of this host's jobs is dated after now, and of which job it is.
    """

    options: Mapping[str, Any]
    settings: ConnectionSettings | None = None
    check_mode: bool = False
    say: Callable[[str], None] = silent
    record_ahead: tuple[float, str] = (0.0, "")

    @property
    def connection(self) -> ConnectionSettings:
        """The connection settings of an operation that cannot work without a database."""
        if self.settings is None:
            raise TypeError("this operation was called without connection settings")
        return self.settings


class Outcome(NamedTuple):
    """The result of one operation, made from its plan.

    Attributes:
        changed: True exactly when something was (in check mode: would be) done.
        data: The documented return values, JSON-serialisable.
        summary: One line for people.
        before, after: The diff's two texts; equal when nothing changes.
        warnings: Sentences for people that do not make the result a failure.
    """

    changed: bool
    data: Data
    summary: str
    before: str = ""
    after: str = ""
    warnings: tuple[str, ...] = ()


def returned(outcome: Outcome) -> Data:
    """What a module returns for it, but for the warnings."""
    diff = {"before": outcome.before, "after": outcome.after}
    return {"changed": outcome.changed, "diff": diff, "summary": lines(outcome.summary), **outcome.data}
