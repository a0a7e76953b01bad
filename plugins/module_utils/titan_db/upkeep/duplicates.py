# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes that another index makes superfluous. No database here; nothing is dropped by us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class IndexShape:
    """What an index is, as far as another could do its work.

    Attributes:
        oid, schema, name, table: Which index; table is the schema-qualified name.
        method: btree, gin ...
        keys: Per key column: its name or expression, operator class, collation and order, as one text.
        include: The names of INCLUDE columns.
        predicate: Of a partial index, else empty.
        unique: Enforces uniqueness, or an exclusion constraint.
        bound: Belongs to a constraint, is the replica identity, or the table is clustered on it: never superfluous.
        bytes: Size.
        scans: Uses since the statistics were reset.
    """

    oid: int
    schema: str
    name: str
    table: str
    method: str
    keys: tuple[str, ...]
    include: tuple[str, ...] = ()
    predicate: str = ""
    unique: bool = False
    bound: bool = False
    bytes: int = 0
    scans: int = 0

    @property
    def droppable(self) -> bool:
        """Whether dropping it changes nothing but speed."""
        return not self.unique and not self.bound


@dataclass(frozen=True)
class Redundant:
    """index could go because of keeper; kind is exact, prefix or unique_twin."""

    index: IndexShape
    keeper: IndexShape
    kind: str


def find_redundant(indexes: Sequence[IndexShape]) -> list[Redundant]:
    """Each superfluous index once, with the best index that replaces it."""
    found: list[Redundant] = []
    gone: set[int] = set()
    for index in sorted(indexes, key=lambda one: (one.table, -one.oid)):
        if not index.droppable:
            continue
        keepers = [(kind, other) for other in indexes if other.oid not in gone and (kind := _kind(index, other))]
        if keepers:
            kind, keeper = min(keepers, key=lambda item: (_ORDER.index(item[0]), item[1].oid))
            found.append(Redundant(index, keeper, kind))
            gone.add(index.oid)
    return sorted(found, key=lambda one: (one.index.table, one.index.name))


_ORDER = ("unique_twin", "exact", "prefix")


def _kind(index: IndexShape, other: IndexShape) -> str:
    """How other replaces index; empty if it does not."""
    same_place = other.oid != index.oid and other.table == index.table and other.method == index.method
    if not same_place or other.predicate != index.predicate:
        return ""
    covered = set(index.include) <= {*other.include, *(key.split("\x1f")[0] for key in other.keys)}
    if index.keys == other.keys and covered:
        if not other.droppable:
            return "unique_twin" if other.unique else "exact"
        # of two equal ones the older stays; one with fewer INCLUDE columns never replaces one with more
        return "exact" if set(other.include) != set(index.include) or other.oid < index.oid else ""
    if (
        index.method == "btree"
        and len(index.keys) < len(other.keys)
        and other.keys[: len(index.keys)] == index.keys
        and covered
    ):
        return "prefix"
    return ""
