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

from ..cluster import THROW_AWAY, Cluster, unprivileged_user
from ..connection import ConnectionSettings
from ..database import Database, connect, sql
from ..errors import DatabaseError, LockedError, OptionError, TitanError
from ..locks import advisory_lock, file_lock
from ..outcome import silent
from ..steps import step
from .check import differences_to, needs_redump, read_restored
from .fingerprint import Fingerprint, canceller, pin
from .loading import Loader
from .naming import FileName
from .pipeline import Deadline
from .skeleton import Skeleton
from .sweep import DRILL_PREFIX, sweep_drills
from .targets import UNFINISHED, create_database, drop_database, maintenance, roomy
from .tools import Programs

_DATABASE = "drill"
_MISSING_ROLE = re.compile(r'role "(.+?)" does not exist')
# A restore that fails with these says something about this host, not about the backup.
_OF_THE_HOST = ("No space left", "is not available", "could not access file", "could not open extension control file")
_ROLES_AT_MOST = 30
_LONGEST = 80  # a Unix socket's path has to fit into 107 bytes


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


def default_drill_directory() -> str:
    """A directory on disk: /tmp may be held in memory."""
    return "/var/tmp" if os.path.isdir("/var/tmp") else tempfile.gettempdir()  # noqa: S108


def require_drill_directory(folder: str) -> None:
    """Refuse a directory in which no cluster could be made.

    Raises:
        OptionError: it is missing, not writable, or its path is too long for a socket.
    """
    if len(os.fsencode(os.path.abspath(folder))) > _LONGEST:
        raise OptionError("drill_dir", folder, f"Choose a path of at most {_LONGEST} bytes: sockets need short ones.")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise OptionError("drill_dir", folder, "It must be a directory that the job's user can write to.")


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
        _scratch_database(server, source, deadline) if server else _scratch_cluster(programs, folder, source, deadline)
    )
    with place as (target, work, identity):
        say("Restoring ...")
        redump = bool(manifest) and needs_redump(known)
        loader = Loader(programs, work, jobs, deadline, redump, age_identity, identity)
        step("drill.restore")
        archive = _load(loader, path, file, target, target.to("postgres"), bool(manifest or server))
        step("drill.compare")
        say("Comparing ...")
        restored = read_restored(target, jobs, say, not redump, deadline)
        with connect(target, "drill") as database, deadline.ends(canceller(database)):
            pin(database)
            differences = differences_to(known, restored, archive, database, loader) if manifest else []
    return DrillResult(tuple(differences), len(restored.tables), restored.rows, time.monotonic() - began, restored)


def _identity() -> dict[str, Any]:
    owner = unprivileged_user()
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}


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
def _scratch_cluster(
    programs: Programs, folder: str, source: Mapping[str, Any], deadline: Deadline
) -> Iterator[_Place]:
    """A database in a running throw-away cluster whose superuser has the name of the source's."""
    require_drill_directory(folder)
    sweep_drills(folder)
    try:
        made = tempfile.mkdtemp(prefix=DRILL_PREFIX, dir=folder)
    except OSError as error:
        raise OptionError("drill_dir", folder, f"No directory can be made in it ({error.strerror}).") from error
    superuser = str(source.get("superuser") or "postgres")
    cluster = Cluster(programs.folder, made)
    try:
        with file_lock(os.path.join(made, "lock"), "a drill"), deadline.ends(cluster.end):
            step("drill.cluster")
            cluster.create(superuser=superuser, limit=deadline.left())
            cluster.start(THROW_AWAY, limit=deadline.left())
            yield _prepare(cluster, superuser, source), cluster.folder, _identity()
    finally:
        cluster.remove()


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
    os.mkdir(folder, 0o700)
    owner = unprivileged_user()
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
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
