# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The missing rows, brought into temporary tables of the live session, and what stands in their way there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...postgres.database import Database, sql
from .excluded import INDEX_COLUMNS, excluded_rows, meets
from .plan import Plan, TablePlan, Wanted
from .relatives import tell_missing
from .shapes import ForeignKey, sequences_of, triggers_on_insert
from .sides import Pair, Sides, carry, column_list, same, tell_copy


def bring_rows(sides: Sides, plan: Plan, wanted: Wanted) -> None:
    """Carry the rows over, and note in the plan what is in the way, what fires, and what is lost.

    Raises:
        DatabaseError: a value of the backup is none of the live column's type.
    """
    for table in plan.tables:
        tell_missing(sides, table)
        _carry_rows(sides, table.pair, "missing", "rows")
        if wanted.changed and table.changed:
            tell_copy(sides, table.pair, "changed")
            _carry_rows(sides, table.pair, "changed", "former")
        _look_at_columns(table)
        _look_at_rights(sides.live, table, wanted)
        _look_at_triggers(sides.live, table, wanted)
        for what, condition in _bad_rows(sides.live, table.pair):
            _object(sides.live, table, what, condition, wanted)
    by_label = {table.pair.label: table for table in plan.tables}
    # A row that is left out may be another one's parent.
    while sum(_look_at_parents(sides.live, plan, by_label, table, wanted) for table in plan.tables):
        pass
    _look_at_circles(sides.live, plan, by_label)
    for table in plan.tables:
        _look_at_sequences(sides.live, table)


def _carry_rows(sides: Sides, pair: Pair, keys: str, kind: str) -> None:
    columns = sql.SQL("{}, {}").format(column_list(pair.columns, "c"), pair.keys_of("c"))
    sides.live.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} AS SELECT {} FROM {} AS c WHERE false").format(
            sql.Identifier(f"titan_{kind}_{pair.number}"), columns, pair.keyed(pair.live)
        )
    )
    rows = sql.SQL("SELECT {} FROM {} AS c JOIN {} AS m ON {}").format(
        columns, pair.keyed(pair.copy), pair.temporary(keys), pair.same_key("c", "m")
    )
    carry(sides.copy, rows, sides.live, pair.temporary(kind))
    sides.live.execute(sql.SQL("ANALYZE {}").format(pair.temporary(kind)))


def _look_at_columns(table: TablePlan) -> None:
    pair = table.pair
    here, there = set(pair.live.names()), set(pair.copy.names())
    for column in pair.live.columns:
        if column.needed and column.name not in there and not column.generated and table.missing:
            table.problems.append(
                f"column {column.name!r} takes no NULL, has no default, and is not in the backup: give it a default first"
            )
    lost, added = sorted(there - here), sorted(here - there)
    if lost:
        table.notes.append(
            f"The live table has no column {', '.join(map(repr, lost))} any more: those values are not put back."
        )
    if added:
        table.notes.append(f"Column {', '.join(map(repr, added))} is not in the backup and gets its default.")
    if not pair.key:
        table.notes.append("It has no key: rows are told apart by all that is in them.")


def _look_at_rights(live: Database, table: TablePlan, wanted: Wanted) -> None:
    needed = [*(["INSERT"] if table.missing else []), *(["UPDATE"] if wanted.changed and table.changed else [])]
    for right in needed:
        if not live.value("SELECT has_table_privilege(%s::oid, %s)", (table.pair.live.oid, right)):
            table.problems.append(f"the role may not {right} there: GRANT {right} ON {table.pair.label}")
    if wanted.without_triggers and not live.value(
        "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %s", (table.pair.live.oid,)
    ):
        table.problems.append(
            "the role does not own it, and only its owner can leave triggers out ('without_triggers')"
        )


def _look_at_triggers(live: Database, table: TablePlan, wanted: Wanted) -> None:
    found = triggers_on_insert(live, table.pair.live)
    if found:
        doing = "does not fire" if wanted.without_triggers else "fires for each row or statement"
        table.notes.append(f"Trigger {', '.join(map(repr, found))} {doing}.")


def _bad_rows(live: Database, pair: Pair) -> Iterator[tuple[str, Any]]:
    """What the table would refuse: a clause, and the condition for the rows r."""
    for column in pair.live.columns:
        if column.not_null and column.name in pair.columns:
            yield (
                f"have no value in column {column.name!r}, which takes no NULL now",
                sql.SQL("r.{} IS NULL").format(sql.Identifier(column.name)),
            )
    for row in live.rows(_CHECKS, (pair.live.oid,)):
        if set(row["columns"]) <= set(pair.columns):
            yield f"violate the check {row['name']!r}", sql.SQL("NOT ({})").format(sql.SQL(row["expression"]))
    for row in live.rows(_UNIQUE, (pair.live.oid,)):
        if set(row["columns"]) <= set(pair.columns) and not (row["plain"] and set(row["columns"]) == set(pair.key)):
            yield f"have a value that another row has taken meanwhile (unique index {row['name']!r})", _taken(pair, row)
    yield from excluded_rows(live, pair)


