# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a database: for each table the number of rows and an order-independent hash of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple

from ...errors import TitanError
from ...outcome import silent
from ...postgres.client_environment import child_options
from ...postgres.database import Database, sql
from ...postgres.trust import plans_code_of
from .copied import count_and_hash_copied, count_copied
from .row_hash import COLUMNS_OF, COPIED, HASH_METHODS, NEWEST, TEXT, Column, row_hash
from .tables import Table

# Row text depends on these; both sides of a comparison must run under the same.
_FIXED_SETTINGS = """
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3;
SET bytea_output = 'hex'; SET xmlbinary = 'base64'; SET lc_monetary = 'C'; SET row_security = off;
SET statement_timeout = 0
"""


class Content(NamedTuple):
    """One table's rows: how many, and the sum of a 64-bit hash of each; empty if they were only counted."""

    schema: str
    name: str
    rows: int
    hash: str


@dataclass(frozen=True)
class Fingerprint:
    """A database's content.

    Attributes:
        tables: By schema and name.
        large_objects, large_objects_hash: How many, and the sum of their pieces' hashes.
        hash_method: By which method the rows are hashed.
    """

    tables: tuple[Content, ...]
    large_objects: int
    large_objects_hash: str
    hash_method: str = NEWEST

    @property
    def hashed(self) -> set[tuple[str, str]] | None:
        """Schema and name of the tables that are hashed; None when all are."""
        if all(table.hash for table in self.tables):
            return None
        return {(table.schema, table.name) for table in self.tables if table.hash}

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    def as_manifest(self) -> dict[str, Any]:
        return {
            "tables": [table._asdict() for table in self.tables],
            "large_objects": {"count": self.large_objects, "hash": self.large_objects_hash},
            "row_hash": self.hash_method,
        }


