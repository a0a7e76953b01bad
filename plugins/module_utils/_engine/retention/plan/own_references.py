# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that are free to go once other rows of their own table are gone, as in a tree of comments: from the leaves up."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from itertools import groupby
from typing import IO, Any, cast

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
    pairs = sql.SQL(" UNION ALL ").join([_pairs(table, dated, path, oids) for path in paths])
    waiting, behind = _Columns(), _Columns()
    with database.transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
        database.copy_out(sql.SQL(_WAITING).format(pairs), cast(IO[bytes], waiting))
        database.copy_out(sql.SQL(_BEHIND).format(pairs), cast(IO[bytes], behind))
    found = freed(waiting.first, waiting.second, behind.first, behind.second)
    return {oids[place - 1]: rows for place, rows in Counter(location >> 48 for location in found).items()}


# Both in the order of their first column: how many refer to a row, and, of those that may go themselves, which one refers to which.
_WAITING = "COPY (SELECT x, count(*) FROM ({}) p(x, y, goes) GROUP BY x ORDER BY x) TO STDOUT"
_BEHIND = "COPY (SELECT y, x FROM ({}) p(x, y, goes) WHERE goes ORDER BY y) TO STDOUT"


class _Columns:
    """Takes what COPY writes of two columns of numbers, 8 bytes for each."""

    def __init__(self) -> None:
        self.first, self.second = array("q"), array("q")
        self._rest = b""

    def write(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            one, _tab, other = line.partition(b"\t")
            self.first.append(int(one))
            self.second.append(int(other))


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
        'SELECT {x}, {y}, a{n}." goes" '
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


def freed(
    referenced: Sequence[int], waiting: MutableSequence[int], referring: Sequence[int], behind: Sequence[int]
) -> Iterator[int]:
    """Which rows become free: one is free when all that refer to it are gone. Rows in a circle never are.

    Args:
        referenced, waiting: The rows that others refer to, in order, and by how many; these are counted down.
        referring, behind: The rows that may go when they are free, in order, and the row that each refers to.
    """
    ready = array("q", (row for row, _pairs in groupby(referring) if _place(referenced, row) is None))
    while ready:
        row = ready.pop()
        for pair in range(bisect_left(referring, row), bisect_right(referring, row)):
            place = bisect_left(referenced, behind[pair])
            waiting[place] -= 1
            if not waiting[place]:
                yield behind[pair]
                ready.append(behind[pair])


def _place(numbers: Sequence[int], number: int) -> int | None:
    place = bisect_left(numbers, number)
    return place if place < len(numbers) and numbers[place] == number else None
