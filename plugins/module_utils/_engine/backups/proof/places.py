# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a drill restores: a throw-away cluster, or a scratch database of a running server; and as whom."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import Any, Callable, NamedTuple

from ...errors import LockedError, TitanError
from ...postgres.cluster import THROW_AWAY, Cluster
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ...postgres.locks import advisory_lock, sign_of_life
from ...postgres.programs import Programs
from ...postgres.sandboxed import SandboxedCluster
from ...steps import step
from ..catalog.source import Source
from ..content.fingerprint import canceller
from ..load.elevated import Superuser
from ..load.event_triggers import no_event_triggers, without_event_triggers
from ..load.live import live_loader
from ..load.parameters import let_set
from ..load.room import wal_bytes
from ..load.targets import (
    UNFINISHED,
    create_database,
    drop_database,
    maintenance,
    make_like_source,
    restore_temp_directory,
)
from ..programs.pipeline import Deadline
from .cluster import drill_cluster, sandbox_of
from .preload import preload_settings
from .provide import create_role

DATABASE = "drill"
# A plain dump is loaded in one transaction, which locks all it makes; no subscription's worker goes to its publisher.
# Large objects are read as the role that loads, also those that their owner may not read. Indexes are built by as many processes
# as pg_restore has jobs; more of them would sort on disk what fits into memory.
_SETTINGS = (
    *THROW_AWAY, "max_locks_per_transaction=1024", "max_logical_replication_workers=0", "lo_compat_privileges=on",
    "max_parallel_maintenance_workers=0",
)  # fmt: skip

# what waits for the empty database, a directory to work in, who runs psql
Place = tuple[Callable[[], "Ready"], str, dict[str, Any]]


class Ready(NamedTuple):
    """The empty database.

    Attributes:
        target: As whom it is loaded.
        superuser: Who runs what that role may not; None where one role does all.
        sandbox: As in DrillResult.
    """

    target: ConnectionSettings
    superuser: Superuser | None = None
    sandbox: str = "none"


@contextmanager
def in_scratch_database(
    server: ConnectionSettings, source: Source, deadline: Deadline, accept_superuser: bool, warn: Callable[[str], None]
) -> Iterator[Place]:
    """An empty database on a running server, dropped afterwards; those of dead runs are dropped first."""
    name = f"{DRILL_DATABASE}{datetime.now(timezone.utc):%Y%m%d_%H%M%S}_{os.getpid()}"
    with maintenance(server) as database, advisory_lock(database, "drill", name):
        for row in database.rows(_MARKED, (UNFINISHED, DRILL_DATABASE)):
            with suppress(LockedError), advisory_lock(database, "drill", row["name"]):
                drop_database(database, row["name"])
        with live_loader(database, server, source, accept_superuser, foreign=False) as live:
            for warning in live.warnings:
                warn(warning)
            try:
                with deadline.ends(canceller(database)):
                    create_database(database, name, source, live.owner)
                with (
                    tempfile.TemporaryDirectory(prefix="titan-restore-", dir=restore_temp_directory()) as work,
                    sign_of_life(database),
                ):
                    yield lambda: Ready(live.settings.to(name), live.powers(name)), work, {}
            finally:
                if not database.closed:
                    drop_database(database, name)


DRILL_DATABASE = "titan_drill_"
_MARKED = """
SELECT datname::text AS name FROM pg_database
 WHERE shobj_description(oid, 'pg_database') = %s AND starts_with(datname::text, %s)
"""


@contextmanager
def in_drill_cluster(
    programs: Programs, folder: str, source: Source, deadline: Deadline, warn: Callable[[str], None],
    settings: Sequence[str] = (),
) -> Iterator[Place]:  # fmt: skip
    """A database in a throw-away cluster, whose server has these settings, too; it is made while the block begins."""
    with drill_cluster(programs, folder, deadline, warn) as cluster:
        step("drill.cluster")
        with ThreadPoolExecutor(1) as pool:
            made = pool.submit(_make, cluster, programs, source, deadline, settings)
            yield made.result, cluster.folder, cluster.identity()


def _make(cluster: Cluster, programs: Programs, source: Source, deadline: Deadline, settings: Sequence[str]) -> Ready:
    """Make the cluster, the roles, tablespaces and the database that the dump expects.

    The cluster's superuser has a name that no dump knows. The role that loads has the name of the source's superuser, whose
    objects it owns, and is none.
    """
    superuser, loader = f"{DRILL_DATABASE}{secrets.token_hex(8)}", source.superuser
    cluster.create(superuser=superuser, limit=deadline.left())
    _start(cluster, programs, source, deadline, settings)
    maintenance = cluster.settings("postgres", superuser)
    with connect(maintenance, "drill") as database:
        for role in {loader: None, **dict.fromkeys(source.roles)}:
            create_role(database, role)
        database.execute(sql.SQL(_LET_LOAD).format(sql.Identifier(loader)))
        for number, tablespace in enumerate(source.tablespaces):
            _create_tablespace(database, tablespace, cluster, os.path.join(cluster.folder, f"tablespace{number}"))
            lend = sql.SQL("GRANT CREATE ON TABLESPACE {} TO {}")
            database.execute(lend.format(sql.Identifier(tablespace), sql.Identifier(loader)))
        contained = isinstance(cluster, SandboxedCluster)
        let_set(database, loader, source.parameters, contained)
        make_like_source(database, DATABASE, source, loader)
    quiet = without_event_triggers(maintenance.to(DATABASE), programs.major)
    powers = Superuser(quiet, superuser, loader, contained, programs.folder)
    return Ready(cluster.settings(DATABASE, loader), powers, sandbox_of(cluster))


# It reads and writes every table, so that nothing fails that works for the owners in the source; no files, no programs.
_LET_LOAD = "ALTER ROLE {0} LOGIN NOSUPERUSER BYPASSRLS; GRANT pg_read_all_data, pg_write_all_data TO {0}"


def _start(cluster: Cluster, programs: Programs, source: Source, deadline: Deadline, more: Sequence[str]) -> None:
    """Start it with the libraries that the source's server loads, where they are installed; without them if that fails."""
    libraries = [name for name in source.preload if programs.has_library(name)]
    settings = [
        *_SETTINGS,
        f"max_wal_size={wal_bytes(source.bytes) >> 20}MB",
        "min_wal_size=32MB",
        *no_event_triggers(programs.major),
        *more,
    ]
    if libraries:
        with suppress(TitanError):
            cluster.start([*settings, *preload_settings(libraries, DATABASE)], limit=deadline.left())
            return
    cluster.start(settings, limit=deadline.left())


def _create_tablespace(database: Database, name: str, cluster: Cluster, folder: str) -> None:
    cluster.make_folder(folder)
    database.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(name), sql.Literal(folder)))
