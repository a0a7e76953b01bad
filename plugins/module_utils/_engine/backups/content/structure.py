# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a database beside its rows: its objects, where its sequences stand, and what no dump's text says."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, TypeVar

from ...errors import TitanError
from ...postgres.database import Database
from .extensions import (
    Extension,
    changed_by_hand,
    changed_members,
    read_extensions,
    read_member_functions,
    read_member_relations,
)
from .objects import object_differences
from .positions import Position, relation_label
from .undumped import read_undumped, undumped_differences

_HEAP = "heap"
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Structure:
    """What is in a database beside its rows; sequences, views and tables are named by relation_label().

    Attributes:
        tool_version: Of the pg_dump that wrote the objects.
        objects: The hash of each object's definition, by "KIND schema.name".
        sequences: Where each one stood before the dump and after it; they do not stand still in a snapshot.
        populated: Whether each materialized view has rows.
        extensions: Each by its name; a dump does not tell versions.
        column_order: A hash of the column names in their order, of each table that inherits.
        large_objects: A hash of the owners, privileges and comments of large objects; empty if they are not compared.
        members: A hash of the functions that belong to each extension; no dump holds what was changed of them.
        member_relations: The same of the columns, constraints, indexes, triggers and rules of each extension's tables and views;
            empty in a manifest of a version that did not read them.
        methods: The access method of each table and materialized view that is not stored as heap; None likewise.
        undumped: Constraints that do not act, and what is in the system's schema; None likewise.
    """

    tool_version: str
    objects: Mapping[str, str]
    sequences: Mapping[str, tuple[Position, Position]] = field(default_factory=dict)
    populated: Mapping[str, bool] = field(default_factory=dict)
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    column_order: Mapping[str, str] = field(default_factory=dict)
    large_objects: str = "0"
    members: Mapping[str, str] = field(default_factory=dict)
    member_relations: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, str] | None = None
    undumped: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "pg_dump": self.tool_version,
            "objects": dict(self.objects),
            "sequences": {name: [*before, *after] for name, (before, after) in self.sequences.items()},
            "populated": dict(self.populated),
            "extensions": {name: list(each) for name, each in self.extensions.items()},
            "column_order": dict(self.column_order),
            "large_objects": self.large_objects,
            "members": dict(self.members),
            "member_relations": dict(self.member_relations),
            **({} if self.methods is None else {"access_methods": dict(self.methods)}),
            **({} if self.undumped is None else {"undumped": dict(self.undumped)}),
        }


def structure_from_json(found: Mapping[str, Any]) -> Structure:
    """The structure as a manifest has it."""
    sequences = {
        name: (Position(int(one), bool(called)), Position(int(two), bool(again)))
        for name, (one, called, two, again) in found["sequences"].items()
    }
    return Structure(
        str(found["pg_dump"]),
        found["objects"],
        sequences,
        found["populated"],
        {name: Extension(*each) for name, each in found["extensions"].items()},
        found["column_order"],
        str(found["large_objects"]),
        found.get("members") or {},
        found.get("member_relations") or {},
        found.get("access_methods"),
        found.get("undumped"),
    )


@dataclass(frozen=True)
class Differences:
    """What is not as it was in the source.

    Attributes:
        messages: What makes the restore another database.
        warnings: What a person should know, and what no restore can keep.
    """

    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _with_old_labels(found: Mapping[str, _Value]) -> dict[str, _Value]:
    """The values also by the labels without quotes that manifests had before; where two were the same, the last one counted."""
    old = {re.sub(r'"((?:[^"]|"")*)"', _unquoted, label): value for label, value in found.items()}
    return {**old, **found}


def _unquoted(part: re.Match[str]) -> str:
    return part[1].replace('""', '"')


