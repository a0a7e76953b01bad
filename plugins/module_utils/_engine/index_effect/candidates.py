# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes that might serve: from what queries ask of tables, less those that are there. Pure: what the catalog says is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .clauses import Asked, Condition, Key, Special, Table

MOST_COLUMNS = 3  # what makes an index large serves one query only
_MOST_OF_ONE = 6  # candidates for one table in one query


class Candidate(NamedTuple):
    """An index that might serve; special is its only key where that is no column, or it is no B-tree."""

    table: Table
    keys: tuple[Key, ...]
    conditions: tuple[Condition, ...] = ()
    special: Special | None = None


class Existing(NamedTuple):
    """A B-tree that is there.

    Attributes:
        keys: Its columns; an expression has an empty name, which equals no column.
        partial: It has a condition.
    """

    table: Table
    keys: tuple[Key, ...]
    partial: bool


def candidates_of(asked: Asked) -> list[Candidate]:
    """What might serve one table of one query, the most likely first."""
    found = dict.fromkeys(
        Candidate(asked.table, keys, conditions)
        for conditions in dict.fromkeys((asked.conditions, ()))
        for keys in _keys(asked)
        if keys and len(keys) <= MOST_COLUMNS
    )
    plain = [each for each in found if not _says_it_twice(each)][:_MOST_OF_ONE]
    return plain + [Candidate(asked.table, (), (), each) for each in asked.special[:_MOST_OF_ONE]]


def _keys(asked: Asked) -> Iterator[tuple[Key, ...]]:
    equal = tuple(Key(name) for name in asked.equal)
    fixed = {key.column for key in equal}
    if asked.sorted:
        yield _once((*equal, *(key for key in asked.sorted if key.column not in fixed)))
    for name in asked.ranged:
        yield _once((*equal, Key(name)))
    for name in asked.joined:
        yield _once((*equal, Key(name)))
        yield (Key(name),)
    if not asked.joined:
        yield equal


def _once(keys: Sequence[Key]) -> tuple[Key, ...]:
    return tuple({key.column: key for key in reversed(keys)}.values())[::-1]


def _says_it_twice(candidate: Candidate) -> bool:
    columns = {key.column for key in candidate.keys}
    return any(condition.column in columns for condition in candidate.conditions)


def is_covered(candidate: Candidate, existing: Sequence[Existing]) -> bool:
    """Whether an index that is there can do what the candidate could: it begins with the same columns, read forward or backward."""
    count = len(candidate.keys)
    if candidate.special:
        return False  # the planner takes the one that is there, and this one goes again
    for each in existing:
        if each.table != candidate.table or each.partial or len(each.keys) < count:
            continue
        there = each.keys[:count]
        if [key.column for key in there] != [key.column for key in candidate.keys]:
            continue
        directions = {_direction(mine) == _direction(its) for mine, its in zip(candidate.keys, there)}
        if len(directions) == 1 and (directions == {True} or all(map(_mirrored, candidate.keys, there))):
            return True
    return False


def is_same(candidate: Candidate, other: Candidate) -> bool:
    """Whether they are the same index, read forward or backward."""
    if candidate.special or other.special:
        return candidate == other
    return (
        len(candidate.keys) == len(other.keys)
        and candidate.conditions == other.conditions
        and is_covered(candidate, [Existing(other.table, other.keys, partial=False)])
    )


def _direction(key: Key) -> tuple[bool, bool]:
    """Whether it descends, and whether nulls come first."""
    words = key.order.split()
    descending = "DESC" in words
    return descending, ("FIRST" in words) if "NULLS" in words else descending


def _mirrored(mine: Key, its: Key) -> bool:
    return _direction(mine) == (not _direction(its)[0], not _direction(its)[1])