_CHECKS = """
SELECT c.conname::text AS name, pg_get_expr(c.conbin, c.conrelid) AS expression,
       coalesce((SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)),
                '{}') AS columns
  FROM pg_constraint c WHERE c.contype = 'c' AND c.conrelid = %s ORDER BY 1
"""
_UNIQUE = """
SELECT c.relname::text AS name, coalesce(pg_get_expr(i.indpred, i.indrelid), 'true') AS predicate,
       i.indpred IS NULL AND i.indexprs IS NULL AS plain,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) AS nulls_too,
       (SELECT array_agg(pg_get_indexdef(i.indexrelid, n, true) ORDER BY n) FROM generate_series(1, i.indnkeyatts) n) AS expressions,
__INDEX_COLUMNS__
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid ORDER BY 1
""".replace("__INDEX_COLUMNS__", INDEX_COLUMNS)


def _taken(pair: Pair, index: dict[str, Any]) -> Any:
    equal = "IS NOT DISTINCT FROM" if index["nulls_too"] else "="
    return meets(pair, index, [equal] * len(index["expressions"]))


def _object(live: Database, table: TablePlan, what: str, condition: Any, wanted: Wanted) -> int:
    """Count the rows; with skip_conflicts they are left out. Returns how many were left out."""
    rows = table.pair.temporary("rows")
    number = int(live.value(sql.SQL("SELECT count(*) FROM {} AS r WHERE {}").format(rows, condition)))
    if not number:
        return 0
    if not wanted.skip_conflicts:
        table.problems.append(f"{number} rows {what}")
        return 0
    live.execute(sql.SQL("DELETE FROM {} AS r WHERE {}").format(rows, condition))
    table.notes.append(f"{number} rows are left out: they {what}.")
    table.skipped += number
    table.missing -= number
    return number


def _without_parent(key: ForeignKey, plan: Plan, by_label: dict[str, TablePlan]) -> Any | None:
    """The condition for rows r of the child whose parent is neither in the live table nor among the planned rows."""
    if key.parent not in plan.live:
        return None
    planned = by_label.get(key.parent)
    alive = sql.SQL("NOT EXISTS (SELECT FROM {} AS p WHERE {})").format(
        plan.live[key.parent].identifier(), same("p", key.parent_columns, "r", key.child_columns)
    )
    if planned and set(key.parent_columns) <= set(planned.pair.columns):
        alive = sql.SQL("{} AND NOT EXISTS (SELECT FROM {} AS q WHERE {})").format(
            alive, planned.pair.temporary("rows"), same("q", key.parent_columns, "r", key.child_columns)
        )
    given = sql.SQL(" AND ").join(
        sql.SQL("r.{} IS NOT NULL").format(sql.Identifier(name)) for name in key.child_columns
    )
    return sql.SQL("{} AND {}").format(given, alive)


def _look_at_parents(
    live: Database, plan: Plan, by_label: dict[str, TablePlan], table: TablePlan, wanted: Wanted
) -> int:
    left_out = 0
    for key in plan.foreign_keys:
        if key.child == table.pair.label and set(key.child_columns) <= set(table.pair.columns):
            condition = _without_parent(key, plan, by_label)
            if condition is not None:
                what = f"refer to rows of {key.parent} that are not there (foreign key {key.name!r})"
                left_out += _object(live, table, what, condition, wanted)
    return left_out


def _look_at_circles(live: Database, plan: Plan, by_label: dict[str, TablePlan]) -> None:
    """A foreign key whose parents come after their children has to be checked at the end of the transaction."""
    place = {table.pair.label: number for number, table in enumerate(plan.tables)}
    for key in plan.foreign_keys:
        if key.deferrable or place.get(key.parent, -1) <= place.get(key.child, len(place)):
            continue
        child = by_label[key.child]
        waits = sql.SQL("SELECT EXISTS (SELECT FROM {} AS r JOIN {} AS q ON {})").format(
            child.pair.temporary("rows"), by_label[key.parent].pair.temporary("rows"),
            same("q", key.parent_columns, "r", key.child_columns),
        )  # fmt: skip
        if live.value(waits):
            child.problems.append(
                f"its rows and those of {key.parent} refer to each other, and foreign key {key.name!r} is not checked at the end of "
                f"a transaction: ALTER TABLE {key.child} ALTER CONSTRAINT {key.name} DEFERRABLE"
            )


def _look_at_sequences(live: Database, table: TablePlan) -> None:
    for column, (sequence, stands) in sequences_of(live, table.pair.live).items():
        if column not in table.pair.columns:
            continue
        highest = live.value(
            sql.SQL("SELECT max({}) FROM {}").format(sql.Identifier(column), table.pair.temporary("rows"))
        )
        if highest is not None and highest > stands:
            table.sequences[sequence] = int(highest)
            table.notes.append(f"Sequence {sequence} is moved ahead from {stands} to {highest}.")
