# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a database: for each table the number of rows and an order-independent hash of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Callable

from ...errors import TitanError
from ...outcome import silent
from ...postgres.database import Database, child_options, sql
from .row_hash import COLUMNS, COLUMNS_OF, HASH_METHODS, TEXT, Column, row_hash

# Row text depends on these; both sides of a comparison must run under the same.
_FIXED_SETTINGS = """
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3;
SET bytea_output = 'hex'; SET xmlbinary = 'base64'; SET lc_monetary = 'C'; SET row_security = off;
SET statement_timeout = 0
"""


@dataclass(frozen=True)
class Table:
    """A table that holds rows of its own."""

    oid: int
    schema: str
    name: str
    readable: bool
    row_security: bool
    pages: int
    absent: bool

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"

    def identifier(self) -> Any:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True)
class Content:
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
        hash_method: How to hash rows.
    """

    tables: tuple[Content, ...]
    large_objects: int
    large_objects_hash: str
    hash_method: str = COLUMNS

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    def as_manifest(self) -> dict[str, Any]:
        return {
            "tables": [asdict(table) for table in self.tables],
            "large_objects": {"count": self.large_objects, "hash": self.large_objects_hash},
            "row_hash": self.hash_method,
        }


def fingerprint_from_manifest(manifest: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint that was taken of the source."""
    objects = manifest.get("large_objects") or {}
    return Fingerprint(
        tuple(Content(table["schema"], table["name"], table["rows"], table["hash"]) for table in manifest["tables"]),
        int(objects.get("count", 0)),
        str(objects.get("hash", "0")),
        hash_method_of(manifest),
    )


def hash_method_of(manifest: Mapping[str, Any] | None) -> str:
    """How a manifest's rows are hashed; a comparison has to use the same method. Without a manifest the newest.

    Raises:
        TitanError: a newer version made it.
    """
    hash_method = str(manifest.get("row_hash") or TEXT) if manifest else COLUMNS
    if hash_method not in HASH_METHODS:
        raise TitanError(f"Its manifest hashes rows by the method {hash_method!r}, which this version does not know.")
    return hash_method


def fix_settings(database: Database) -> None:
    """Make row text depend on the rows alone, and lift the role's own time limits."""
    database.execute(_FIXED_SETTINGS)
    if database.major >= 17:
        database.execute("SET transaction_timeout = 0")


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


def read_tables(database: Database) -> list[Table]:
    """The tables whose rows pg_dump dumps: ordinary tables and leaf partitions that no extension owns."""
    found = database.rows(
        """
        SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name,
               has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
               row_security_active(c.oid) AS row_security, c.relpages AS pages,
               c.relpersistence = 'u' AND pg_is_in_recovery() AS absent
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND c.relpersistence <> 't'
           AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                              AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid
                              AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
         ORDER BY n.nspname, c.relname
        """
    )
    return [Table(**row) for row in found]


def read_fingerprint(
    database: Database,
    tables: Sequence[Table],
    say: Callable[[str], None] = silent,
    hashes: bool = True,
    hash_method: str = COLUMNS,
) -> Fingerprint:
    """Count and hash the rows of the tables, and the large objects, in the connection's transaction or snapshot.

    Args:
        database: Connected, with fixed settings.
        tables: From read_tables.
        say: Takes a line for each table.
        hashes: False to count the rows only; their hash is then empty.
        hash_method: How to hash rows, for a comparison with an older fingerprint.
    """
    contents = read_contents(database, tables, say, hashes, hash_method)
    objects, objects_hash = _large_objects(database)
    return Fingerprint(contents, objects, objects_hash, hash_method)


def read_contents(
    database: Database,
    tables: Iterable[Table],
    say: Callable[[str], None] = silent,
    hashes: bool = True,
    hash_method: str = COLUMNS,
) -> tuple[Content, ...]:
    """Count and hash the rows of the tables. Those that a standby does not have are empty there and in a dump of it."""
    contents = []
    for table in tables:
        if table.absent:
            contents.append(Content(table.schema, table.name, 0, "0" if hashes else ""))
        else:
            contents.append(_content(database, table, hash_method) if hashes else _count(database, table))
        say(f"  {table.label}: {contents[-1].rows} rows")
    return tuple(contents)


def _count(database: Database, table: Table) -> Content:
    rows = database.value(sql.SQL("SELECT count(*) FROM ONLY {}").format(table.identifier()))
    return Content(table.schema, table.name, int(rows), "")


def _content(database: Database, table: Table, hash_method: str) -> Content:
    columns = [Column(row["name"], row["kind"]) for row in database.rows(COLUMNS_OF, (table.oid,))]
    alias, hashed = row_hash(hash_method, columns)
    row = database.row(
        sql.SQL(
            "SELECT count(*) AS rows, coalesce(sum({hashed}), 0)::text AS hash FROM ONLY {table} AS {alias}"
        ).format(hashed=hashed, table=table.identifier(), alias=sql.Identifier(alias))
    )
    if row is None:
        raise TitanError(f"Table {table.label} gave no count.")
    return Content(table.schema, table.name, int(row["rows"]), str(row["hash"]))


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
