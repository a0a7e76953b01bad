# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted policies against the catalog: everything wrong is found before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database, sql
from .filters import Filter
from .policy import Policy, named, overlaps
from .predicate import canonical, typed
from .sql_condition import condition_problem
from .tables import Column, Table, find_table, find_tables, near_columns
from .time_formats import FORMATS, TIME_TYPES, time_problem


def resolve_all(database: Database, wanted: Sequence[Policy]) -> list[Policy]:
    """The wanted policies, each with its table's schema and the server's own form of its values.

    Raises:
        TitanError: at least one is wrong; the message has one sentence for each.
    """
    problems: list[str] = []
    resolved: list[Policy] = []
    tables = find_tables(database, [(policy.schema, policy.table) for policy in wanted])
    found = [(policy, tables[policy.schema, policy.table]) for policy in wanted]
    lacking = iter(_lacking_rights(database, [(one, table) for one, table in found if isinstance(table, Table)]))
    for policy, table in found:
        if isinstance(table, TitanError):
            problems.append(f"{policy.source}: {table.message}")
            continue
        known = replace(policy, schema=table.schema)
        wrong = [*_misfits(database, known, table), *next(lacking)]
        problems += [f"{policy.source}: {sentence}" for sentence in wrong]
        if not wrong:
            resolved.append(_canonical_values(database, known, table))
    if problems:
        raise TitanError(
            f"Option 'policies' cannot be used; nothing was written. {' '.join(problems)}", problems=problems
        )
    complete = named(resolved)
    for one, other in overlaps(complete):
        problems.append(
            f"{one.source} ({one.name}) and {other.source} ({other.name}) overlap: a row of {one.full_table} could fall under both. "
            "Give them filters on the same column with different values (beside an SQL condition too)."
        )
    if problems:
        raise TitanError(
            f"Option 'policies' cannot be used; nothing was written. {' '.join(problems)}", problems=problems
        )
    return complete


def in_servers_form(database: Database, policy: Policy) -> Policy:
    """The policy with its table's schema and the server's own form of its values, as resolve_all stores it.

    Raises:
        TitanError: there is no such table, or it does not have the policy's columns.
    """
    table = find_table(database, policy.schema, policy.table)
    for name in (policy.where.column if policy.where else "", policy.mark.column if policy.mark else ""):
        if name and name not in table.columns:
            raise TitanError(f"{table.full_name} has no column {name}.")
    return _canonical_values(database, replace(policy, schema=table.schema), table)


def check(database: Database, policy: Policy, table: Table) -> list[str]:
    """What is wrong with the policy for this table, one sentence each."""
    return _misfits(database, policy, table) or lacking_rights(database, policy, table)


def _misfits(database: Database, policy: Policy, table: Table) -> list[str]:
    """What of the policy does not fit the table, one sentence each."""
    column = table.columns.get(policy.column)
    if column is None:
        return [f"{table.full_name} has no column {policy.column}; {near_columns(table, policy.column)}."]
    if wrong := time_problem(policy, column, table.full_name):
        return [wrong]
    problems = [
        *_check_unit(database, policy, table),
        *_check_filter(database, policy, table),
        *_check_mark(database, policy, table),
    ]
    if policy.time_zone not in ("", "UTC") and not database.value(  # the server reads hundreds of files to answer
        "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE lower(name) = lower(%s))", (policy.time_zone,)
    ):
        problems.append(f"The server knows no time zone {policy.time_zone!r}.")
    return problems


def lacking_rights(database: Database, policy: Policy, table: Table) -> list[str]:
    """The sentence that the connected role may not do what the policy says, if that is so."""
    return _lacking_rights(database, [(policy, table)])[0]


def _lacking_rights(database: Database, pairs: Sequence[tuple[Policy, Table]]) -> list[list[str]]:
    """What lacking_rights says of each, by one question."""
    needed = ["UPDATE" if policy.mark else "DELETE" for policy, _table in pairs]
    of = [  # rows are taken from the partitions themselves
        (number, oid)
        for number, (_policy, table) in enumerate(pairs)
        for oid in dict.fromkeys((table.oid, *(leaf.oid for leaf in table.leaves)))
    ]
    rows = database.rows(
        "SELECT w.number, string_agg(n.nspname || '.' || c.relname, ', ' ORDER BY c.oid <> w.main, n.nspname, c.relname) AS names "
        "FROM unnest(%s::int[], %s::oid[], %s::oid[], %s::text[]) AS w(number, main, oid, needed) JOIN pg_class c ON c.oid = w.oid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT (has_schema_privilege(n.oid, 'USAGE') "
        "AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, w.needed)) GROUP BY w.number",
        (
            [number for number, _oid in of], [pairs[number][1].oid for number, _oid in of], [oid for _number, oid in of],
            [needed[number] for number, _oid in of],
        ),
    )  # fmt: skip
    lacking = {row["number"]: row["names"] for row in rows}
    return [
        [f"The connected role lacks SELECT or {right} on {lacking[number]}; grant both, or connect as the owner."]
        if number in lacking
        else []
        for number, right in enumerate(needed)
    ]


