# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: restore a backup into a throw-away cluster and compare it with what the source was."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any, Callable

from ...errors import LockedError, TitanError
from ...outcome import silent
from ...postgres.cluster import THROW_AWAY, Cluster
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ...postgres.locks import advisory_lock
from ...postgres.programs import Programs
from ...steps import step
from ..catalog.manifest import Manifest
from ..catalog.naming import FileName
from ..catalog.source import Source
from ..content.fingerprint import Fingerprint, canceller, fix_settings
from ..content.row_hash import COLUMNS
from ..content.schema_text import Skeleton
from ..load.loading import Loader, restoring
from ..load.targets import (
    UNFINISHED,
    create_database,
    drop_database,
    lacks_locale,
    maintenance,
    make_like_source,
    restore_temp_directory,
)
from ..programs.pipeline import Deadline
from .cluster import drill_cluster
from .read_restored import compares_text, differences_to, needs_redump, read_restored

_DATABASE = "drill"
_LOCKS = "max_locks_per_transaction=1024"  # a plain dump is loaded in one transaction, which locks all it makes
_MISSING_ROLE = re.compile(r'role "(.+?)" does not exist')
_ROLES_AT_MOST = 30


@dataclass(frozen=True)
class DrillResult:
    """What a drill has shown.

    Attributes:
        differences: Sentences; empty when the restore equals the source.
        tables, rows: Compared (or, without a manifest, only counted after the restore).
        seconds: Of the whole drill.
        restored: The restored database's fingerprint.
        warnings: Sentences; that no sandbox could be made, for example.
    """

    differences: tuple[str, ...]
    tables: int
    rows: int
    seconds: float
    restored: Fingerprint
    warnings: tuple[str, ...] = ()


def run_drill(
    path: str,
    file: FileName,
    manifest: Manifest | None,
    programs: Programs,
    deadline: Deadline,
    folder: str,
    jobs: int = 2,
    age_identity: str = "",
    server: ConnectionSettings | None = None,
    say: Callable[[str], None] = silent,
) -> DrillResult:
    """Restore the backup and compare.

    Args:
        path, file: The backup.
        manifest: What its source was; None only counts what came back.
        programs: Client and server programs of the major that made the dump.
        deadline: When it must be done.
        folder: Where the cluster's private directory is made.
        jobs: Parallel connections of pg_restore.
        age_identity: Path of the age identity for an encrypted backup.
        server: Restore into a scratch database of this server instead, where no cluster can be made.
        say: Takes progress lines.

    Raises:
        TitanError: the restore failed, or no cluster could be made.
    """
    began = time.monotonic()
    source = (manifest.source if manifest else None) or Source()
    warnings: list[str] = []
    place = (
        _in_scratch_database(server, source, deadline)
        if server
        else _in_drill_cluster(programs, folder, source, deadline, warnings.append)
    )
    with ExitStack() as stack:
        ready, work, runs_as = stack.enter_context(place)
        loader = Loader(
            programs, work, jobs, deadline, bool(manifest and needs_redump(manifest)), age_identity, runs_as,
            foreign=manifest is None or manifest.adopted,
        )  # fmt: skip
        say("Restoring ...")
        step("drill.restore")
        unpacked = stack.enter_context(ExitStack())
        with restoring():
            archive = unpacked.enter_context(loader.unpacked(path, file))
        target = ready()
        with _in_its_locale(target, source):
            reads_archive = _load(loader, archive, file, target, bool(manifest or server))
        step("drill.compare")
        say("Comparing ...")
        text = partial(_text, reads_archive, unpacked)
        restored, differences = _compare(manifest, target, text, loader, say, server is None)
    seconds = time.monotonic() - began
    return DrillResult(tuple(differences), len(restored.tables), restored.rows, seconds, restored, tuple(warnings))


@contextmanager
def _in_its_locale(target: ConnectionSettings, source: Source) -> Iterator[None]:
    """A failure in another locale than the source's (a check of lower(), a partition's bounds) is not the backup's."""
    try:
        yield
    except TitanError as error:
        if error.details.get("of_the_backup"):
            with connect(target, "drill") as database:
                lacking = lacks_locale(database, source)
            if lacking:
                raise TitanError(
                    f"{error.message} That says nothing about the backup: PostgreSQL on this host does not have the source's "
                    f"locale {lacking!r}. Drill it on a host that has it.",
                    **{**error.details, "of_the_backup": False},
                ) from error
        raise


def _text(reads_archive: Callable[[], Skeleton], unpacked: ExitStack) -> Skeleton:
    """What the dump says the schema is; then the archive goes, which takes a moment when it is large."""
    with unpacked:
        return reads_archive()


