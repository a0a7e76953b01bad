# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the rows of a restored database with several connections at a time."""

from __future__ import annotations

import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Callable

from ...outcome import silent
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect
from ..content.fingerprint import (
    Content,
    Fingerprint,
    Table,
    canceller,
    fix_settings,
    read_contents,
    read_fingerprint,
    read_tables,
)
from ..content.row_hash import NEWEST
from ..programs.pipeline import Deadline


def read_restored(
    target: ConnectionSettings,
    jobs: int,
    say: Callable[[str], None] = silent,
    hashed: Collection[tuple[str, str]] | None = None,
    deadline: Deadline | None = None,
    hash_method: str = NEWEST,
) -> Fingerprint:
    """The fingerprint of a restored database that nobody else writes to, taken with several connections at a time.

    Args:
        target: The restored database.
        jobs: Connections to use.
        say: Takes a line for each table.
        hashed: Schema and name of the tables to hash, the rows of others are only counted; None for all.
        deadline: When it must be done.
        hash_method: How to hash rows: that of the fingerprint to compare with.
    """
    deadline = deadline or Deadline(0)
    with connect(target, "fingerprint") as database, deadline.ends(canceller(database)):
        fix_settings(database)
        tables = read_tables(database, hash_method)
        waiting = iter(sorted(tables, key=lambda table: -_bytes(database, table)))
        objects = read_fingerprint(database, [], say, hashed, hash_method)
    taking = threading.Lock()
    found: list[Content] = []

    def work() -> None:
        with connect(target, "fingerprint") as database, deadline.ends(canceller(database)):
            fix_settings(database)
            while True:
                with taking:
                    table = next(waiting, None)
                if table is None:
                    return
                found.extend(read_contents(database, [table], say, hashed, hash_method))

    with ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(work) for _job in range(min(jobs, len(tables)))]:
            future.result()
    contents = tuple(sorted(found, key=lambda content: (content.schema, content.name)))
    return replace(objects, tables=contents)


def _bytes(database: Database, table: Table) -> int:
    return int(database.value("SELECT coalesce(pg_relation_size(%s::oid), 0)", (table.oid,)))