# The numbers that are times of our age in each unit; 9999-12-31 in the unit before lies below the first of them.
_UNITS = {
    "seconds": (10**8, 10**11 - 1),
    "milliseconds": (3 * 10**11, 10**14 - 1),
    "microseconds": (3 * 10**14, 10**17 - 1),
    "nanoseconds": (3 * 10**17, 2**63 - 1),
}


def _check_unit(database: Database, policy: Policy, table: Table) -> list[str]:
    """Whether the numbers look like those of another unit: then every row, or none, would be due."""
    if not policy.time_format.startswith("epoch_") or not has_select(database, table):
        return []
    stated, column = policy.time_format.partition("_")[2], sql.Identifier(policy.column)
    others = [unit for unit in _UNITS if unit != stated]
    ranges = [sql.SQL("{} BETWEEN {} AND {}").format(column, *map(sql.Literal, _UNITS[unit])) for unit in others]
    numbered = [sql.SQL("WHEN {} THEN {}").format(each, sql.Literal(number)) for number, each in enumerate(ranges)]
    query = sql.SQL("SELECT min(CASE {} END) FROM {} WHERE {}").format(
        sql.SQL(" ").join(numbered), sql.Identifier(table.schema, table.name), sql.SQL(" OR ").join(ranges)
    )
    first = database.value(query)
    if first is None:
        return []
    unit = others[first]
    low, high = _UNITS[unit]
    known = f"; set time_format: epoch_{unit}, or" if f"epoch_{unit}" in FORMATS else ", which no time_format reads;"
    return [
        f"{table.full_name}.{policy.column} has numbers that are {unit} since 1970{known} "
        f"correct the rows with numbers from {low} to {high}."
    ]


def has_select(database: Database, table: Table) -> bool:
    """Whether the connected role may read the table."""
    return bool(database.value("SELECT has_table_privilege(%s::oid, 'SELECT')", (table.oid,)))


def _check_filter(database: Database, policy: Policy, table: Table) -> list[str]:
    where = policy.where
    if where is None:
        return []
    wrong = condition_problem(database, where.sql_condition, table) if where.sql_condition else ""
    problems = [wrong] if wrong else []
    return problems + (_check_column(database, where, table) if where.kind else [])


def _check_column(database: Database, where: Filter, table: Table) -> list[str]:
    column = table.columns.get(where.column)
    if column is None:
        return [f"{table.full_name} has no column {where.column}; {near_columns(table, where.column)}."]
    if where.ignore_case:
        texts = column.category in ("S", "E")
        return [] if texts else [f"ignore_case has no meaning for {where.column}, which is of type {column.type}."]
    return [
        f"{value!r} is not a valid value of {table.full_name}.{where.column}, which is of type {column.type}."
        for value in where.values
        if canonical(database, value, column) is None
    ]


def _check_mark(database: Database, policy: Policy, table: Table) -> list[str]:
    if policy.mark is None:
        return []
    column = table.columns.get(policy.mark.column)
    if column is None:
        return [f"{table.full_name} has no column {policy.mark.column}; {near_columns(table, policy.mark.column)}."]
    if column.generated or column.identity:
        return [
            f"{table.full_name}.{column.name} cannot be marked: the server generates its values. Choose another column."
        ]
    if policy.mark.value is None:
        if column.base in TIME_TYPES:
            return []
        return [
            f"mark without a value writes the time of the run, but {column.name} is of type {column.type}; give a value."
        ]
    if canonical(database, policy.mark.value, column) is None:
        return [
            f"{policy.mark.value!r} is not a valid value of {table.full_name}.{column.name}, which is of type {column.type}."
        ]
    if column.full_type != column.type and not _fits(database, policy.mark.value, column):
        return [
            f"{policy.mark.value!r} does not fit into {table.full_name}.{column.name}, which is of type {column.full_type}."
        ]
    return []


def _fits(database: Database, value: str, column: Column) -> bool:
    """Whether the value is the same with the column's length and precision."""
    try:
        return bool(
            database.value(
                sql.SQL("SELECT {} = {}::{}").format(
                    typed(value, column), sql.Literal(value), sql.SQL(column.full_type)
                )
            )
        )
    except DatabaseError as error:
        if error.sqlstate[:2] != "22":
            raise
        return False


def _canonical_values(database: Database, policy: Policy, table: Table) -> Policy:
    """Values in the server's own form, so that "yes" and "true" are one boolean and a second run changes nothing."""
    where, mark = policy.where, policy.mark
    policy = replace(policy, time_zone=policy.time_zone or "UTC")  # of a column that does not need one
    if where and where.kind == "in" and not where.ignore_case:
        column = table.columns[where.column]
        values = dict.fromkeys(canonical(database, value, column) or value for value in where.values)
        where = replace(where, values=tuple(values))
    if mark and mark.value is not None:
        mark = replace(mark, value=canonical(database, mark.value, table.columns[mark.column]) or mark.value)
    return replace(policy, where=where, mark=mark)
