# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a restored database and saying how it differs from what the manifest and the archive say."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Callable

from ...errors import DatabaseError, TitanError
from ...outcome import silent
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ..catalog.manifest import Manifest
from ..content.differences import content_differences, row_differences, schema_differences, sequence_differences
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
from ..content.row_hash import COLUMNS
from ..content.schema_text import Skeleton
from ..load.loading import Loader
from ..programs.pipeline import Deadline


def differences_to(
    manifest: Manifest,
    restored: Fingerprint,
    archive: Skeleton,
    database: Database,
    loader: Loader,
    again: Callable[[], Skeleton] | None = None,
) -> list[str]:
    """Every difference between the source and the connected, restored database, as sentences.

    The schema's text is compared only where the same version made the archive: another one, even a minor one, may write
    the same schema in other words.

    Args:
        manifest: What the source was.
        restored: The database's fingerprint.
        archive: What the dump says the schema is.
        database: Connected.
        loader: What has loaded it.
        again: Gives what the database's own dump says; without it, the dump is made here.
    """
    said = content_differences(manifest.fingerprint, restored)
    said += sequence_differences(archive.sequences, read_sequences(database, archive.sequences))
    made_by = manifest.tool_version
    same_major = manifest.tool_major == loader.programs.major
    if loader.with_rows and not same_major:
        raise TitanError(f"The proof 'redump' needs PostgreSQL {made_by}, which made the backup.")
    if compares_text(manifest, loader):
        found = again() if again else loader.database_skeleton(database.settings)
        said += row_differences(archive, found)
        said += schema_differences(archive, found) if made_by == loader.programs.version else []
    return said


def compares_text(manifest: Manifest, loader: Loader) -> bool:
    """Whether a comparison needs a dump of the restored database."""
    return loader.with_rows or manifest.tool_version == loader.programs.version


def read_restored(
    target: ConnectionSettings,
    jobs: int,
    say: Callable[[str], None] = silent,
    hashes: bool = True,
    deadline: Deadline | None = None,
    hash_method: str = COLUMNS,
) -> Fingerprint:
    """The fingerprint of a restored database that nobody else writes to, taken with several connections at a time.

    Args:
        target: The restored database.
        jobs: Connections to use.
        say: Takes a line for each table.
        hashes: False to count the rows only.
        deadline: When it must be done.
        hash_method: How to hash rows: that of the fingerprint to compare with.
    """
    deadline = deadline or Deadline(0)
    with connect(target, "fingerprint") as database, deadline.ends(canceller(database)):
        fix_settings(database)
        tables = read_tables(database)
        waiting = iter(sorted(tables, key=lambda table: -_bytes(database, table)))
        objects = read_fingerprint(database, [], say, hashes, hash_method)
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
                found.extend(read_contents(database, [table], say, hashes, hash_method))

    with ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(work) for _job in range(min(jobs, len(tables)))]:
            future.result()
    contents = tuple(sorted(found, key=lambda content: (content.schema, content.name)))
    return replace(objects, tables=contents)


def _bytes(database: Database, table: Table) -> int:
    return int(database.value("SELECT coalesce(pg_relation_size(%s::oid), 0)", (table.oid,)))


def needs_redump(manifest: Manifest) -> bool:
    """Whether the manifest has no hashes, so that only a dump of the restored database shows that its rows are right."""
    return any(not table.hash for table in manifest.fingerprint.tables)


def read_sequences(database: Database, names: Iterable[str]) -> dict[str, tuple[int, bool]]:
    found = {}
    for name in names:
        try:
            # The archive's own, quoted name: to_regclass() refuses anything else.
            row = database.row(
                "SELECT coalesce(pg_sequence_last_value(c.oid), s.seqstart)::bigint AS value, "
                "pg_sequence_last_value(c.oid) IS NOT NULL AS called, c.relname::text AS name, n.nspname::text AS schema "
                "FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE c.oid = to_regclass(%s)",
                (name,),
            )
        except DatabaseError:
            continue
        if row and row["called"]:
            found[name] = (int(row["value"]), True)
        elif row:
            relation = sql.Identifier(row["schema"], row["name"])
            found[name] = (int(database.value(sql.SQL("SELECT last_value FROM {}").format(relation))), False)
    return found
