# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rows a policy is about, and what is written into them instead of deleting."""

from __future__ import annotations

from dataclasses import dataclass

from ...outcome import Data


@dataclass(frozen=True)
class Filter:
    """Which rows of the table a policy is about: one column against values or against NULL, an SQL condition, or both.

    Attributes:
        column: The column's name; empty when there is only the SQL condition.
        kind: "in" (also for equals: one value), "is_null" or "is_not_null"; empty without a column.
        values: The values as text, for kind "in".
        ignore_case: Compare in lower case.
        sql_condition: An SQL condition that has to hold too; empty without.
    """

    column: str = ""
    kind: str = ""
    values: tuple[str, ...] = ()
    ignore_case: bool = False
    sql_condition: str = ""

    def excludes(self, other: Filter) -> bool:
        """Whether no row can pass both. What an SQL condition excludes nobody can say, so it never counts."""
        if not self.column or self.column != other.column:
            return False
        if "is_null" in (self.kind, other.kind):
            return self.kind != other.kind
        if "is_not_null" in (self.kind, other.kind):
            return False
        fold = self.ignore_case or other.ignore_case
        mine, theirs = ({value.lower() if fold else value for value in one.values} for one in (self, other))
        return not mine & theirs

    def as_data(self) -> Data:
        """The filter as the module documents it."""
        data: Data = {"column": self.column, "ignore_case": self.ignore_case} if self.column else {}
        if self.kind == "in":
            data["in"] = list(self.values)
        elif self.kind:
            data["is_null"] = self.kind == "is_null"
        return {**data, "sql_condition": self.sql_condition} if self.sql_condition else data

    def __str__(self) -> str:
        condition = "SQL (" + self.sql_condition.replace("\n", "\\n") + ")" if self.sql_condition else ""
        return " and ".join(part for part in (self._column_text(), condition) if part)

    def _column_text(self) -> str:
        if not self.kind:
            return ""
        if self.kind != "in":
            return f"{self.column} {self.kind.replace('_', ' ')}"
        values = ", ".join(self.values)
        case = " in any case" if self.ignore_case else ""
        return f"{self.column} = {values}{case}" if len(self.values) == 1 else f"{self.column} in ({values}){case}"


@dataclass(frozen=True)
class Mark:
    """What is written instead of deleting: a value, or the time of the run when value is None."""

    column: str
    value: str | None = None

    def __str__(self) -> str:
        return f"{self.column} = {'the time of the run' if self.value is None else self.value}"
