# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: restore a backup into a throw-away cluster and compare it with what the source was."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable

from ..cluster import THROW_AWAY, Cluster, identity, make_folder
from ..connection import ConnectionSettings
from ..database import Database, connect, sql
from ..errors import DatabaseError, LockedError, TitanError
from ..locks import advisory_lock
from ..outcome import silent
from ..steps import step
from .check import differences_to, needs_redump, read_restored
from .fingerprint import Fingerprint, canceller, hashed_in, pin
from .loading import Loader
from .naming import FileName
from .pipeline import Deadline
from .scratch import scratch_cluster
from .skeleton import Skeleton
from .targets import UNFINISHED, create_database, drop_database, maintenance, roomy
from .tools import Programs

_DATABASE = "drill"
_MISSING_ROLE = re.compile(r'role "(.+?)" does not exist')
# A restore that fails with these says something about this host, not about the backup.
_OF_THE_HOST = ("No space left", "is not available", "could not access file", "could not open extension control file")
_ROLES_AT_MOST = 30


@dataclass(frozen=True)
class DrillResult:
    """What a drill has shown.

    Attributes:
        differences: Sentences; empty when the restore equals the source.
        tables, rows: Compared (or, without a manifest, only counted after the restore).
        seconds: Of the whole drill.
        restored: The restored database's fingerprint.
    """

    differences: tuple[str, ...]
    tables: int
    rows: int
    seconds: float
    restored: Fingerprint


def run_drill(
    path: str,
    file: FileName,
    manifest: Mapping[str, Any] | None,
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
    known = dict(manifest or {})
    source = dict(known.get("source") or {})
    place = (
        _scratch_database(server, source, deadline)
        if server
        else _throw_away_cluster(programs, folder, source, deadline)
    )
    with place as (target, work, runs_as):
        say("Restoring ...")
        redump = bool(manifest) and needs_redump(known)
        loader = Loader(programs, work, jobs, deadline, redump, age_identity, runs_as)
        step("drill.restore")
        archive = _load(loader, path, file, target, target.to("postgres"), bool(manifest or server))
        step("drill.compare")
        say("Comparing ...")
        restored = read_restored(target, jobs, say, not redump, deadline, hashed_in(manifest))
        with connect(target, "drill") as database, deadline.ends(canceller(database)):
            pin(database)
            differences = differences_to(known, restored, archive, database, loader) if manifest else []
    return DrillResult(tuple(differences), len(restored.tables), restored.rows, time.monotonic() - began, restored)


_Place = tuple[ConnectionSettings, str, dict[str, Any]]  # the empty database, a directory to work in, who runs psql


@contextmanager
def _scratch_database(server: ConnectionSettings, source: Mapping[str, Any], deadline: Deadline) -> Iterator[_Place]:
    """An empty database on a running server, dropped afterwards; those of dead runs are dropped first."""
    name = f"{DRILL_DATABASE}{datetime.now(timezone.utc):%Y%m%d_%H%M%S}_{os.getpid()}"
    with maintenance(server) as database, advisory_lock(database, "drill", name):
        for row in database.rows(_MARKED, (UNFINISHED, DRILL_DATABASE)):
            with suppress(LockedError), advisory_lock(database, "drill", row["name"]):
                drop_database(database, row["name"])
        try:
            with deadline.ends(canceller(database)):
                create_database(database, name, source)
            with tempfile.TemporaryDirectory(prefix="titan-restore-", dir=roomy()) as work:
                yield server.to(name), work, {}
        finally:
            if not database.raw.closed:
                drop_database(database, name)


DRILL_DATABASE = "titan_drill_"
_MARKED = """
SELECT datname::text AS name FROM pg_database
 WHERE shobj_description(oid, 'pg_database') = %s AND starts_with(datname::text, %s)
"""


@contextmanager
def _throw_away_cluster(
    programs: Programs, folder: str, source: Mapping[str, Any], deadline: Deadline
) -> Iterator[_Place]:
    """A database in a running throw-away cluster whose superuser has the name of the source's."""
    superuser = str(source.get("superuser") or "postgres")
    with scratch_cluster(programs, folder, deadline) as cluster:
        step("drill.cluster")
        cluster.create(superuser=superuser, limit=deadline.left())
        cluster.start(THROW_AWAY, limit=deadline.left())
        yield _prepare(cluster, superuser, source), cluster.folder, identity()


def _prepare(cluster: Cluster, superuser: str, source: Mapping[str, Any]) -> ConnectionSettings:
    """Make the roles, tablespaces and the database that the dump expects."""
    maintenance = cluster.settings("postgres", superuser)
    with connect(maintenance, "drill") as database:
        for role in source.get("roles", ()):
            create_role(database, role)
        for number, tablespace in enumerate(source.get("tablespaces", ())):
            _create_tablespace(database, tablespace, os.path.join(cluster.folder, f"tablespace{number}"))
        _create_database(database, source)
    return maintenance.to(_DATABASE)


def create_role(database: Database, role: str) -> None:
    """Make a role that owns and is granted things, and can do nothing else."""
    if not database.value("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", (role,)):
        database.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))


def _create_tablespace(database: Database, name: str, folder: str) -> None:
    make_folder(folder)
    database.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(name), sql.Literal(folder)))


def _create_database(database: Database, source: Mapping[str, Any]) -> None:
    """The scratch database in the source's encoding, and in its locale where this host has it."""
    encoding = str(source.get("encoding") or "UTF8")
    make = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}")
    wanted = (str(source.get("collate") or "C"), str(source.get("ctype") or "C"))
    for collate, ctype in dict.fromkeys((wanted, ("C", "C"))):
        literals = (sql.Literal(item) for item in (encoding, collate, ctype))
        try:
            database.execute(make.format(sql.Identifier(_DATABASE), *literals))
            return
        except DatabaseError:
            if (collate, ctype) == ("C", "C"):
                raise


def _load(
    loader: Loader, path: str, file: FileName, target: ConnectionSettings, maintenance: ConnectionSettings, known: bool
) -> Skeleton:
    """Load the dump; for one without a manifest, make the roles that it turns out to need."""
    for _attempt in range(_ROLES_AT_MOST):
        try:
            return loader.load(path, file, target)
        except TitanError as error:
            missing = _MISSING_ROLE.search(error.message)
            if known or not missing:
                bad = bool(error.details.get("programs")) and not any(text in error.message for text in _OF_THE_HOST)
                raise TitanError(f"The restore failed: {error.message}", **error.details, of_the_backup=bad) from error
            with connect(maintenance, "drill") as database:
                create_role(database, missing[1])
                database.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_DATABASE)))
                _create_database(database, {})
    raise TitanError("The restore failed: the dump needs too many roles that do not exist.")
