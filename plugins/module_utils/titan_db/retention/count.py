# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting what is due, and what no rule speaks about, in one pass over a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..database import Database, sql
from .facts import key_column
from .place import Place, places
from .policy import Policy
from .predicate import due, matches
from .tables import Leaf, Table

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
        unknown_values: Values of the filter that no row has; empty where values are not listed.
        places: Where the due rows are, by leaf (oid).
    """

    due: dict[int, int]
    null_times: int
    unknown_values: tuple[str, ...]
    places: dict[int, Place] = field(default_factory=dict)

    @property
    def total_due(self) -> int:
        return sum(self.due.values())


@dataclass(frozen=True)
class TableCount:
    """rows by leaf (oid); policies in the order given; uncovered as the module documents it."""

    rows: dict[int, int]
    policies: tuple[PolicyCount, ...]
    uncovered: tuple[dict[str, Any], ...]

    @property
    def total_rows(self) -> int:
        return sum(self.rows.values())


def count_table(database: Database, table: Table, dated: Sequence[Dated]) -> TableCount:
    """Count the table once for all its policies."""
    listed = _listed_column(database, table, [one.policy for one in dated])
    key = key_column(database, table)
    columns = [sql.SQL("min({k}) AS lowest, max({k}) AS highest").format(k=sql.Identifier(key))] if key else []
    for number, one in enumerate(dated):
        columns.append(_policy_columns(table, one, number, key))
    value = sql.SQL("{}::text").format(sql.Identifier(listed)) if listed else sql.SQL("NULL::text")
    groups = database.rows(_query(table, None, columns, value))
    for leaf in table.leaves:
        if leaf.detached:  # the query above does not see it
            groups += database.rows(_query(table, leaf, columns, sql.SQL("NULL::text")))
    return TableCount(
        rows=_by_leaf(groups, "rows"),
        policies=tuple(_policy_count(groups, number, one.policy, listed, key) for number, one in enumerate(dated)),
        uncovered=_uncovered(groups, table, listed, len(dated)),
    )


def _policy_columns(table: Table, one: Dated, number: int, key: str) -> Any:
    """What is counted of one policy; the columns' names end with its number."""
    counted = [
        "count(*) FILTER (WHERE {due}) AS {due_}", "min(ctid) FILTER (WHERE {due})::text AS {first_}",
        "max(ctid) FILTER (WHERE {due})::text AS {last_}", "count(*) FILTER (WHERE {match}) AS {match_}",
        "count(*) FILTER (WHERE {time} IS NULL AND ({match})) AS {null_}",
    ]  # fmt: skip
    if key:
        counted += ["min({key}) FILTER (WHERE {due}) AS {low_}", "max({key}) FILTER (WHERE {due}) AS {high_}"]
    names = ("due_", "first_", "last_", "match_", "null_", "low_", "high_")
    return sql.SQL(", ".join(counted)).format(
        due=due(one.policy, table, one.cut, one.clock),
        match=matches(one.policy.where, table) if one.policy.where else sql.SQL("true"),
        time=sql.Identifier(one.policy.column),
        key=sql.Identifier(key or "none"),
        **{name: sql.Identifier(f"{name}{number}") for name in names},
    )


def _query(table: Table, leaf: Leaf | None, columns: Sequence[Any], value: Any) -> Any:
    source = sql.Identifier(leaf.schema, leaf.name) if leaf else sql.Identifier(table.schema, table.name)
    return sql.SQL(
        "SELECT tableoid::bigint AS leaf, {value} AS value, count(*) AS rows, {columns} FROM {source} GROUP BY 1, 2"
    ).format(value=value, columns=sql.SQL(", ").join(columns), source=source)


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


def _by_leaf(groups: Sequence[dict[str, Any]], key: str) -> dict[int, int]:
    total: dict[int, int] = {}
    for group in groups:
        total[group["leaf"]] = total.get(group["leaf"], 0) + group[key]
    return total


def _policy_count(groups: Sequence[dict[str, Any]], number: int, policy: Policy, listed: str, key: str) -> PolicyCount:
    unknown: tuple[str, ...] = ()
    where = policy.where
    if where and listed and not where.raw:
        seen = {(group["value"] or "") for group in groups if group[f"match_{number}"]}
        seen |= {value.lower() for value in seen} if where.ignore_case else set()
        unknown = tuple(value for value in where.values if value not in seen)
    return PolicyCount(
        due={leaf: rows for leaf, rows in _by_leaf(groups, f"due_{number}").items() if rows},
        null_times=sum(group[f"null_{number}"] for group in groups),
        unknown_values=unknown,
        places=places(groups, number, key),
    )


def _uncovered(
    groups: Sequence[dict[str, Any]], table: Table, listed: str, policies: int
) -> tuple[dict[str, Any], ...]:
    rows: dict[str | None, int] = {}
    for group in groups:
        if listed and not any(group[f"match_{number}"] for number in range(policies)):
            rows[group["value"]] = rows.get(group["value"], 0) + group["rows"]
    ordered = sorted(rows.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple(
        {"table": table.full_name, "column": listed, "value": value, "rows": count}
        for value, count in ordered[:_MOST_VALUES]
    )
