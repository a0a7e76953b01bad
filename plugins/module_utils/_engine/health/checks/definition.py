# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check is, and what it ends with. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from ...environment.status import CRITICAL, OK, UNKNOWN, WARNING, WORDS
from ...text.one_line import printable

Limits = Mapping[str, "tuple[float, float]"]


# In made_by, stands for whether the query may not read tables: it is a superuser's, and they are somebody else's.
WITHOUT_QUERIES = "__WITHOUT_QUERIES__"


@dataclass(frozen=True)
class Threshold:
    """A check's limits: more than warning is a warning, more than critical is critical.

    Attributes:
        name: As in the option thresholds.
        warning, critical: In the unit.
        unit: For people.
        description: What is measured, in sentences for the documentation.
    """

    name: str
    warning: float
    critical: float
    unit: str
    description: str


@dataclass(frozen=True)
class SqlCheck(Threshold):
    """A check that one query answers.

    Attributes:
        query: Its rows have ``what`` (text) and optionally ``value`` (number; NULL: could not be measured), ``sql`` (the
            statement, or the array of statements, that mends this row; NULL: none) and ``db`` (where to run it, when it is not
            the database that was asked). The worst row comes first.
        before: (version, query) for servers older than that version, the oldest first.
        made_by: SQL expression whose value is the query, for what only the catalog can name; NULL: there is no row.
        counts: Each row is a finding, and the number of rows is the value; otherwise the value of the first row is.
        fix: What to do; ``{sql}`` stands for the psql commands of the rows.
        none: The message when there is no row.
        sees: SQL condition: whether the role sees all of it. If not, the check is never ok.
        grant: What the role then lacks: ``pg_monitor``, or a sentence that starts with "SELECT" or the like.
        applies: SQL expression: NULL, or why the check says nothing of this database; ``{days}`` stands for how
            old statistics must be to be judged.
    """

    query: str = ""
    before: tuple[tuple[int, str], ...] = ()
    made_by: str = ""
    counts: bool = False
    fix: str = "{sql}"
    none: str = ""
    sees: str = ""
    grant: str = "pg_monitor"
    applies: str = ""


class CheckData(TypedDict):
    """A check as the module returns it."""

    name: str
    status: str
    value: float | None
    unit: str
    message: str
    fix: str


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: As in the thresholds.
        status: 0 ok, 1 warning, 2 critical, 3 unknown.
        value: In the unit; None if it could not be measured.
        message: What was measured, and where.
        fix: A command or sentence that helps; "" when all is well.
        unit: Of the value.
    """

    name: str
    status: int
    value: float | None
    message: str
    fix: str = ""
    unit: str = ""

    def as_data(self) -> CheckData:
        return CheckData(
            name=self.name,
            status=WORDS[self.status],
            value=self.value,
            unit=self.unit,
            message=self.message,
            fix=self.fix,
        )


@dataclass(frozen=True)
class NotChecked:
    """A check that says nothing of this database, and why."""

    name: str
    reason: str


def judge(check: Threshold, value: float | None, limits: Limits, what: str, fix: str) -> Check:
    """The check of one value; what completes the sentence, fix is only told when there is something to fix."""
    if value is None:
        return Check(check.name, UNKNOWN, None, what, fix, check.unit)
    warning, critical = limits[check.name]
    status = CRITICAL if value > critical else WARNING if value > warning else OK
    shown = f"{value:,.1f}".rstrip("0").rstrip(".") + (
        check.unit if check.unit == "%" else f" {check.unit}" if check.unit else ""
    )
    return Check(
        check.name,
        status,
        round(value, 6),
        f"{shown}{': ' if what else ''}{printable(what)}",
        fix if status else "",
        check.unit,
    )


def unknown(check: Threshold, why: str, fix: str = "") -> Check:
    """A check that could not be made."""
    return Check(check.name, UNKNOWN, None, why, fix, check.unit)


def worst(checks: Sequence[Check]) -> int:
    """The status of all: critical before unknown before warning before ok."""
    order = (OK, WARNING, UNKNOWN, CRITICAL)
    return max((check.status for check in checks), key=order.index, default=OK)
