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
    flags = [flag for number, one in enumerate(dated) for flag in _flags(table, one, number)]
    value = sql.SQL("{}::text").format(sql.Identifier(listed)) if listed else sql.SQL("NULL::text")
    groups = database.rows(_query(table, None, flags, value, key))
    for leaf in table.leaves:
        if leaf.detached:  # the query above does not see it
            groups += database.rows(_query(table, leaf, flags, sql.SQL("NULL::text"), key))
    return TableCount(
        rows=_by_leaf(groups),
        policies=tuple(_policy_count(groups, number, one.policy, listed, key) for number, one in enumerate(dated)),
        uncovered=_uncovered(groups, table, listed, len(dated)),
    )


def _flags(table: Table, one: Dated, number: int) -> list[Any]:
    """What a policy says of a row, as columns: due_, match_ and null_ with its number."""
    match = matches(one.policy.where, table) if one.policy.where else sql.SQL("true")
    conditions = {
        "due_": due(one.policy, table, one.cut, one.clock),
        "match_": match,
        "null_": sql.SQL("{} IS NULL AND {}").format(sql.Identifier(one.policy.column), match),
    }
    return [
        sql.SQL("({}) IS TRUE AS {}").format(condition, sql.Identifier(f"{name}{number}"))
        for name, condition in conditions.items()
    ]


def _query(table: Table, leaf: Leaf | None, flags: Sequence[Any], value: Any, key: str) -> Any:
    """One row for each combination of relation, value and flags: few, and each condition is evaluated once per row."""
    source = sql.Identifier(leaf.schema, leaf.name) if leaf else sql.Identifier(table.schema, table.name)
    bounds = sql.SQL("min({k}) AS low, max({k}) AS high" if key else "0 AS low, 0 AS high").format(
        k=sql.Identifier(key or "none")
    )
    return sql.SQL(
        "SELECT tableoid::bigint AS leaf, {value} AS value, {flags}, count(*) AS rows, min(ctid)::text AS first, "
        "max(ctid)::text AS last, {bounds} FROM {source} GROUP BY {all}"
    ).format(
        value=value, flags=sql.SQL(", ").join(flags), bounds=bounds, source=source,
        all=sql.SQL(", ").join(sql.SQL(str(place + 1)) for place in range(len(flags) + 2)),
    )  # fmt: skip


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


def _by_leaf(groups: Sequence[dict[str, Any]], flag: str = "") -> dict[int, int]:
    """Rows by leaf, of the groups that have the flag."""
    total: dict[int, int] = {}
    for group in groups:
        if not flag or group[flag]:
            total[group["leaf"]] = total.get(group["leaf"], 0) + group["rows"]
    return total


def _policy_count(groups: Sequence[dict[str, Any]], number: int, policy: Policy, listed: str, key: str) -> PolicyCount:
    unknown: tuple[str, ...] = ()
    where = policy.where
    if where and listed and not where.raw:
        seen = {(group["value"] or "") for group in groups if group[f"match_{number}"]}
        seen |= {value.lower() for value in seen} if where.ignore_case else set()
        unknown = tuple(value for value in where.values if value not in seen)
    return PolicyCount(
        due=_by_leaf(groups, f"due_{number}"),
        null_times=sum(group["rows"] for group in groups if group[f"null_{number}"]),
        unknown_values=unknown,
        places=places(groups, number, key),
    )


def _uncovered(
    groups: Sequence[dict[str, Any]], table: Table, listed: str, policies: int
) -> tuple[dict[str, Any], ...]:
    rows: dict[str | None, int] = {}
    covered = {group["value"] for group in groups if any(group[f"match_{number}"] for number in range(policies))}
    for group in groups:
        if listed and group["value"] not in covered:
            rows[group["value"]] = rows.get(group["value"], 0) + group["rows"]
    ordered = sorted(rows.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple(
        {"table": table.full_name, "column": listed, "value": value, "rows": count}
        for value, count in ordered[:_MOST_VALUES]
    )
