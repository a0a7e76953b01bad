# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that are free to go once other rows of their own table are gone, as in a tree of comments: from the leaves up."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ...postgres.database import Database, sql
from ..policies.predicate import overdue_and_not_kept
from ..policies.references import Reference, own_paths
from ..policies.tables import Table
from .count import Dated

# A row's place as one number: its relation's place in a list, its page, its place in the page.
_LOCATION = (
    "(array_position({oids}::oid[], {0}.tableoid)::bigint << 48) | (({0}.ctid::text::point)[0]::bigint << 16) "
    "| ({0}.ctid::text::point)[1]::bigint"
)


def freed_on_the_way(database: Database, table: Table, dated: Dated) -> dict[int, int]:
    """How many rows of each leaf (oid) are not free to go now, but are once rows of this table that refer to them are gone."""
    paths = own_paths([one for one in table.references if one.all_readable])
    if not paths or dated.policy.mark:
        return {}
    oids = sorted({table.oid, *(leaf.oid for leaf in table.leaves)})
    referenced, referring, goes = array("q"), array("q"), array("b")
    with database.transaction("BEGIN READ ONLY"):
        for path in paths:
            row = database.row(_pairs(table, dated, path, oids)) or {}
            referenced.extend(row["referenced"] or ())
            referring.extend(row["referring"] or ())
            goes.extend(row["goes"] or ())
    return {oids[place - 1]: rows for place, rows in Counter(
        location >> 48 for location in freed(referenced, referring, goes)).items()}  # fmt: skip


def _pairs(table: Table, dated: Dated, path: tuple[Reference, ...], oids: list[int]) -> Any:
    """The rows that are over their time, with those of the own table that refer to them, and whether these may go, too."""
    going = sql.SQL(" AND ").join(
        [
            overdue_and_not_kept(dated.policy, table, dated.cut, dated.clock),
            *(
                sql.SQL("NOT {}").format(one.condition())
                for one in (each.without_own() for each in table.references if each.all_readable)
                if one
            ),
        ]
    )
    location = _LOCATION.replace("{oids}", f"ARRAY{oids!r}")
    whole = sql.Identifier(table.schema, table.name)
    marked = sql.SQL('(SELECT *, ctid, tableoid, ({}) IS TRUE AS " goes" FROM {})')
    steps: list[Any] = []
    for number, one in enumerate(path):
        source: Any = sql.Identifier(one.schema, one.name)
        if one.own:
            source = marked.format(going, source)
        matches = [_match(number, key, operator, number + 1, column) for key, operator, column in _columns(one)]
        if one.target and not number:
            matches.append(sql.SQL("a0.tableoid = {}").format(sql.Literal(one.target)))
        steps.append(_join("JOIN", source, number + 1, matches))
    last = len(path)
    if not path[-1].own:  # back up, to the row of the own table with which the one that refers goes
        for number in range(last - 2, -1, -1):
            one, above = path[number], path[number - 1] if number else None
            source = sql.Identifier(above.schema, above.name) if above else marked.format(going, whole)
            matches = [_match(last + 1, key, operator, last, column) for key, operator, column in _columns(one)]
            steps.append(_join("LEFT JOIN", source, last + 1, matches))
            last += 1
    return sql.SQL(
        'SELECT array_agg({x}) AS referenced, array_agg(coalesce({y}, 0)) AS referring, array_agg(coalesce(a{n}." goes", false)::int) AS goes '
        "FROM (SELECT *, ctid, tableoid FROM {source} WHERE {going}) a0 {steps} "
        "WHERE (a0.ctid = a{n}.ctid AND a0.tableoid = a{n}.tableoid) IS NOT TRUE"
    ).format(
        x=sql.SQL(location.format("a0")), y=sql.SQL(location.format(f"a{last}")), n=sql.Literal(last),
        source=whole, going=going, steps=sql.SQL(" ").join(steps),
    )  # fmt: skip


def _columns(one: Reference) -> Iterable[tuple[str, str, str]]:
    return zip(one.keys, one.operators, one.columns)


def _match(referenced: int, key: str, operator: str, referring: int, column: str) -> Any:
    return sql.SQL(f"a{referenced}.{{}} {operator} a{referring}.{{}}").format(
        sql.Identifier(key), sql.Identifier(column)
    )


def _join(how: str, source: Any, number: int, matches: list[Any]) -> Any:
    return sql.SQL(f"{how} {{}} a{number} ON {{}}").format(source, sql.SQL(" AND ").join(matches))


def freed(referenced: Iterable[int], referring: Iterable[int], goes: Iterable[int]) -> list[int]:
    """Which referenced rows become free, one pair in each place of the three: a row is free when all that refer to it are gone.

    Args:
        referenced, referring: The two rows of a pair.
        goes: Whether the referring one may go when it is free itself.
    """
    waiting: Counter[int] = Counter()
    behind: dict[int, list[int]] = {}
    for row, other, may_go in zip(referenced, referring, goes):
        waiting[row] += 1
        if may_go:
            behind.setdefault(other, []).append(row)
    ready = [other for other in behind if other not in waiting]
    found = []
    while ready:
        for row in behind.get(ready.pop(), ()):
            waiting[row] -= 1
            if not waiting[row]:
                found.append(row)
                ready.append(row)
    return found
