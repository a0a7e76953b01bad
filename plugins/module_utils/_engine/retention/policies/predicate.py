# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies as SQL: which rows are due, and what is done with them.

Every name is quoted and schema-qualified, every value a literal of the column's own type, so neither search_path nor
a hostile name changes the meaning.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from .filters import Filter, Mark
from .policy import Policy
from .references import Reference
from .tables import Column, Leaf, Table
from .time_formats import TIME_TYPES, kind_of, never, older


def cutoff(database: Database, policy: Policy, column: Column, clock: str) -> str:
    """The cut-off of the policy for a run that started at clock, as the server's text of the column's type.

    A day (type date) is older than the cut-off when it is over before the cut-off's day begins.
    """
    moment = sql.SQL("(({}::timestamptz AT TIME ZONE 'UTC') - {}::interval) AT TIME ZONE 'UTC'").format(
        sql.Literal(clock), sql.Literal(policy.keep.interval)
    )
    kind = kind_of(policy, column)
    if kind != "timestamptz":
        moment = sql.SQL("({} AT TIME ZONE {})::{}").format(moment, sql.Literal(policy.time_zone), sql.SQL(kind))
    return str(database.value(sql.SQL("SELECT ({})::text").format(moment)))


def due(policy: Policy, table: Table, cut: str, clock: str) -> Any:
    """The condition that a row goes: it is over its time, not kept as one of "never", and no row that stays refers to it."""
    parts = [overdue_and_not_kept(policy, table, cut, clock)]
    parts += [sql.SQL("NOT {}").format(one.condition()) for one in blocking(policy, table)]
    return sql.SQL(" AND ").join(parts)


def overdue_and_not_kept(policy: Policy, table: Table, cut: str, clock: str) -> Any:
    """The condition that a row is over its time, and not kept as one of "never"."""
    parts = [overdue(policy, table, cut, clock)]
    if policy.never_values == "keep":
        parts.append(sql.SQL("NOT {}").format(never(policy, table.columns[policy.column])))
    return sql.SQL(" AND ").join(parts)


def blocking(policy: Policy, table: Table) -> list[Reference]:
    """The foreign keys that stop deleting, as far as the role may read who refers."""
    return [] if policy.mark else [one for one in table.references if one.all_readable]


def referenced(policy: Policy, table: Table, cut: str, clock: str) -> Any:
    """The condition that a row would go, but that rows of other tables refer to it; it needs blocking ones."""
    stops = sql.SQL(" OR ").join(one.condition() for one in blocking(policy, table))
    return sql.SQL("{} AND ({})").format(overdue_and_not_kept(policy, table, cut, clock), stops)


def overdue_as_never(policy: Policy, table: Table, cut: str, clock: str) -> Any:
    """The condition that a row is over its time because its time stands for "never"."""
    return sql.SQL("{} AND {}").format(overdue(policy, table, cut, clock), never(policy, table.columns[policy.column]))


def overdue(policy: Policy, table: Table, cut: str, clock: str) -> Any:
    """The condition that a row is strictly older than the cut-off, within the filter, and not marked yet."""
    parts = [older(policy, table.columns[policy.column], cut)]
    if policy.where:
        parts.append(matches(policy.where, table))
    if policy.mark and policy.mark.value is None:
        parts.append(sql.SQL("{} IS NULL").format(sql.Identifier(policy.mark.column)))
    elif policy.mark:
        value = mark_value(policy.mark, table, clock)
        parts.append(sql.SQL("{} IS DISTINCT FROM {}").format(sql.Identifier(policy.mark.column), value))
    return sql.SQL(" AND ").join(parts)


def matches(where: Filter, table: Table) -> Any:
    """The condition that a row passes the filter. The SQL condition stands in brackets that it cannot close: see sql_condition.py."""
    parts = [_column_matches(where, table)] if where.kind else []
    if where.sql_condition:
        parts.append(bracketed(where.sql_condition))
    return sql.SQL(" AND ").join(parts)


def bracketed(sql_condition: str) -> Any:
    """The SQL condition in brackets; the line ends keep a comment in it from swallowing the closing one."""
    return sql.SQL("(\n{}\n)").format(sql.SQL(sql_condition))


def _column_matches(where: Filter, table: Table) -> Any:
    column = table.columns[where.column]
    name = sql.Identifier(where.column)
    if where.kind == "is_null":
        return sql.SQL("{} IS NULL").format(name)
    if where.kind == "is_not_null":
        return sql.SQL("{} IS NOT NULL").format(name)
    if where.ignore_case:
        values = [sql.SQL("lower({}::text)").format(sql.Literal(value)) for value in where.values]
        return sql.SQL("lower({}::text) IN ({})").format(name, sql.SQL(", ").join(values))
    return sql.SQL("{} IN ({})").format(name, sql.SQL(", ").join(typed(value, column) for value in where.values))


def typed(value: str, column: Column) -> Any:
    """The value as a literal of the column's type."""
    return sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(column.type))


def mark_value(mark: Mark, table: Table, clock: str) -> Any:
    """What the marked column is set to."""
    column = table.columns[mark.column]
    if mark.value is None:
        return sql.SQL("{}::timestamptz::{}").format(sql.Literal(clock), sql.SQL(TIME_TYPES[column.base]))
    return typed(mark.value, column)


def change(policy: Policy, table: Table, leaf: Leaf, clock: str) -> Any:
    """The start of the statement that deletes or marks rows of one leaf, up to its WHERE."""
    target = sql.Identifier(leaf.schema, leaf.name)
    if policy.mark:
        return sql.SQL("UPDATE ONLY {} SET {} = {}").format(
            target, sql.Identifier(policy.mark.column), mark_value(policy.mark, table, clock)
        )
    return sql.SQL("DELETE FROM ONLY {}").format(target)


# Of each connection: hundreds of policies name the same few values.
_canonical: WeakKeyDictionary[Database, dict[tuple[str, str], str | None]] = WeakKeyDictionary()


def canonical(database: Database, value: str, column: Column) -> str | None:
    """The value as the server prints it in the column's type, or None if it is not of that type."""
    known = _canonical.setdefault(database, {})
    key = (column.type, value)
    if key not in known:
        try:
            known[key] = str(database.value(sql.SQL("SELECT {}::text").format(typed(value, column))))
        except DatabaseError as error:
            if error.sqlstate[:2] not in ("22", "23"):
                raise
            known[key] = None
    return known[key]
