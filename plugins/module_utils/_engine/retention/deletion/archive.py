# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows written to a file before they go.

Each batch is one transaction: COPY (DELETE ... RETURNING ...) sends exactly the rows that it deletes, the file is
synced, and only then is the transaction committed. So every deleted row is in the file; after a crash the file may
hold rows of the last batch that were not deleted after all, and the next run archives those again. When a run ends,
a manifest beside the file says how many rows it has and its SHA-256; a file that a crash left without one gets it
from the next run.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import IO, Any, Callable

from ...errors import TitanError
from ...host.files import sha256_file, sync_directory, write_file
from ...host.safe_open import open_file
from ...postgres.database import Database, sql
from ...steps import step
from ..plan.archive import MANIFEST, SUFFIX, file_stem, unfinished_archives
from ..plan.count import Dated
from ..policies.tables import Table


@dataclass
class Archive:
    """The file of one policy in one run; made with the first row."""

    dated: Dated
    table: Table
    rows: int = 0
    _stream: IO[bytes] | None = field(default=None)

    @property
    def path(self) -> str:
        """Where the rows go: a name made of the policy's name and the time of the run."""
        moment = re.sub(r"[^0-9]", "", self.dated.clock.split("+")[0])
        return os.path.join(self.dated.policy.archive, f"{file_stem(self.dated.policy)}_{moment}{SUFFIX}")

    @property
    def columns(self) -> list[str]:
        """What is written: all columns but the generated ones, which COPY could not read back."""
        return [column.name for column in self.table.columns.values() if not column.generated]

    def finish_interrupted(self) -> None:
        """Give the files of interrupted runs of this policy their manifest, without their torn last line."""
        folder = self.dated.policy.archive
        for name in unfinished_archives(self.dated.policy):
            path = os.path.join(folder, name)
            rows = _whole_lines(path)
            self._write_manifest(path, rows, interrupted=True)

    def delete(
        self,
        database: Database,
        query: Any,
        begin: str,
        before_commit: Callable[[int], None] | None = None,
        begun: Callable[[], None] | None = None,
    ) -> int:
        """Run one deleting statement in a transaction that begins so, keep its rows; return how many.

        Args:
            begun: Called before the statement, in its transaction.
            before_commit: Called with the number of rows after it.
        """
        stream = self._opened()
        start = stream.tell()
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in self.columns)
        copy = sql.SQL("COPY ({} RETURNING {}) TO STDOUT").format(query, columns)
        try:
            with database.transaction(begin):
                if begun:
                    begun()
                rows = database.copy_out(copy, stream)
                stream.flush()
                step("cleanup.archive_sync")
                os.fsync(stream.fileno())
                written = _lines(self.path, start)
                if written != rows:
                    raise TitanError(
                        f"{rows} rows were deleted, but {written} are in {self.path}; the batch was rolled back."
                    )
                if before_commit:
                    before_commit(rows)
                step("cleanup.archive_commit")
        except Exception:
            if not database.closed:  # else nobody knows whether it was committed: keep the rows
                stream.seek(start)
                stream.truncate()
            raise
        self.rows += rows
        return rows

    def close(self) -> str:
        """Write the manifest; return the file's path, or an empty string if there was nothing to write."""
        if self._stream is None:
            return ""
        self._stream.close()
        step("cleanup.archive_manifest")
        self._write_manifest(self.path, self.rows, interrupted=False)
        return self.path

    def _opened(self) -> IO[bytes]:
        if self._stream is None:
            self._stream = os.fdopen(open_file(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL), "r+b")
            sync_directory(self.dated.policy.archive)
        return self._stream

    def _write_manifest(self, path: str, rows: int, interrupted: bool) -> None:
        policy = self.dated.policy
        content = {
            "file": os.path.basename(path),
            "policy": policy.name,
            "table": policy.full_table,
            "columns": self.columns,
            "format": "PostgreSQL COPY text, UTF-8",
            "rows": rows,
            "size": os.path.getsize(path),
            "sha256": sha256_file(path),
            "interrupted": interrupted,
        }
        write_file(
            path + MANIFEST, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode(), 0o600, "archive"
        )


def _lines(path: str, start: int) -> int:
    total = 0
    with os.fdopen(open_file(path), "rb") as stream:
        stream.seek(start)
        while piece := stream.read(1 << 20):
            total += piece.count(b"\n")
    return total


def _whole_lines(path: str) -> int:
    """Cut off a last line without its end (it was never synced, so never committed); return the number of lines."""
    with os.fdopen(open_file(path, os.O_RDWR), "r+b") as stream:
        content = stream.seek(0, os.SEEK_END)
        position = content
        while position > 0:
            stream.seek(position - 1)
            if stream.read(1) == b"\n":
                break
            position -= 1
        if position != content:
            stream.truncate(position)
            os.fsync(stream.fileno())
    return _lines(path, 0)
