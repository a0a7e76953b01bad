# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting what is due, and what no rule speaks about, in one pass over a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...postgres.database import Database, Row, sql
from ..policies.filters import Filter
from ..policies.policy import Policy
from ..policies.predicate import blocking, due, matches, overdue_as_never, referenced
from ..policies.tables import Leaf, Table
from ..policies.time_formats import no_time
from .pages import PageRange, page_ranges

_MOST_VALUES = 100  # a filter column with more different values is not listed value by value
_SMALL = 64 << 20  # bytes; below, values are listed even if the statistics say nothing


@dataclass(frozen=True)
class Dated:
    """A policy with the cut-off that holds for the whole run."""

    policy: Policy
    cut: str
    clock: str


@dataclass(frozen=True)
class PolicyCount:
    """What one policy found.

    Attributes:
        due: Rows by leaf (oid).
        null_times: Rows within the filter whose time is NULL: they are never due.
        never: Rows over their time because it stands for "never"; the policy says whether they are due.
        referenced: Rows over their time that stay, because rows of other tables refer to them.
        unknown_values: Values of the filter that no row has; empty where values are not listed.
        page_ranges: Where the due rows are, by leaf (oid).
    """

    due: dict[int, int]
    null_times: int
    unknown_values: tuple[str, ...]
    never: int = 0
    referenced: int = 0
    page_ranges: dict[int, PageRange] = field(default_factory=dict)

    @property
    def total_due(self) -> int:
        return sum(self.due.values())


@dataclass(frozen=True)
class TableCount:
    """rows by leaf (oid); policies in the order given; uncovered as the module documents it."""

    rows: dict[int, int]
    policies: tuple[PolicyCount, ...]
    uncovered: tuple[Row, ...]

    @property
    def total_rows(self) -> int:
        return sum(self.rows.values())


def count_table(database: Database, table: Table, dated: Sequence[Dated]) -> TableCount:
    """Count the table once for all its policies."""
    listed = _listed_column(database, table, [one.policy for one in dated])
    with database.transaction("BEGIN READ ONLY"):  # conditions and generated columns may be functions of others
        groups = database.rows(_query(table, None, dated, listed))
        for leaf in table.leaves:
            if leaf.detached:  # the query above does not see it
                groups += database.rows(_query(table, leaf, dated, ""))
    return TableCount(
        rows=_by_leaf(groups, "rows"),
        policies=tuple(_policy_count(groups, number, one.policy, listed) for number, one in enumerate(dated)),
        uncovered=_uncovered(groups, table, listed, len(dated)),
    )


def _query(table: Table, leaf: Leaf | None, dated: Sequence[Dated], listed: str) -> Any:
    """One row for each relation and each listed value. What is the same for all rows is no key: grouping costs as much as counting."""
    relation = leaf or table
    single = bool(leaf) or [one.oid for one in table.leaves if not one.detached] == [table.oid]
    keys = ([] if single else ["1"]) + (["2"] if listed else [])
    counted = [column for number, one in enumerate(dated) for column in _columns(table, leaf, one, number, listed)]
    return sql.SQL("SELECT {leaf}::bigint AS leaf, {value}::text AS value, {counted} FROM {only}{source}{by}").format(
        leaf=sql.Literal(relation.oid) if single else sql.Identifier("tableoid"),
        value=sql.Identifier(listed) if listed else sql.NULL,
        counted=sql.SQL(", ").join([sql.SQL("count(*) AS rows"), *counted]),
        only=sql.SQL("ONLY " if single else ""),
        source=sql.Identifier(relation.schema, relation.name),
        by=sql.SQL(f" GROUP BY {', '.join(keys)}" if keys else ""),
    )


def _columns(table: Table, leaf: Leaf | None, one: Dated, number: int, listed: str) -> list[Any]:
    """What a policy says of a group of rows: how many are due, match the filter and have no time, and where the due ones are.

    In a group of one listed value the filter on it needs no asking to find the location of the rows that are due.
    """
    policy, where = one.policy, one.policy.where
    match = matches(where, table) if where else sql.SQL("true")
    if listed and where:
        where = Filter(sql_condition=where.sql_condition) if where.sql_condition else None
    located = due(replace(policy, where=where), table, one.cut, one.clock)
    columns = {
        "due": ("count(*)", due(policy, table, one.cut, one.clock)),
        "first": ("min(ctid)", located),
        "last": ("max(ctid)", located),
    }
    column = table.columns[policy.column]
    if missing := no_time(policy, replace(column, filled=column.filled and not leaf)):
        columns["null"] = ("count(*)", sql.SQL("{} AND {}").format(missing, match))
    columns["never"] = ("count(*)", overdue_as_never(policy, table, one.cut, one.clock))
    if blocking(policy, table):
        columns["referenced"] = ("count(*)", referenced(policy, table, one.cut, one.clock))
    if listed:
        columns["match"] = ("count(*)", match)
    return [
        sql.SQL("{} FILTER (WHERE {}) AS {}").format(sql.SQL(what), condition, sql.Identifier(f"{name}_{number}"))
        for name, (what, condition) in columns.items()
    ]


def _listed_column(database: Database, table: Table, policies: Sequence[Policy]) -> str:
    """The filter column that all policies of the table share, if it has few values; else empty."""
    columns = {policy.where.column if policy.where and policy.where.kind == "in" else "" for policy in policies}
    if len(columns) != 1 or columns == {""}:
        return ""
    column = columns.pop()
    distinct = database.value(
        "SELECT n_distinct FROM pg_stats WHERE schemaname = %s AND tablename = %s AND attname = %s ORDER BY inherited DESC LIMIT 1",
        (table.schema, table.name, column),
    )
    if distinct is None or distinct < 0:
        return column if sum(leaf.bytes for leaf in table.leaves) < _SMALL else ""
    return column if distinct <= _MOST_VALUES else ""


def _by_leaf(groups: Sequence[Row], column: str) -> dict[int, int]:
    """The sum of a column by leaf."""
    total: dict[int, int] = {}
    for group in groups:
        total[group["leaf"]] = total.get(group["leaf"], 0) + group[column]
    return total


def _policy_count(groups: Sequence[Row], number: int, policy: Policy, listed: str) -> PolicyCount:
    unknown: tuple[str, ...] = ()
    where = policy.where
    if where and listed and not where.sql_condition:
        seen = {(group["value"] or "") for group in groups if group.get(f"match_{number}")}
        seen |= {value.lower() for value in seen} if where.ignore_case else set()
        unknown = tuple(value for value in where.values if value not in seen)
    return PolicyCount(
        due=_by_leaf(groups, f"due_{number}"),
        null_times=sum(group.get(f"null_{number}", 0) for group in groups),
        never=sum(group[f"never_{number}"] for group in groups),
        referenced=sum(group.get(f"referenced_{number}", 0) for group in groups),
        unknown_values=unknown,
        page_ranges=page_ranges(groups, number),
    )


def _uncovered(groups: Sequence[Row], table: Table, listed: str, policies: int) -> tuple[Row, ...]:
    rows: dict[str | None, int] = {}
    valued = [group for group in groups if "match_0" in group]
    covered = {group["value"] for group in valued if any(group[f"match_{number}"] for number in range(policies))}
    for group in valued:
        if group["value"] not in covered:
            rows[group["value"]] = rows.get(group["value"], 0) + group["rows"]
    ordered = sorted(rows.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple(
        {"table": table.full_name, "column": listed, "value": value, "rows": count}
        for value, count in ordered[:_MOST_VALUES]
    )
