# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexes that were left out because an equal one is there: each is a row of titan_ops.skipped_index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...postgres.database import Database
from .presence import has_table

_TABLE = """
CREATE TABLE IF NOT EXISTS titan_ops.skipped_index (
  schema text NOT NULL,
  name text NOT NULL,
  table_name text NOT NULL,
  duplicate_of text NOT NULL,
  definition text NOT NULL,
  storage text NOT NULL,
  tablespace text NOT NULL,
  version text NOT NULL,
  table_oid bigint NOT NULL,
  duplicate_oid bigint NOT NULL,
  columns integer[] NOT NULL,
  PRIMARY KEY (schema, name)
);
COMMENT ON TABLE titan_ops.skipped_index IS 'Indexes of migrations that were left out because an equal one is there.';
"""


_COLUMNS = "schema, name, table_name, duplicate_of, definition, storage, tablespace, version, table_oid, duplicate_oid, columns"


Key = tuple[str, str]


class SkippedIndex(NamedTuple):
    """One index that was left out.

    Attributes:
        schema, name: As the file declared it.
        table_name, duplicate_of: Its table and the index that is there in its place, both in the same schema.
        definition: The CREATE INDEX statement, qualified, under its own name.
        storage, tablespace: Storage parameters and tablespace ("" is the database's), compared apart.
        version: The migration that declared it.
        table_oid, duplicate_oid, columns: Table, duplicate and the numbers of its columns, as last seen.
    """

    schema: str
    name: str
    table_name: str
    duplicate_of: str
    definition: str
    storage: str
    tablespace: str
    version: str
    table_oid: int
    duplicate_oid: int
    columns: list[int]

    @property
    def key(self) -> Key:
        return self.schema, self.name


def create(database: Database) -> None:
    """Make the table if it is missing: before the files, as everything of ours."""
    if not has_table(database):
        database.execute(_TABLE)


def read(database: Database) -> list[SkippedIndex]:
    """All of them as they were written; empty without the table."""
    if not has_table(database):
        return []
    rows = database.rows(f"SELECT {_COLUMNS} FROM titan_ops.skipped_index ORDER BY 1, 2")  # noqa: S608 - fixed names
    return [SkippedIndex(**row) for row in rows]


def save(database: Database, gone: Iterable[Key], items: Iterable[SkippedIndex]) -> None:
    """Take the ones of these keys out, and write these; part of the caller's transaction if there is one."""
    for schema, name in gone:
        database.execute("DELETE FROM titan_ops.skipped_index WHERE schema = %s AND name = %s", (schema, name))
    for item in items:
        database.execute(
            f"INSERT INTO titan_ops.skipped_index ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::integer[]) "  # noqa: S608
            "ON CONFLICT (schema, name) DO UPDATE SET (table_name, duplicate_of, definition, storage, tablespace, version, "
            "table_oid, duplicate_oid, columns) = (excluded.table_name, excluded.duplicate_of, excluded.definition, "
            "excluded.storage, excluded.tablespace, excluded.version, excluded.table_oid, excluded.duplicate_oid, excluded.columns)",
            tuple(item),
        )