def fingerprint_from_manifest(manifest: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint that was taken of the source."""
    objects = manifest.get("large_objects") or {}
    return Fingerprint(
        tuple(map(_content_of, manifest["tables"])),
        int(objects.get("count", 0)),
        str(objects.get("hash", "0")),
        hash_method_of(manifest),
    )


def _content_of(table: Mapping[str, Any]) -> Content:
    found = Content(table["schema"], table["name"], table["rows"], table["hash"])
    if not all(map(isinstance, found, (str, str, int, str))):
        raise TypeError("a table's schema, name and hash have to be text, and its rows a number")
    return found


def hash_method_of(manifest: Mapping[str, Any] | None) -> str:
    """How a manifest's rows are hashed; a comparison has to use the same method. Without a manifest the newest.

    Raises:
        TitanError: a newer version made it.
    """
    hash_method = str(manifest.get("row_hash") or TEXT) if manifest else NEWEST
    if hash_method not in HASH_METHODS:
        raise TitanError(f"Its manifest hashes rows by the method {hash_method!r}, which this version does not know.")
    return hash_method


def safe_hash_method(database: Database) -> str:
    """How to hash the rows of a live database: by a query, or by COPY where a query would run code of others with our rights."""
    return COPIED if plans_code_of(database) else NEWEST


def fix_settings(database: Database) -> None:
    """Make row text depend on the rows alone, and lift the role's own time limits."""
    database.execute(_FIXED_SETTINGS)
    if database.major >= 17:
        database.execute("SET transaction_timeout = 0")


def expand_no_views(database: Database) -> None:
    """Read neither views nor foreign tables in this session, as pg_dump does: somebody could put one in a table's or a sequence's place."""
    database.rows(
        "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'"
    )


def dump_settings(database: Database) -> dict[str, str]:
    """Variables that make pg_dump write rows the same way whatever the server, database or role has set.

    It sets what else matters itself. PGTZ passes every pooler; PGOPTIONS may not, and is given where it is needed only.
    """
    return {"PGTZ": "UTC", **_overridden(database, {"bytea_output": "hex", "quote_all_identifiers": "off"})}


def load_settings(database: Database) -> dict[str, str]:
    """Variables that let psql and pg_restore write, whatever the role has set."""
    return _overridden(database, {"default_transaction_read_only": "off"})


def _overridden(database: Database, wanted: Mapping[str, str]) -> dict[str, str]:
    rows = database.rows("SELECT name, reset_val AS value FROM pg_settings WHERE name = ANY(%s)", (list(wanted),))
    options = [f"-c {row['name']}={wanted[row['name']]}" for row in rows if row["value"] != wanted[row["name"]]]
    every = child_options(database.settings)
    return {"PGOPTIONS": " ".join([*([every] if every else []), *sorted(options)])} if options else {}


def canceller(database: Database) -> Callable[[], None]:
    """What another thread may call, and again while it lasts, to end whatever the connection is doing."""
    return database.interrupter()


def read_fingerprint(
    database: Database,
    tables: Sequence[Table],
    say: Callable[[str], None] = silent,
    hashed: Collection[tuple[str, str]] | None = None,
    hash_method: str = NEWEST,
) -> Fingerprint:
    """Count and hash the rows of the tables, and the large objects, in the connection's transaction or snapshot.

    Args:
        database: Connected, with fixed settings.
        tables: From read_tables.
        say: Takes a line for each table.
        hashed: Schema and name of the tables to hash; the rows of others are only counted. None for all.
        hash_method: How to hash rows, for a comparison with an older fingerprint.
    """
    contents = read_contents(database, tables, say, hashed, hash_method)
    objects, objects_hash = _large_objects(database)
    return Fingerprint(contents, objects, objects_hash, hash_method)


def read_contents(
    database: Database,
    tables: Iterable[Table],
    say: Callable[[str], None] = silent,
    hashed: Collection[tuple[str, str]] | None = None,
    hash_method: str = NEWEST,
) -> tuple[Content, ...]:
    """Count and hash the rows of the tables. Those that a standby does not have are empty there and in a dump of it."""
    contents = []
    for table in tables:
        hashes = hashed is None or (table.schema, table.name) in hashed
        if table.absent:
            contents.append(Content(table.schema, table.name, 0, "0" if hashes else ""))
        else:
            contents.append(_content(database, table, hash_method) if hashes else _count(database, table, hash_method))
        say(f"  {table.label}: {contents[-1].rows} rows")
    return tuple(contents)


def _count(database: Database, table: Table, hash_method: str) -> Content:
    if hash_method == COPIED:
        return Content(table.schema, table.name, count_copied(database, table), "")
    rows = database.value(sql.SQL("SELECT count(*) FROM {} AS titan_row").format(table.its_rows()))
    return Content(table.schema, table.name, int(rows), "")


def _content(database: Database, table: Table, hash_method: str) -> Content:
    if hash_method == COPIED:
        return Content(table.schema, table.name, *count_and_hash_copied(database, table))
    return Content(table.schema, table.name, *count_and_hash(database, table.oid, table.its_rows(), hash_method))


def count_and_hash(database: Database, oid: int, rows: Any, hash_method: str = NEWEST) -> tuple[int, str]:
    """The number of rows and the sum of their hashes.

    Args:
        database: Connected, with fixed settings.
        oid: The table whose columns they have.
        rows: What stands behind FROM, and wants a name.
        hash_method: How to hash rows.
    """
    columns = [Column(row["name"], row["kind"]) for row in database.rows(COLUMNS_OF, (oid,))]
    alias, hashed = row_hash(hash_method, columns)
    row = database.row(
        sql.SQL("SELECT count(*) AS rows, coalesce(sum({hashed}), 0)::text AS hash FROM {rows} AS {alias}").format(
            hashed=hashed, rows=rows, alias=sql.Identifier(alias)
        )
    )
    if row is None:
        raise TitanError(f"The table with the oid {oid} gave no count.")
    return int(row["rows"]), str(row["hash"])


def _large_objects(database: Database) -> tuple[int, str]:
    row = database.row(
        """
        WITH sized AS MATERIALIZED (
            SELECT m.oid, opened.fd, lo_lseek64(opened.fd, 0, 2) AS bytes
              FROM pg_largeobject_metadata m, LATERAL (SELECT lo_open(m.oid, 262144) AS fd) opened),
        closed AS MATERIALIZED (SELECT oid, bytes, lo_close(fd) FROM sized),
        pieces AS (
            SELECT c.oid, c.bytes, piece, sha256(lo_get(c.oid, piece, 1048576)) AS digest
              FROM closed c, generate_series(0, c.bytes, 1048576) AS piece)
        SELECT (SELECT count(*) FROM closed) AS count,
               coalesce(sum(hashtextextended(concat_ws(' ', oid, bytes, piece, encode(digest, 'hex')), 0)), 0)::text AS hash
          FROM pieces
        """
        if database.value("SELECT EXISTS (SELECT FROM pg_largeobject_metadata)")
        else "SELECT 0 AS count, '0' AS hash"
    )
    if row is None:
        raise TitanError("The large objects gave no count.")
    return int(row["count"]), str(row["hash"])
