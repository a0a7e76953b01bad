# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two indexes are the same, and what follows for a declared one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from ...errors import TitanError
from ..sql.statements import IndexDeclaration


class TableRow(TypedDict):
    """A table, partitioned table or materialized view.

    kind: pg_class.relkind. partitioned: it has partitions or is one. temporary: it ends with its session. rows: as estimated, -1 if never analysed.
    """

    oid: int
    schema: str
    name: str
    kind: str
    partitioned: bool
    temporary: bool
    rows: int
    bytes: int


class IndexRow(TypedDict):
    """An index as the catalog has it; columns as in pg_index. constraint: it belongs to one."""

    oid: int
    schema: str
    name: str
    table_oid: int
    table_name: str
    valid: bool
    constraint: bool
    definition: str
    method: str
    unique: bool
    special: bool
    nulls_not_distinct: bool
    keys: int
    columns: list[str]
    classes: str
    collations: str
    options: str
    class_options: list[str]
    predicate: str
    storage_parameters: list[str]
    tablespace: str


BUILD, FOUND, SKIP, REBUILD = "build", "found", "skip", "rebuild"

_COMPARED = (
    "method", "unique", "special", "nulls_not_distinct", "keys", "columns", "classes", "collations", "options",
    "class_options", "predicate", "storage_parameters", "tablespace",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What to do about one declaration.

    Attributes:
        action: build, found (the same is there), skip (an exact duplicate is there), rebuild (an invalid one is in the way).
        name, table: The index and the table it is on, schema-qualified where needed.
        duplicate_of: The name of the exact duplicate, or empty.
        warnings: Sentences on prefixes.
        schema: Where the index is or will be.
        table_oid, duplicate_oid: Of the table and the duplicate; 0 if not known.
    """

    action: str
    name: str
    table: str
    schema: str
    duplicate_of: str = ""
    warnings: tuple[str, ...] = ()
    table_oid: int = 0
    duplicate_oid: int = 0


class OtherIndexError(TitanError):
    """The declared name belongs to another index.

    Attributes:
        passed_over: What IF NOT EXISTS makes of that; None if that index is invalid.
    """

    def __init__(self, message: str, passed_over: Verdict | None, **details: Any) -> None:
        super().__init__(message, **details)
        self.passed_over = passed_over


def shape(row: IndexRow) -> tuple[object, ...]:
    """What two indexes must share to be the same: everything but name and size."""
    values = (dict(row)[key] for key in _COMPARED)
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def judge(
    declaration: IndexDeclaration,
    table: TableRow,
    declared: IndexRow,
    existing: Sequence[IndexRow],
    redundant: str,
    where: str,
) -> Verdict:
    """Decide. Pure.

    Args:
        declaration: What the file says.
        table: From table_of.
        declared, existing: From shapes_of.
        redundant: skip, create or fail: what to do about an exact duplicate of another name.
        where: File and line, for messages.

    Raises:
        TitanError: an index of this name is something else, or a duplicate is there and redundant is fail.
    """
    name, schema = declaration.name, table["schema"]
    verdict = Verdict(BUILD, name, table["name"], schema, table_oid=table["oid"])
    wanted = shape(declared)
    same_name = next((row for row in existing if row["name"] == name and row["schema"] == schema), None)
    if same_name is not None:
        if same_name["table_oid"] != table["oid"] or shape(same_name) != wanted:
            found = replace(verdict, action=FOUND) if same_name["valid"] else None
            raise _different(declaration, table, same_name, declared, where, found)
        if same_name["valid"] or (table["kind"] == "p" and declaration.if_not_exists):
            return replace(verdict, action=FOUND)
        if table["kind"] == "p":
            return verdict  # invalid until its partitions' indexes are attached: no leftover
        return replace(verdict, action=REBUILD)
    others = [row for row in existing if row["table_oid"] == table["oid"] and row["valid"]]
    duplicates = [row for row in others if shape(row) == wanted]
    duplicate = (
        duplicates[0 if name else -1] if duplicates else None
    )  # without a name, an interrupted run's own may be there
    if duplicate is None:
        return replace(verdict, warnings=_prefixes(declaration, table, declared, others))
    verdict = replace(verdict, duplicate_of=duplicate["name"], duplicate_oid=duplicate["oid"])
    return _of_duplicate(verdict, table, redundant, where)


def _of_duplicate(verdict: Verdict, table: TableRow, redundant: str, where: str) -> Verdict:
    """What is done about an index that would be an exact duplicate of another one.

    Raises:
        TitanError: redundant is fail.
    """
    name, other = verdict.name, verdict.duplicate_of
    if redundant == "fail":
        raise TitanError(
            f"{where}: the index {name!r} on {table['name']!r} would be an exact duplicate of {other!r}. "
            "Remove the statement, or set redundant_indexes to skip or create.",
            index=name,
            duplicate_of=other,
        )
    # An index without a name takes one that depends on those that are there; an index of a partition may be attached to one
    # of its parent's: both would be missed by what comes later.
    if redundant == "skip" and name and not table["partitioned"] and not table["temporary"]:
        return replace(verdict, action=SKIP)
    named = f"{name!r} " if name else ""
    return replace(verdict, warnings=(f"The index {named}on {table['name']!r} is an exact duplicate of {other!r}.",))


def _different(
    declaration: IndexDeclaration,
    table: TableRow,
    there: IndexRow,
    declared: IndexRow,
    where: str,
    passed_over: Verdict | None,
) -> OtherIndexError:
    state = "" if there["valid"] else " and is INVALID"
    unique = "UNIQUE " if declaration.unique else ""
    wanted = f"CREATE {unique}INDEX {declaration.name} ON {declaration.table} {declaration.rest}"
    differs = [key for key, is_there, wished in zip(_COMPARED, shape(there), shape(declared)) if is_there != wished]
    if there["table_oid"] != table["oid"]:
        differs = ["table", *differs]
    return OtherIndexError(
        f"{where}: an index called {declaration.name!r} already exists{state}, but is not the declared one (different: "
        f"{', '.join(differs)}). There: {there['definition']}. Declared: {wanted}. Nothing was changed: rename or drop the "
        "one, or correct the other.",
        passed_over=passed_over,
        index=declaration.name,
        existing=there["definition"],
        declared=wanted,
        differs=differs,
    )


def _prefixes(
    declaration: IndexDeclaration, table: TableRow, mine: IndexRow, others: Sequence[IndexRow]
) -> tuple[str, ...]:
    """Warnings: the new index is a prefix of an existing one, or makes an existing one redundant."""
    if mine["method"] != "btree":
        return ()
    said = []
    for row in others:
        if row["method"] != "btree" or row["predicate"] != mine["predicate"]:
            continue
        if not mine["unique"] and _starts(row, mine):
            said.append(
                f"The index {declaration.name!r} on {table['name']!r} is covered by {row['name']!r}: {row['definition']}."
            )
        elif not row["unique"] and not row["constraint"] and _starts(mine, row):
            said.append(
                f"The index {declaration.name!r} on {table['name']!r} makes {row['name']!r} redundant: {row['definition']}."
            )
    return tuple(said)


def _starts(longer: IndexRow, shorter: IndexRow) -> bool:
    """True if the key columns of shorter are the first ones of longer, and nothing is included that longer lacks."""
    count = shorter["keys"]
    if count > longer["keys"] or len(shorter["columns"]) > count:
        return False
    same = longer["columns"][:count] == shorter["columns"][:count]
    for ours, theirs in (
        (longer["classes"], shorter["classes"]),
        (longer["options"], shorter["options"]),
        (longer["collations"], shorter["collations"]),
    ):
        same = same and ours.split()[:count] == theirs.split()[:count]
    return same
