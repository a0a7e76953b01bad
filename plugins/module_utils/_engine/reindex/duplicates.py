# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes that another index makes superfluous. No database here; nothing is dropped by us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..text.quoted import quoted_name


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
        scans: Uses since the statistics were reset, of all partitions.
        partitioned: It belongs to a partitioned table; bytes are those of all partitions.
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
    partitioned: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def drop_statement(self) -> str:
        """What removes it; one of a partitioned table cannot be dropped concurrently."""
        return f"DROP INDEX {'' if self.partitioned else 'CONCURRENTLY '}{quoted_name(self.schema, self.name)};"

    @property
    def droppable(self) -> bool:
        """Whether dropping it changes nothing but speed."""
        return not self.unique and not self.bound


@dataclass(frozen=True)
class Redundant:
    """index could go because of keeper; kind is exact, prefix or unique_duplicate."""

    index: IndexShape
    keeper: IndexShape
    kind: str


def find_redundant(indexes: Sequence[IndexShape]) -> list[Redundant]:
    """Each superfluous index once, with the best of the indexes that stay and replace it. Of two equal ones the older stays."""
    superfluous: set[int] = set()
    for index in sorted(indexes, key=lambda one: (len(one.keys), len(one.include), -one.oid)):  # the weakest first
        if index.droppable and any(_kind(index, other) for other in indexes if other.oid not in superfluous):
            superfluous.add(index.oid)
    redundant = []
    for index in indexes:
        if index.oid in superfluous:
            keepers = [
                (kind, other) for other in indexes if other.oid not in superfluous and (kind := _kind(index, other))
            ]
            kind, keeper = min(keepers, key=lambda item: (_ORDER.index(item[0]), item[1].oid))
            redundant.append(Redundant(index, keeper, kind))
    return sorted(redundant, key=lambda one: (one.index.table, one.index.name))


_ORDER = ("unique_duplicate", "exact", "prefix")


def _kind(index: IndexShape, other: IndexShape) -> str:
    """How other does the work of index; empty if it does not."""
    same_place = other.oid != index.oid and other.table == index.table and other.method == index.method
    if not same_place or other.predicate != index.predicate:
        return ""
    if not set(index.include) <= {*other.include, *(key.split("\x1f")[0] for key in other.keys)}:
        return ""
    if index.keys == other.keys:
        return "unique_duplicate" if other.unique else "exact"
    longer = index.method == "btree" and len(index.keys) < len(other.keys)
    return "prefix" if longer and other.keys[: len(index.keys)] == index.keys else ""
