# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention policies as data: parsed, named, compared, shown. No database here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from ...errors import OptionError
from ...outcome import Data
from ...text.durations import Duration
from .filters import Filter, Mark


@dataclass(frozen=True)
class Policy:
    """One retention rule.

    Attributes:
        name: Unique among the policies.
        schema: The table's schema; empty until the table has been looked up.
        table: The table's name.
        column: The time column.
        keep: Rows whose time is further back than this are due.
        where: Only these rows; None is all.
        mark: Set instead of deleting; None is deleting.
        time_zone: Of a column of type timestamp or date; empty: not said.
        time_format: What a column that is no time holds: epoch_seconds, epoch_milliseconds, epoch_microseconds, uuid7 or ulid; empty: times.
        never_values: keep or delete rows whose time stands for "never" (0001-01-01, 1970-01-01, -infinity).
        max_fraction: The largest share of the table that may be due; None leaves it to the run.
        contended: Step around locked rows instead of waiting shortly for them.
        archive: Directory that the rows are written to before they go; empty is none.
    """

    name: str
    schema: str
    table: str
    column: str
    keep: Duration
    where: Filter | None = None
    mark: Mark | None = None
    time_zone: str = ""
    time_format: str = ""
    never_values: str = "keep"
    max_fraction: float | None = None
    contended: bool = False
    archive: str = ""
    source: str = field(default="", compare=False)

    @property
    def mode(self) -> str:
        return "mark" if self.mark else "delete"

    @property
    def full_table(self) -> str:
        """Schema and table for people and for messages."""
        return f"{self.schema}.{self.table}" if self.schema else self.table

    def as_data(self) -> Data:
        """The policy as the module documents it."""
        return {
            "name": self.name,
            "table": self.full_table,
            "column": self.column,
            "keep": str(self.keep),
            "where": self.where.as_data() if self.where else None,
            "allow_sql_condition": bool(self.where and self.where.sql_condition),
            "mode": self.mode,
            "mark": {"column": self.mark.column, "value": self.mark.value} if self.mark else None,
            "time_zone": self.time_zone,
            "time_format": self.time_format or None,
            "never_values": self.never_values,
            "max_fraction": self.max_fraction,
            "contended": self.contended,
            "archive": self.archive or None,
        }

    def __str__(self) -> str:
        more = [
            f"where {self.where}" if self.where else "",
            f"mark {self.mark}" if self.mark else "",
            f"time zone {self.time_zone}" if self.time_zone not in ("", "UTC") else "",
            f"as {self.time_format}" if self.time_format else "",
            "also never" if self.never_values == "delete" else "",
            f"at most {self.max_fraction:.0%}" if self.max_fraction is not None else "",
            "contended" if self.contended else "",
            f"archive {self.archive}" if self.archive else "",
        ]
        details = "".join(f", {item}" for item in more if item)
        return f"{self.name}: {self.full_table}.{self.column} keep {self.keep}{details}"


def named(policies: Sequence[Policy]) -> list[Policy]:
    """The policies, each with a name: the given one, or one made of table and filter.

    Raises:
        OptionError: two have the same name.
    """
    by_name: dict[str, Policy] = {}
    for policy in policies:
        made = policy.name or f"{policy.full_table}{f' where {policy.where}' if policy.where else ''}"
        if made in by_name:
            raise OptionError(
                f"{policy.source}.name", made, f"{by_name[made].source} has the same name; give each policy its own."
            )
        by_name[made] = replace(policy, name=made)
    return list(by_name.values())


def overlaps(policies: Sequence[Policy]) -> list[tuple[Policy, Policy]]:
    """The pairs of policies that one row could fall under."""
    return [
        (one, other)
        for one, other in combinations(policies, 2)
        if (one.schema, one.table) == (other.schema, other.table)
        and not (one.where and other.where and one.where.excludes(other.where))
    ]


def shown(policies: Sequence[Policy]) -> str:
    """The policies as the text of a diff, one line each, in order of name."""
    return "".join(f"{policy}\n" for policy in sorted(policies, key=lambda policy: policy.name))
