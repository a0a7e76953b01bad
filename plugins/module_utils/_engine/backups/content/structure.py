# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a database beside its rows: its objects, where its sequences stand, and what no dump's text says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...errors import TitanError
from ...postgres.database import Database
from .extensions import (
    Extension,
    read_extensions,
    read_member_functions,
    read_member_relations,
)
from .positions import Position, relation_label
from .undumped import read_undumped

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
        server_major: Of the server that it was read from, which a manifest says elsewhere; 0 where that is not known.
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
    server_major: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "pg_dump": self.tool_version,
            "objects": self.objects,
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


def structure_from_json(found: Mapping[str, Any], server_major: int = 0) -> Structure:
    """The structure as a manifest has it, of a server of that release."""
    sequences = {
        name: (Position(int(one), bool(called)), Position(int(two), bool(again)))
        for name, (one, called, two, again) in found["sequences"].items()
    }
    return Structure(
        str(found["pg_dump"]),
        _of(str, found["objects"]),
        sequences,
        _of(bool, found["populated"]),
        {name: Extension(*each) for name, each in found["extensions"].items()},
        _of(str, found["column_order"]),
        str(found["large_objects"]),
        _of(str, found.get("members") or {}),
        _of(str, found.get("member_relations") or {}),
        None if found.get("access_methods") is None else _of(str, found["access_methods"]),
        None if found.get("undumped") is None else _of(str, found["undumped"]),
        server_major,
    )


def _of(kind: type[_Value], found: Mapping[str, _Value]) -> Mapping[str, _Value]:
    """The mapping, if it is one of these values.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(found, Mapping) or not all(isinstance(value, kind) for value in found.values()):
        raise TypeError(f"{type(found).__name__} where an object of {kind.__name__} values is wanted")
    return found


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
        database.major,
    )


def _by_name(database: Database, query: str) -> dict[str, Any]:
    return {relation_label(row["schema"], row["name"]): row["value"] for row in database.rows(query)}
