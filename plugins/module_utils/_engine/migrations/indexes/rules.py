# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two indexes are the same, and what follows for a declared one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import TitanError
from ..sql.statements import IndexDeclaration

BUILD, FOUND, SKIP, REBUILD = "build", "found", "skip", "rebuild"

_COMPARED = (
    "method", "unique", "special", "nulls_not_distinct", "keys", "columns", "classes", "collations", "options",
    "class_options", "predicate",
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
    """

    action: str
    name: str
    table: str
    schema: str
    duplicate_of: str = ""
    warnings: tuple[str, ...] = ()


def shape(row: dict[str, Any]) -> tuple[Any, ...]:
    """What two indexes must share to be the same: everything but name, size and storage parameters."""
    return tuple(tuple(row[key]) if isinstance(row[key], list) else row[key] for key in _COMPARED)


def judge(
    declaration: IndexDeclaration,
    table: dict[str, Any],
    found: dict[str, Any],
    redundant: str,
    where: str,
) -> Verdict:
    """Decide. Pure.

    Args:
        declaration: What the file says.
        table: From table_of.
        found: From declared_shape.
        redundant: skip, create or fail: what to do about an exact duplicate of another name.
        where: File and line, for messages.

    Raises:
        TitanError: an index of this name is something else, or a duplicate is there and redundant is fail.
    """
    mine, theirs = found["mine"], found["theirs"]
    name, schema = declaration.name, table["schema"]
    wanted = shape(mine)
    same_name = next((row for row in theirs if row["name"] == name and row["schema"] == schema), None)
    if same_name is not None:
        same = same_name["table_oid"] == table["oid"] and shape(same_name) == wanted
        if same_name["valid"] and same:
            return Verdict(FOUND, name, table["name"], schema)
        if not same_name["valid"] and same:
            return Verdict(REBUILD, name, table["name"], schema)
        raise _different(declaration, table, same_name, mine, where)
    others = [row for row in theirs if row["table_oid"] == table["oid"] and row["valid"]]
    duplicate_of = next((row["name"] for row in others if shape(row) == wanted), "")
    if duplicate_of and redundant == "fail":
        raise TitanError(
            f"{where}: the index {name!r} on {table['name']!r} would be an exact duplicate of {duplicate_of!r}. "
            "Remove the statement, or set redundant_indexes to skip or create.",
            index=name,
            duplicate_of=duplicate_of,
        )
    action = SKIP if duplicate_of and redundant == "skip" else BUILD
    warnings = () if duplicate_of else _prefixes(declaration, table, mine, others)
    if duplicate_of and action == BUILD:
        warnings = (f"The index {name!r} on {table['name']!r} is an exact duplicate of {duplicate_of!r}.",)
    return Verdict(action, name, table["name"], schema, duplicate_of, warnings)


def _different(
    declaration: IndexDeclaration, table: dict[str, Any], there: dict[str, Any], mine: dict[str, Any], where: str
) -> TitanError:
    state = "" if there["valid"] else " and is INVALID"
    unique = "UNIQUE " if declaration.unique else ""
    wanted = f"CREATE {unique}INDEX {declaration.name} ON {declaration.table} {declaration.rest}"
    differs = [
        key for key in _COMPARED if shape({**there, **{k: mine[k] for k in _COMPARED if k != key}}) != shape(mine)
    ]
    if there["table_oid"] != table["oid"]:
        differs = ["table", *differs]
    return TitanError(
        f"{where}: an index called {declaration.name!r} is there{state}, but it is not the declared one (different: "
        f"{', '.join(differs)}). There: {there['definition']}. Declared: {wanted}. Nothing was changed: rename or drop the "
        "one, or correct the other.",
        index=declaration.name,
        existing=there["definition"],
        declared=wanted,
        differs=differs,
    )


def _prefixes(
    declaration: IndexDeclaration, table: dict[str, Any], mine: dict[str, Any], others: list[dict[str, Any]]
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


def _starts(longer: dict[str, Any], shorter: dict[str, Any]) -> bool:
    """True if the key columns of shorter are the first ones of longer, and nothing is included that longer lacks."""
    count = shorter["keys"]
    if count > longer["keys"] or len(shorter["columns"]) > count:
        return False
    same = longer["columns"][:count] == shorter["columns"][:count]
    for key in ("classes", "options"):
        same = same and longer[key].split()[:count] == shorter[key].split()[:count]
    return same and longer["collations"].split()[:count] == shorter["collations"].split()[:count]