def structure_differences(
    source: Structure,
    restored: Structure,
    made: Collection[str] = (),
    made_anew: Callable[[str], str] = lambda _extension: "",
) -> Differences:
    """Compare a restored database's structure with its source's.

    Args:
        source, restored: Both structures.
        made: Names of extensions that make_extensions() gives the source's version.
        made_anew: Gives the hash of an extension's functions as its script makes them, by its name; empty if that is not known.
    """
    same_major = source.tool_version.split(".", 1)[0] == restored.tool_version.split(".", 1)[0]
    there = {f"{kind} {name}" for name in restored.extensions for kind in ("EXTENSION", "COMMENT EXTENSION")}
    there -= restored.objects.keys()  # initdb has made plpgsql: pg_dump writes it where somebody has made it anew
    objects = {key: value for key, value in source.objects.items() if key not in there}
    messages = object_differences(objects, restored.objects, definitions=same_major)
    warnings = []
    if not same_major:
        warnings.append(
            f"Which objects there are was compared, but not their definitions: pg_dump {restored.tool_version} writes them otherwise "
            f"than {source.tool_version}, which read the source."
        )
    messages += _position_differences(source, restored)
    moved = sum(before != after for before, after in source.sequences.values())
    if moved:
        warnings.append(
            f"{moved} sequence(s) were used while the dump was taken; each was compared with where it stood before and after."
        )
    populated_now, order_now = _with_old_labels(restored.populated), _with_old_labels(restored.column_order)
    for name, populated in sorted(source.populated.items()):
        if populated_now.get(name, populated) != populated:
            state = "has no rows after the restore" if populated else "has rows after the restore, it had none"
            messages.append(f"materialized view {name} {state}")
    for name, extension in sorted(source.extensions.items()):
        found = restored.extensions.get(name, extension)
        if found.version != extension.version:
            text = f"extension {name} has version {found.version} after the restore, {extension.version} in the source"
            if found.version == found.default_version and name not in made:
                warnings.append(f"The {text}: a dump does not tell the version.")
            else:
                messages.append(text)
    for name in changed_members(source.members, restored.members, source.extensions, restored.extensions):
        if made_anew(name) in ("", restored.members.get(name)):
            warnings.append(changed_by_hand("Functions", name))
        else:
            messages.append(
                f"functions of the extension {name} are neither as in the source nor as the extension makes them"
            )
    relations = source.member_relations, restored.member_relations
    changed = changed_members(*relations, source.extensions, restored.extensions)
    warnings += [changed_by_hand("Tables or views", name) for name in changed]
    messages += _method_differences(source.methods, restored.methods)
    added, lost = undumped_differences(source.undumped, restored.undumped)
    messages, warnings = messages + added, warnings + lost
    if source.large_objects and source.large_objects != restored.large_objects:
        messages.append("the owners, privileges or comments of large objects differ from the source")
    for name, order in sorted(source.column_order.items()):
        if order_now.get(name, order) != order:
            warnings.append(
                f"Table {name} inherits, and its columns come in another order after a restore. Name the columns in INSERT and COPY."
            )
    return Differences(tuple(messages), tuple(warnings))


def _method_differences(source: Mapping[str, str] | None, restored: Mapping[str, str] | None) -> list[str]:
    if source is None or restored is None:
        return []
    return [
        f"{name} is stored by the access method {restored.get(name, _HEAP)} after the restore, by {source.get(name, _HEAP)} in the source"
        for name in sorted({*source, *restored})
        if restored.get(name, _HEAP) != source.get(name, _HEAP)
    ]


def _position_differences(source: Structure, restored: Structure) -> list[str]:
    messages, found = [], _with_old_labels(restored.sequences)
    for name, (before, after) in sorted(source.sequences.items()):
        if name not in found:
            continue  # it is missing as an object
        position = found[name][0]
        low, high = sorted((before.value, after.value))
        right = position == before if before == after else low <= position.value <= high
        if not right:
            where = f"{before.value}" if before == after else f"between {low} and {high}"
            used = " (not called)" if position.value == before.value else ""
            messages.append(
                f"sequence {name} stands at {position.value}{used} after the restore, {where} in the source"
            )
    return messages


_POPULATED = """
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relispopulated AS value
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm'
"""
_COLUMN_ORDER = """
SELECT n.nspname::text AS schema, c.relname::text AS name,
       left(encode(sha256(convert_to(string_agg(a.attname, '/' ORDER BY a.attnum), 'UTF8')), 'hex'), 16) AS value
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence <> 't'
   AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) GROUP BY 1, 2
"""
# What a large object may have by default is written out, because a dump does not tell the difference.
_LARGE_OBJECTS = """
SELECT coalesce(sum(hashtextextended(concat_ws('/', m.oid, pg_get_userbyid(m.lomowner), coalesce(acl.privileges, ''),
                                               coalesce(obj_description(m.oid, 'pg_largeobject'), '')), 0)), 0)::text
  FROM pg_largeobject_metadata m, LATERAL (
       SELECT string_agg(concat_ws(' ', CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END,
                                   a.privilege_type, a.is_grantable),
                         ',' ORDER BY a.grantee = 0, pg_get_userbyid(a.grantee), a.privilege_type) AS privileges
         FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) a) acl
"""


_METHODS = """
SELECT n.nspname::text AS schema, c.relname::text AS name, m.amname::text AS value
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam
 WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND m.amname <> 'heap'
"""


def read_structure(
    database: Database,
    tool_version: str,
    objects: Mapping[str, str],
    sequences: Mapping[str, tuple[Position, Position]],
) -> Structure:
    """The structure of the connected database, in its transaction or snapshot.

    Args:
        database: Connected.
        tool_version, objects: What pg_dump has written of it, and which one that was.
        sequences: Where they stood before and after.
    """
    large_objects = database.value(_LARGE_OBJECTS)
    if large_objects is None:
        raise TitanError("The large objects gave no hash.")
    return Structure(
        tool_version,
        objects,
        sequences,
        _by_name(database, _POPULATED),
        read_extensions(database),
        _by_name(database, _COLUMN_ORDER),
        str(large_objects),
        read_member_functions(database),
        read_member_relations(database),
        _by_name(database, _METHODS),
        read_undumped(database),
    )


def _by_name(database: Database, query: str) -> dict[str, Any]:
    return {relation_label(row["schema"], row["name"]): row["value"] for row in database.rows(query)}