def _compare(
    manifest: Manifest | None,
    target: ConnectionSettings,
    reads_archive: Callable[[], Skeleton],
    loader: Loader,
    say: Callable[[str], None],
    alone: bool,
) -> tuple[Fingerprint, list[str]]:
    """The restored database's fingerprint, and what differs.

    The dump's own text is read while the database is; so is the database's, where the server has nothing else to do.
    """
    deadline = loader.deadline
    hash_method = manifest.fingerprint.hash_method if manifest else COLUMNS
    with ThreadPoolExecutor(2) as pool:
        skeleton = pool.submit(reads_archive)
        dumps = alone and manifest is not None and compares_text(manifest, loader)
        again = pool.submit(loader.database_skeleton, target).result if dumps else None
        restored = read_restored(target, loader.jobs, say, not loader.with_rows, deadline, hash_method)
        with restoring():
            archive = skeleton.result()
        with connect(target, "drill") as database, deadline.ends(canceller(database)):
            fix_settings(database)
            said = differences_to(manifest, restored, archive, database, loader, again) if manifest else []
    return restored, said


# what waits for the empty database, a directory to work in, who runs psql
_Place = tuple[Callable[[], ConnectionSettings], str, dict[str, Any]]


@contextmanager
def _in_scratch_database(server: ConnectionSettings, source: Source, deadline: Deadline) -> Iterator[_Place]:
    """An empty database on a running server, dropped afterwards; those of dead runs are dropped first."""
    name = f"{DRILL_DATABASE}{datetime.now(timezone.utc):%Y%m%d_%H%M%S}_{os.getpid()}"
    with maintenance(server) as database, advisory_lock(database, "drill", name):
        for row in database.rows(_MARKED, (UNFINISHED, DRILL_DATABASE)):
            with suppress(LockedError), advisory_lock(database, "drill", row["name"]):
                drop_database(database, row["name"])
        try:
            with deadline.ends(canceller(database)):
                create_database(database, name, source)
            with tempfile.TemporaryDirectory(prefix="titan-restore-", dir=restore_temp_directory()) as work:
                yield lambda: server.to(name), work, {}
        finally:
            if not database.closed:
                drop_database(database, name)


DRILL_DATABASE = "titan_drill_"
_MARKED = """
SELECT datname::text AS name FROM pg_database
 WHERE shobj_description(oid, 'pg_database') = %s AND starts_with(datname::text, %s)
"""


@contextmanager
def _in_drill_cluster(
    programs: Programs, folder: str, source: Source, deadline: Deadline, warn: Callable[[str], None]
) -> Iterator[_Place]:
    """A database in a throw-away cluster, whose superuser has the name of the source's; it is made while the block begins."""
    superuser = source.superuser
    with drill_cluster(programs, folder, deadline, warn) as cluster:
        step("drill.cluster")
        with ThreadPoolExecutor(1) as pool:
            made = pool.submit(_make, cluster, superuser, source, deadline)
            yield made.result, cluster.folder, cluster.identity()


def _make(cluster: Cluster, superuser: str, source: Source, deadline: Deadline) -> ConnectionSettings:
    """Make the cluster, the roles, tablespaces and the database that the dump expects."""
    cluster.create(superuser=superuser, limit=deadline.left())
    cluster.start([*THROW_AWAY, _LOCKS], limit=deadline.left())
    maintenance = cluster.settings("postgres", superuser)
    with connect(maintenance, "drill") as database:
        for role in source.roles:
            create_role(database, role)
        for number, tablespace in enumerate(source.tablespaces):
            _create_tablespace(database, tablespace, cluster, os.path.join(cluster.folder, f"tablespace{number}"))
        make_like_source(database, _DATABASE, source)
    return maintenance.to(_DATABASE)


def create_role(database: Database, role: str) -> None:
    """Make a role that owns and is granted things, and can do nothing else."""
    if not database.value("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", (role,)):
        database.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))


def _create_tablespace(database: Database, name: str, cluster: Cluster, folder: str) -> None:
    cluster.make_folder(folder)
    database.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(name), sql.Literal(folder)))


def _load(
    loader: Loader, archive: str, file: FileName, target: ConnectionSettings, known: bool
) -> Callable[[], Skeleton]:
    """Load the dump; for one without a manifest, make the roles that it turns out to need."""
    for _attempt in range(_ROLES_AT_MOST):
        try:
            with restoring():
                return loader.load_archive(archive, file, target)
        except TitanError as error:
            missing = _MISSING_ROLE.search(error.message)
            if known or not missing:
                raise
            with connect(target.to("postgres"), "drill") as database:
                create_role(database, missing[1])
                database.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_DATABASE)))
                make_like_source(database, _DATABASE, Source())
    raise TitanError("The restore failed: the dump needs too many roles that do not exist.")
