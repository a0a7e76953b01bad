# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention policies as data: parsed, named, compared, shown. No database here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from ..durations import Duration, parse_duration
from ..errors import OptionError


@dataclass(frozen=True)
class Filter:
    """Which rows of the table a policy is about: one column against values, or against NULL.

    Attributes:
        column: The column's name.
        kind: "in" (also for equals: one value), "is_null" or "is_not_null".
        values: The values as text, for kind "in".
        ignore_case: Compare in lower case.
    """

    column: str
    kind: str
    values: tuple[str, ...] = ()
    ignore_case: bool = False

    def excludes(self, other: Filter) -> bool:
        """Whether no row can pass both."""
        if self.column != other.column:
            return False
        if "is_null" in (self.kind, other.kind):
            return self.kind != other.kind
        if "is_not_null" in (self.kind, other.kind):
            return False
        fold = self.ignore_case or other.ignore_case
        mine, theirs = ({value.lower() if fold else value for value in one.values} for one in (self, other))
        return not mine & theirs

    def __str__(self) -> str:
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
        time_zone: Of a column of type timestamp or date.
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
    time_zone: str = "UTC"
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

    def as_data(self) -> dict[str, Any]:
        """The policy as the module documents it."""
        where: dict[str, Any] | None = None
        if self.where:
            where = {"column": self.where.column, "ignore_case": self.where.ignore_case}
            where.update(
                {"in": list(self.where.values)}
                if self.where.kind == "in"
                else {"is_null": self.where.kind == "is_null"}
            )
        return {
            "name": self.name,
            "table": self.full_table,
            "column": self.column,
            "keep": str(self.keep),
            "where": where,
            "mode": self.mode,
            "mark": {"column": self.mark.column, "value": self.mark.value} if self.mark else None,
            "time_zone": self.time_zone,
            "max_fraction": self.max_fraction,
            "contended": self.contended,
            "archive": self.archive or None,
        }

    def __str__(self) -> str:
        more = [
            f"where {self.where}" if self.where else "",
            f"mark {self.mark}" if self.mark else "",
            f"time zone {self.time_zone}" if self.time_zone != "UTC" else "",
            f"at most {self.max_fraction:.0%}" if self.max_fraction is not None else "",
            "contended" if self.contended else "",
            f"archive {self.archive}" if self.archive else "",
        ]
        said = "".join(f", {item}" for item in more if item)
        return f"{self.name}: {self.full_table}.{self.column} keep {self.keep}{said}"


def parse_policy(given: Mapping[str, Any], option: str) -> Policy:
    """The policy that one element of the option ``policies`` says; option is its place, as "policies[0]".

    Raises:
        OptionError: what can be seen without a database is wrong.
    """
    schema, table = split_table(f"{option}.table", given["table"])
    if not given["column"]:
        raise OptionError(f"{option}.column", given["column"], "Name the time column.")
    fraction = given.get("max_fraction")
    if fraction is not None and not 0 < fraction <= 1:
        raise OptionError(f"{option}.max_fraction", fraction, "Allowed is a number above 0 and up to 1.")
    archive = given.get("archive") or ""
    if archive and not archive.startswith("/"):
        raise OptionError(f"{option}.archive", archive, "Name a directory by its absolute path.")
    if archive and given.get("mode") == "mark":
        raise OptionError(
            f"{option}.archive", archive, "Rows that are only marked stay: archive them when they are deleted."
        )
    return Policy(
        name=given.get("name") or "",
        schema=schema,
        table=table,
        column=given["column"],
        keep=parse_duration(f"{option}.keep", given["keep"], calendar=True),
        where=_parse_filter(given.get("where"), f"{option}.where"),
        mark=_parse_mark(given, option),
        time_zone=given.get("time_zone") or "UTC",
        max_fraction=fraction,
        contended=bool(given.get("contended")),
        archive=archive,
        source=option,
    )


def _parse_filter(where: Mapping[str, Any] | None, option: str) -> Filter | None:
    if where is None:
        return None
    said = [word for word in ("in", "equals", "is_null") if where.get(word) is not None]
    if len(said) != 1:
        raise OptionError(option, dict(where), "Give exactly one of in, equals and is_null beside column.")
    fold = bool(where.get("ignore_case"))
    if said == ["is_null"]:
        return Filter(where["column"], "is_null" if where["is_null"] else "is_not_null")
    values = where["in"] if said == ["in"] else [where["equals"]]
    if not values:
        raise OptionError(f"{option}.in", [], "Name at least one value.")
    if any(value is None or isinstance(value, (list, dict)) for value in values):
        raise OptionError(
            f"{option}.{said[0]}", values, "Each value is a text, a number or a boolean; for NULL use is_null."
        )
    texts = dict.fromkeys(_text(value).lower() if fold else _text(value) for value in values)
    return Filter(where["column"], "in", tuple(texts), fold)


def _parse_mark(given: Mapping[str, Any], option: str) -> Mark | None:
    mark = given.get("mark")
    if given.get("mode", "delete") == "delete":
        if mark is not None:
            raise OptionError(f"{option}.mark", dict(mark), "It has a meaning only with mode: mark.")
        return None
    if mark is None:
        raise OptionError(f"{option}.mode", "mark", "Say what is written: mark: {column: is_active, value: false}.")
    value = mark.get("value")
    return Mark(mark["column"], None if value is None else _text(value))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def split_table(option: str, text: str) -> tuple[str, str]:
    """Schema (or an empty string) and table of a name as SQL would write it, quotes and all.

    Names are taken literally, never folded to lower case. A name that holds a dot or starts with a double quote has to
    be written in double quotes.
    """
    parts: list[str] = []
    rest = text
    while True:
        if rest.startswith('"'):
            end = _closing_quote(rest)
            name, rest = rest[1:end].replace('""', '"'), rest[end + 1 :] if end < len(rest) else "unclosed"
        else:
            name = rest.split(".", 1)[0]
            rest = rest[len(name) :]
        parts.append(name)
        if not rest:
            break
        if not rest.startswith("."):
            parts = []
            break
        rest = rest[1:]
    if len(parts) not in (1, 2) or not all(parts):
        raise OptionError(
            option, text, 'Write table or schema.table; a name that holds a dot goes in double quotes, as "odd.name".'
        )
    return (parts[0], parts[1]) if len(parts) == 2 else ("", parts[0])


def _closing_quote(text: str) -> int:
    position = 1
    while position < len(text):
        if text[position] == '"':
            if text[position + 1 : position + 2] != '"':
                return position
            position += 1
        position += 1
    return len(text)


def named(policies: Sequence[Policy]) -> list[Policy]:
    """The policies, each with a name: the given one, or one made of table and filter.

    Raises:
        OptionError: two have the same name.
    """
    done: dict[str, Policy] = {}
    for policy in policies:
        made = policy.name or f"{policy.full_table}{f' where {policy.where}' if policy.where else ''}"
        if made in done:
            raise OptionError(
                f"{policy.source}.name", made, f"{done[made].source} has the same name; give each policy its own."
            )
        done[made] = replace(policy, name=made)
    return list(done.values())


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
