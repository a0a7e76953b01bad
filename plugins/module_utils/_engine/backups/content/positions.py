# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the sequences of a database stand, and how its relations are labelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ...postgres.sqlstates import UNDEFINED_TABLE
from ...text.quoted import quoted_name
from .compact import CompactMap

_AT_A_TIME = 100  # sequences read in one statement


class Position(NamedTuple):
    """Where a sequence stands: its last value, and whether nextval() has given that."""

    value: int
    called: bool


def standing(positions: Iterable[tuple[str, Position]]) -> Mapping[str, Position]:
    """Where sequences stand, by their labels."""
    return CompactMap("<q?", tuple, Position, positions)


def between(positions: Iterable[tuple[str, tuple[Position, Position]]]) -> Mapping[str, tuple[Position, Position]]:
    """Where sequences stood before something and after it, by their labels."""
    return CompactMap("<q?q?", _fields, _both, positions)


def _fields(both: tuple[Position, Position]) -> tuple[int | bool, ...]:
    return (*both[0], *both[1])


def _both(value: int, called: bool, later: int, called_later: bool) -> tuple[Position, Position]:
    return Position(value, called), Position(later, called_later)


def relation_label(schema: str, name: str) -> str:
    """ "schema.name", each part in double quotes where it has a dot or a double quote: no two relations have the same."""
    parts = (quoted_name(part) if "." in part or '"' in part else part for part in (schema, name))
    return ".".join(parts)


_SEQUENCES = """
SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
   AND (EXISTS (SELECT FROM pg_extension e WHERE c.oid = ANY(e.extconfig))
        OR n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                              AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'))
 ORDER BY 1, 2
"""


def sequence_names(database: Database) -> list[tuple[str, str]]:
    """Schema and name of each sequence that pg_dump dumps."""
    return [(row["schema"], row["name"]) for row in database.rows(_SEQUENCES)]


def read_positions(database: Database, names: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Position]]:
    """The label of each sequence, and where it stands now; those that are gone by now are left out.

    Args:
        database: Outside a transaction: each read sequence would stay locked to its end.
        names: Schema and name of each.
    """
    for start in range(0, len(names), _AT_A_TIME):
        part = names[start : start + _AT_A_TIME]
        try:
            yield from _positions(database, part)
        except DatabaseError as error:
            if error.sqlstate != UNDEFINED_TABLE:
                raise
            if len(part) > 1:
                for each in part:
                    yield from read_positions(database, [each])


def _positions(database: Database, names: Sequence[tuple[str, str]]) -> list[tuple[str, Position]]:
    each = [
        sql.SQL("SELECT {} AS name, last_value::bigint AS value, is_called AS called FROM {}").format(
            sql.Literal(relation_label(schema, name)), sql.Identifier(schema, name)
        )
        for schema, name in names
    ]
    return [
        (row["name"], Position(int(row["value"]), bool(row["called"])))
        for row in database.rows(sql.SQL(" UNION ALL ").join(each))
    ]
