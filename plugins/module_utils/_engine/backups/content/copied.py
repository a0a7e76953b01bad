# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading tables whose owners are not to be trusted: by COPY of the table, for which PostgreSQL plans nothing.

To plan a query, PostgreSQL runs functions of the table's indexes and statistics, with the rights of whoever asks. COPY of a table
reads its pages and calls the output functions of its types, which only a superuser can make. The rows are hashed here: the sum of
the first 64 bits of each row's BLAKE2b, over its columns in the order of their names, as COPY writes them. Generated columns are
not among them: a dump does not hold them either.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from tempfile import TemporaryFile
from typing import IO, Any, Callable, cast

from ...errors import TitanError
from ...postgres.database import Database, sql
from .tables import Table

# A name in pg_class for each table whose rows are meant: of a table that is partitioned its partitions.
_PARTS = """
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name
  FROM pg_partition_tree(%s::oid::regclass) t JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r'
"""
_STORED = """
SELECT attname::text AS name FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
_FUNCTIONS_OF_OTHERS = """
SELECT EXISTS (SELECT FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = %(oid)s
                  AND NOT r.rolsuper AND r.rolname <> current_user)
    OR EXISTS (SELECT FROM pg_depend d JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
                 JOIN pg_roles r ON r.oid = p.proowner AND NOT r.rolsuper AND r.rolname <> current_user
                WHERE d.classid = 'pg_class'::regclass AND d.objid IN (SELECT indexrelid FROM pg_index WHERE indrelid = %(oid)s)
                   OR d.classid = 'pg_statistic_ext'::regclass
                      AND d.objid IN (SELECT oid FROM pg_statistic_ext WHERE stxrelid = %(oid)s))
"""
_PLACES = 64  # temporary files in which the hashes of one table are put in order
_HASH_BYTES = 8


def require_no_query(database: Database, tables: Sequence[Table]) -> None:
    """Refuse tables of which an extension gives a part to dumps, by a condition: pg_dump reads them by a query.

    Raises:
        TitanError: the owner of one, or of a function that it uses, is neither the connected role nor a superuser.
    """
    read = [table for table in tables if table.condition and not table.absent]
    found = [table for table in read if database.value(_FUNCTIONS_OF_OTHERS, {"oid": table.oid})]
    if found:
        name = found[0].label
        raise TitanError(
            f"Table {name} belongs to an extension that dumps a part of it by a query, and its owner, or the owner of a function of its "
            "indexes, is another role that is not a superuser: the query would run that role's functions with the connected role's rights. "
            "Give the table and the functions to a superuser (ALTER TABLE ... OWNER TO), or leave the table's rows out "
            f"('exclude_data_of: [{name}]').",
            table=name,
        )


def count_and_hash_copied(database: Database, table: Table) -> tuple[int, str]:
    """The number of rows and the sum of their hashes, as text.

    Args:
        database: Connected, with fixed settings.
        table: What is read.
    """
    total = _Sum()
    rows = sum(database.copy_out(query, cast(IO[bytes], total)) for query in _queries(database, table))
    return rows, str(total.sum)


def count_copied(database: Database, table: Table) -> int:
    """The number of rows."""
    with open(os.devnull, "wb") as nowhere:
        return sum(database.copy_out(query, nowhere) for query in _queries(database, table))


def ordered_hashes(database: Database, table: Table) -> Iterator[int]:
    """The hash of each row, in order; of any number of rows, by way of temporary files."""
    with ExitStack() as stack:
        files = [stack.enter_context(TemporaryFile()) for _place in range(_PLACES)]
        writer = cast(IO[bytes], _Sorted([file.write for file in files]))
        for query in _queries(database, table):
            database.copy_out(query, writer)
        for file in files:
            file.seek(0)
            hashes = array("Q", file.read())
            yield from sorted(hashes)


def _queries(database: Database, table: Table) -> Iterator[Any]:
    parts = database.rows(_PARTS, (table.oid,)) if table.whole else []
    places = [(row["oid"], sql.Identifier(row["schema"], row["name"])) for row in parts]
    encoding = sql.Literal(database.value("SELECT getdatabaseencoding()"))
    for oid, name in places if table.whole else [(table.oid, table.identifier())]:
        columns = sorted(row["name"] for row in database.rows(_STORED, (oid,)))
        each = sql.SQL(", ").join(map(sql.Identifier, columns))
        if table.condition:
            source: Any = sql.SQL("(SELECT {} FROM ONLY {} {})").format(each, name, sql.SQL(table.condition))
        else:
            source = sql.SQL("{} ({})").format(name, each) if columns else name
        yield sql.SQL("COPY {} TO STDOUT (ENCODING {})").format(source, encoding)


def _digest(row: bytes) -> bytes:
    return blake2b(row, digest_size=_HASH_BYTES).digest()


class _Sum:
    """Takes COPY's data: the server sends one row at a time."""

    def __init__(self) -> None:
        self.sum = 0

    def write(self, row: bytes) -> None:
        self.sum += int.from_bytes(_digest(row), "little")


@dataclass
class _Sorted:
    """Takes COPY's data, and puts each row's hash to those that begin as it does.

    Attributes:
        places: By the first bits of the hash.
    """

    places: Sequence[Callable[[bytes], Any]]

    def write(self, row: bytes) -> None:
        number = int.from_bytes(_digest(row), "little")
        self.places[number * _PLACES >> (8 * _HASH_BYTES)](array("Q", (number,)).tobytes())
