# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rescue has done: a row in titan_ops.rescue, and a file on the host from which it can be taken back.

The file is JSON lines and, after each line that names a table, rows as COPY writes them, ended by a line "\\.". It holds rows
of the database: mode 0600. The row in the database comes with the transaction; a file without one tells of nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import IO, Any, NamedTuple

from ...errors import TitanError
from ...postgres.database import Database, sql
from ...text.json_kinds import parsed
from .plan import Plan
from .sides import HASH, column_list

FORMAT = 1
_END = b"\\.\n"
_TABLE = """
CREATE SCHEMA IF NOT EXISTS titan_ops;
CREATE TABLE IF NOT EXISTS titan_ops.rescue (
    id        text PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    by_role   text NOT NULL DEFAULT current_user,
    source    text NOT NULL,
    file      text NOT NULL,
    tables    jsonb NOT NULL,
    undone_at timestamptz
);
COMMENT ON TABLE titan_ops.rescue IS
    'Rows that titan-db rescue has put back, counted for each table; the file on the host takes them away again.';
"""


class Section(NamedTuple):
    """Rows of one table in the file.

    Attributes:
        kind: "inserted": keys, and the hash of each row as it was then; "replaced": the former rows, too.
        key: The live columns of the key; empty for a table without one.
        columns: Those that the rows were compared by.
    """

    kind: str
    schema: str
    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


def prepare_record(live: Database) -> None:
    """Make the table, if it is missing.

    Raises:
        DatabaseError: the role may not.
    """
    if live.value("SELECT to_regclass('titan_ops.rescue')") is None:
        live.execute(_TABLE)


def note_rescue(live: Database, name: str, source: str, path: str, plan: Plan) -> None:
    """Write the row, in the transaction of the rescue."""
    tables = [
        {"table": table.pair.label, "inserted": table.missing, "replaced": table.changed} for table in plan.tables
    ]
    live.execute(
        "INSERT INTO titan_ops.rescue (id, source, file, tables) VALUES (%s, %s, %s, %s)",
        (name, source, path, json.dumps(tables)),
    )


def write_record(stream: IO[bytes], live: Database, name: str, plan: Plan, changed: bool) -> None:
    """Write what takes the rescue back: after the rows were inserted, and after the former ones were set aside."""
    _line(stream, {"format": FORMAT, "rescue": name, "database": live.settings.database,
                   "at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")})  # fmt: skip
    for table in plan.tables:
        pair = table.pair
        about = {"schema": pair.live.schema, "table": pair.live.name, "key": pair.key, "columns": pair.columns}
        if table.missing:
            _line(stream, {"kind": "inserted", **about})
            rows = sql.SQL("SELECT {} FROM {} r").format(pair.keys_of("r"), pair.temporary("rows"))
            if pair.key:  # as they stand now: a trigger may have changed them
                rows = sql.SQL("SELECT {} FROM {} r JOIN {} l ON {}").format(
                    pair.keys_of("l"), pair.temporary("rows"), pair.keyed(pair.live), pair.same_key("l", "r")
                )
            _rows(stream, live, rows)
        if changed and table.changed:
            _line(stream, {"kind": "replaced", **about})
            names = column_list([*pair.columns, *pair.key_names, HASH], "o")
            _rows(stream, live, sql.SQL("SELECT {} FROM {} o").format(names, pair.temporary("old")))


def _line(stream: IO[bytes], content: dict[str, Any]) -> None:
    stream.write(json.dumps(content).encode() + b"\n")


def _rows(stream: IO[bytes], live: Database, query: Any) -> None:
    live.copy_out(live.as_text(sql.SQL("COPY ({}) TO STDOUT").format(query)), stream)
    stream.write(_END)


class _Rows:
    """The rows of a section, as a stream that ends with them."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._ended = stream, False

    def read(self, _size: int = -1) -> bytes:
        if self._ended:
            return b""
        line = self._stream.readline()
        if line == _END:
            self._ended = True
            return b""
        if not line.endswith(b"\n"):
            raise TitanError("The file ends in the middle of its rows: it was cut off.")
        return line

    def pass_over(self) -> None:
        while self.read():
            pass


def read_head(stream: IO[bytes], path: str) -> dict[str, Any]:
    """The first line.

    Raises:
        TitanError: it is not the record of a rescue.
    """
    try:
        head = parsed(stream.readline(1 << 16))
        if head["format"] == FORMAT and head["rescue"] and head["database"]:
            return dict(head)
    except (ValueError, KeyError, TypeError):
        pass
    raise TitanError(f"{path} is not a file that 'titan-db rescue' of this version has written.")


def read_sections(stream: IO[bytes]) -> Iterator[tuple[Section, _Rows]]:
    """Each table's part, and its rows, which are passed over unless they are read."""
    while line := stream.readline():
        about = parsed(line)
        rows = _Rows(stream)
        yield (
            Section(about["kind"], about["schema"], about["table"], tuple(about["key"]), tuple(about["columns"])),
            rows,
        )
        rows.pass_over()
