# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the rows of a restored database with several connections at a time."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Callable

from ...outcome import silent
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect
from ..content.fingerprint import Content, Fingerprint, canceller, fix_settings, read_contents, read_fingerprint
from ..content.row_hash import NEWEST
from ..content.tables import Table, read_tables
from ..programs.pipeline import Deadline


def read_restored(
    target: ConnectionSettings,
    jobs: int,
    say: Callable[[str], None] = silent,
    hashed: Collection[tuple[str, str]] | None = None,
    deadline: Deadline | None = None,
    hash_method: str = NEWEST,
    choose: Callable[[Database, Sequence[Table]], list[Table]] | None = None,
    large_objects: bool = True,
) -> Fingerprint:
    """The fingerprint of a restored database that nobody else writes to, taken with several connections at a time.

    Args:
        target: The restored database.
        jobs: Connections to use.
        say: Takes a line for each table.
        hashed: Schema and name of the tables to hash, the rows of others are only counted; None for all.
        deadline: When it must be done.
        hash_method: How to hash rows: that of the fingerprint to compare with.
        choose: Which of the tables are read; None for all.
        large_objects: Read them, too.
    """
    deadline = deadline or Deadline(0)
    with connect(target, "fingerprint") as database, deadline.ends(canceller(database)):
        fix_settings(database)
        tables = read_tables(database, hash_method)
        tables = choose(database, tables) if choose else tables
        bytes_of = {row["oid"]: row["bytes"] for row in database.rows(_BYTES)}
        tables.sort(key=lambda table: bytes_of.get(table.oid, 0))  # the largest is taken first, from the end
        objects = read_fingerprint(database, [], say, hashed, hash_method) if large_objects else _NOTHING
    taking = threading.Lock()
    found: list[Content] = []

    def work() -> None:
        with connect(target, "fingerprint") as database, deadline.ends(canceller(database)):
            fix_settings(database)
            while True:
                with taking:
                    table = tables.pop() if tables else None
                if table is None:
                    return
                found.extend(read_contents(database, [table], say, hashed, hash_method))

    with ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(work) for _job in range(min(jobs, len(tables)))]:
            future.result()
    contents = tuple(sorted(found, key=lambda content: (content.schema, content.name)))
    return replace(objects, tables=contents)


_BYTES = "SELECT oid::bigint AS oid, coalesce(pg_relation_size(oid), 0) AS bytes FROM pg_class WHERE relkind = 'r'"
_NOTHING = Fingerprint((), 0, "0")
_OF_SUPERUSERS = """
SELECT c.oid::bigint AS oid FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolsuper AND c.relkind IN ('r', 'p')
"""


@dataclass
class LoadersRows:
    """The rows of a database on a live server, read by the role that has loaded them while they are its own.

    To plan a query, PostgreSQL runs the functions that indexes and statistics name, with the rights of whoever asks: those of
    a superuser would be the dump's. A superuser reads what superusers own, such as the tables of extensions.

    Attributes:
        jobs, say, hashed, deadline, hash_method: As of read_restored().
        contents: What the role has read; None for nothing.
    """

    jobs: int
    say: Callable[[str], None]
    hashed: Collection[tuple[str, str]] | None
    deadline: Deadline
    hash_method: str
    contents: tuple[Content, ...] | None = None

    def take(self, target: ConnectionSettings) -> None:
        """Read as the loading role."""
        self.contents = self._read(target, _not_of_superusers, large_objects=False).tables

    def complete(self, reader: ConnectionSettings) -> Fingerprint:
        """All of it; the reader is the superuser, or who may read all."""
        if self.contents is None:
            return self._read(reader, None)
        known = {(content.schema, content.name) for content in self.contents}
        rest = self._read(
            reader, lambda _database, tables: [each for each in tables if (each.schema, each.name) not in known]
        )
        tables = sorted((*self.contents, *rest.tables), key=lambda content: (content.schema, content.name))
        return replace(rest, tables=tuple(tables))

    def _read(
        self,
        target: ConnectionSettings,
        choose: Callable[[Database, Sequence[Table]], list[Table]] | None,
        large_objects: bool = True,
    ) -> Fingerprint:
        return read_restored(
            target, self.jobs, self.say, self.hashed, self.deadline, self.hash_method, choose, large_objects
        )


def _not_of_superusers(database: Database, tables: Sequence[Table]) -> list[Table]:
    theirs = {row["oid"] for row in database.rows(_OF_SUPERUSERS)}
    return [table for table in tables if table.oid not in theirs]
