# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL that makes 64 bits of one row, by the methods that manifests know.

"text" (manifests that name no method) hashes the text of the whole row. "columns" hashes one column after the other, each hash
being the seed of the next one, so that it depends on every value, on its column and on all values before it, as the text
does; not having to write and quote the row, it takes a third of the time. Values that read differently hash differently here,
too (1.0 and 1.00, 0 and -0, NULL and '', 'a ' and 'a' as char), whatever the type itself calls equal. Only built-in types
whose stored bytes say exactly what their text says are hashed as bytes. All others are hashed together, as the text of a row
of them: the bytes of an enum or a domain, for instance, hold numbers that a restore changes.

"copied by name" is no SQL: the rows are read by COPY and hashed on our side (copied.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...postgres.database import sql

TEXT, COLUMNS, BY_NAME, COPIED = "text", "columns", "columns by name", "copied by name"
HASH_METHODS = (TEXT, COLUMNS, BY_NAME, COPIED)
NEWEST = BY_NAME

# {c} is the column, {seed} the hash so far. A hash function gives NULL for NULL, which would forget the seed: hence coalesce,
# and a seed that says whether there was a value.
_SEED = "{{seed}} # CASE WHEN {{c}} IS NULL THEN 1::int8 ELSE 0::int8 END"
_STRING = f"hashtextextended(coalesce({{}}, '') COLLATE \"C\", {_SEED})"
# A bytea can be hashed by name from 18 on only, an array of one in all versions. Times take this way, too: their own
# function, that of int8, folds 64 bits to 32 first. With the upper half hashed after it, nothing of an int8 is lost.
_BYTES = f"hash_array_extended(ARRAY[coalesce({{}}, '')], {_SEED})"
_NUMBER = f"hashint4extended(coalesce({{}}, 0), {_SEED})"
_LONG = f"hashint4extended(coalesce(({{}} >> 32)::int4, 0), hashint8extended(coalesce({{}}, 0), {_SEED}))"
_UUID = f"uuid_hash_extended(coalesce({{}}, '00000000-0000-0000-0000-000000000000'), {_SEED})"
_INET = f"hashinetextended(coalesce({{}}, '0.0.0.0'), {_SEED})"
_KINDS = {
    "text": _STRING.format("{c}"),
    "varchar": _STRING.format("{c}::text"),
    "bpchar": _STRING.format("textin(bpcharout({c}))"),  # a cast would cut blanks off
    "json": _STRING.format("textin(json_out({c}))"),
    "jsonb": _STRING.format("textin(jsonb_out({c}))"),
    "numeric": _STRING.format("textin(numeric_out({c}))"),
    "float4": _STRING.format("textin(float4out({c}))"),
    "float8": _STRING.format("textin(float8out({c}))"),
    "bool": _NUMBER.format("{c}::int4"),
    "int2": _NUMBER.format("{c}::int4"),
    "int4": _NUMBER.format("{c}"),
    "int8": _LONG.format("{c}", "{c}"),
    "date": _BYTES.format("date_send({c})"),
    "timestamp": _BYTES.format("timestamp_send({c})"),
    "timestamptz": _BYTES.format("timestamptz_send({c})"),
    "bytea": _BYTES.format("{c}"),
    "uuid": _UUID.format("{c}"),
    "inet": _INET.format("{c}"),
}
_REST = 'hashtextextended(ROW({c})::text COLLATE "C", {seed})'
_MOST = 200  # columns that are nested into each other; a server's stack takes some thousands

# What the kind of a column is called here: the name of a type that every server has, else nothing.
COLUMNS_OF = """
SELECT a.attname::text AS name, CASE WHEN a.atttypid < 10000 THEN t.typname::text ELSE '' END AS kind
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


@dataclass(frozen=True)
class Column:
    """A column and the built-in type it has; kind is empty for any other type."""

    name: str
    kind: str


def row_hash(hash_method: str, columns: Sequence[Column]) -> tuple[str, Any]:
    """The name that the table has to be given in the query, and the expression for the hash of its row.

    Args:
        hash_method: One of HASH_METHODS.
        columns: All of the table's, in order, as COLUMNS_OF gives them.
    """
    alias = "titan_row"
    if hash_method == COLUMNS:
        return alias, _of_columns(alias, columns)
    if hash_method == BY_NAME:
        return alias, _of_columns(alias, sorted(columns, key=lambda column: column.name))
    taken = {column.name for column in columns} | _SYSTEM
    while alias in taken:  # x::text would then mean the column called x
        alias += "_"
    return alias, sql.SQL("hashtextextended({}::text, 0)").format(sql.Identifier(alias))


_SYSTEM = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}


def _of_columns(alias: str, columns: Sequence[Column]) -> Any:
    each = [column for column in columns if column.kind in _KINDS][:_MOST]
    rest = [sql.Identifier(alias, column.name) for column in columns if column not in each]
    steps: list[tuple[str, Any]] = [(_KINDS[column.kind], sql.Identifier(alias, column.name)) for column in each]
    if rest:
        steps.append((_REST, sql.SQL(", ").join(rest)))
    before, after = [], []  # put together flat: nested objects would need as deep a recursion
    for template, columns_text in steps:
        left, _seed, right = template.partition("{seed}")
        before.append(sql.SQL(left).format(c=columns_text))
        after.append(sql.SQL(right).format(c=columns_text))
    return sql.Composed([*reversed(before), sql.SQL("0::int8"), *after])
