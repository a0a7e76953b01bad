# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of other tables that the server deletes or changes along with those that are due, counted before anything goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple

from ...outcome import Data
from ...postgres.database import Database, Row, sql
from ..policies.foreign_keys import DEEPEST, foreign_keys_to
from ..policies.predicate import due
from ..policies.references import own_paths
from ..policies.tables import Table
from .count import Dated

_ACTIONS = {"c": "deleted", "n": "changed", "d": "changed"}


class Along(NamedTuple):
    """Rows of another table that go or change with a policy's rows.

    Attributes:
        table: With its schema.
        action: deleted or changed.
        rows: None where this role may not read the table.
        at_least: There may be more: rows that refer to each other were not followed to their end.
    """

    table: str
    action: str
    rows: int | None
    at_least: bool = False

    def as_data(self) -> Data:
        return dict(self._asdict())

    @property
    def shown(self) -> str:
        if self.rows is None:
            return f"rows of {self.table} {self.action}, which this role may not read: not counted"
        return f"{'at least ' if self.at_least else ''}{self.rows:,} rows of {self.table} {self.action}"


@dataclass
class _Found:
    """Conditions of each table's rows (called c), by its schema, name and action; None for one that may not be read."""

    conditions: dict[tuple[str, str, str], list[Any] | None] = field(default_factory=dict)
    at_least: bool = False


def rows_along(database: Database, table: Table, dated: Dated) -> tuple[Along, ...]:
    """What goes along with the rows that are due now, over any number of steps."""
    found = _Found(at_least=bool(own_paths(table.references)))

    def own_rows(keys: Sequence[str]) -> Any:
        columns = sql.SQL(", ").join([*map(sql.Identifier, keys), sql.SQL("tableoid")])
        condition = due(dated.policy, table, dated.cut, dated.clock)
        return sql.SQL("SELECT {} FROM {} WHERE {}").format(
            columns, sql.Identifier(table.schema, table.name), condition
        )

    own = [table.oid, *(leaf.oid for leaf in table.leaves)]
    _follow(database, own, own_rows, (), frozenset(own), found)
    counted = []
    with database.transaction("BEGIN READ ONLY"):
        for (schema, name, action), conditions in sorted(found.conditions.items()):
            rows = None if conditions is None else _count(database, schema, name, conditions)
            if rows != 0:
                counted.append(Along(f"{schema}.{name}", action, rows, found.at_least and rows is not None))
    return tuple(counted)


def _follow(
    database: Database,
    oids: Sequence[int],
    rows_of: Callable[[Sequence[str]], Any],
    seen: tuple[int, ...],
    own: frozenset[int],
    found: _Found,
) -> None:
    """Add the tables that refer to these relations, and what refers to their rows."""
    for key in foreign_keys_to(database, list(oids)):
        action = _ACTIONS.get(key["action"], "")
        if not action or key["child"] in own:
            continue
        place = (key["schema"], key["name"], action)
        if not key["readable"] or found.conditions.get(place, []) is None:
            found.conditions[place] = None
            continue
        if key["oid"] in seen or len(seen) >= DEEPEST:
            found.at_least = True
            continue
        condition = _refers(key, rows_of, len(seen), only=len(oids) > 1 and not key["partitioned"])
        conditions = found.conditions.setdefault(place, [])
        if conditions is not None:
            conditions.append(condition)
        if action == "deleted":
            _follow(database, [key["child"]], _rows_that(key, condition), (*seen, key["oid"]), own, found)


def _refers(key: Row, rows_of: Callable[[Sequence[str]], Any], depth: int, only: bool) -> Any:
    """That a row, called c, of the table that refers does so to one of the rows."""
    above = sql.Identifier(f" a{depth}")
    parts = [
        sql.SQL("{}.{} {} c.{}").format(above, sql.Identifier(name), sql.SQL(operator), sql.Identifier(column))
        for name, operator, column in zip(key["keys"], key["operators"], key["columns"])
    ]
    if only:
        parts.append(sql.SQL("{}.tableoid = {}").format(above, sql.Literal(key["target"])))
    return sql.SQL("EXISTS (SELECT FROM ({}) {} WHERE {})").format(
        rows_of(key["keys"]), above, sql.SQL(" AND ").join(parts)
    )


def _rows_that(key: Row, condition: Any) -> Callable[[Sequence[str]], Any]:
    """The rows of the table that refers which meet the condition, as a query of some of its columns."""

    def rows_of(keys: Sequence[str]) -> Any:
        columns = sql.SQL(", ").join(
            [*(sql.SQL("c.{}").format(sql.Identifier(each)) for each in keys), sql.SQL("c.tableoid")]
        )
        return sql.SQL("SELECT {} FROM {} c WHERE {}").format(
            columns, sql.Identifier(key["schema"], key["name"]), condition
        )

    return rows_of


def _count(database: Database, schema: str, name: str, conditions: Sequence[Any]) -> int:
    either = sql.SQL(" OR ").join(conditions)
    query = sql.SQL("SELECT count(*) FROM {} c WHERE {}").format(sql.Identifier(schema, name), either)
    return int(database.value(query))
