# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a database: a backup, restored into a throw-away cluster, compared, and ready to be worked on as the source is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Callable, Generic, NamedTuple, TypeVar

from ...errors import DatabaseError, OptionError, TitanError
from ...host.files import absolute
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect, sql
from ...postgres.programs import Programs
from ..catalog.entry import Entry
from ..catalog.files import require_undamaged
from ..catalog.manifest import Manifest
from ..catalog.naming import parse_file_name
from ..catalog.sealed import unseal
from ..catalog.tuning import tuning_statements
from ..content.fingerprint import Fingerprint, canceller
from ..load.selection import Selection
from ..programs.pipeline import Deadline
from ..proof.drill import Drill, run_drill
from ..proof.existing import place_for, programs_for
from ..proof.result import DrillResult, Part, Restored

T = TypeVar("T")

# Commits reach the disk, and the log is written, as they are on a server that is not thrown away.
_LIKE_A_SERVER = (
    "fsync = on", "synchronous_commit = on", "full_page_writes = on", "jit = on", "log_temp_files = 0", "lo_compat_privileges = off",
)  # fmt: skip
SERVER_SETTINGS = ("wal_level=replica", "max_parallel_maintenance_workers=2")  # a drill's server has less of both
_NICE = 10


class Copy(NamedTuple):
    """A restored database that equals its source.

    Attributes:
        owner: As the role that reads all of it, and owns what the source's superuser owned.
        superuser: As the cluster's superuser.
        contained: Whether its server runs in a sandbox.
        path, manifest: The backup.
        content: The rows that were compared.
        selection: The tables that were restored with their rows; None for all.
        programs: PostgreSQL's, of the copy's major version.
    """

    owner: ConnectionSettings
    superuser: ConnectionSettings
    contained: bool
    path: str
    manifest: Manifest
    content: Fingerprint
    selection: Selection | None
    programs: Programs


def use_copy(
    entry: Entry,
    options: Mapping[str, Any],
    deadline: Deadline,
    say: Callable[[str], None],
    use: Callable[[Copy], T],
    needs: Callable[[Manifest], Part | None] | None = None,
    like_source: bool = True,
) -> tuple[T, tuple[str, ...]]:
    """Restore the backup, call use with the copy, and remove it, however that ends.

    Args:
        entry: A backup by pg_dump.
        options: identity, programs, jobs, drill_dir.
        deadline: When the whole must be done.
        say: Takes progress lines.
        use: What the copy is for.
        needs: Says which part is needed; tries before an hour of restoring what may fail.
        like_source: Give it the source's settings and statistics; a copy whose rows are only read needs neither.

    Returns:
        What use returned, and warnings.

    Raises:
        TitanError: the backup is not good, or use failed.
    """
    making = _making(entry, options, deadline, say, use, like_source)
    part = needs(making.manifest) if needs else None
    with _nicely() if like_source else nullcontext():  # for lost rows, somebody waits
        try:
            result = making.run(part)
        except TitanError as error:
            if part is None or making.begun or not error.details.get("of_the_backup"):
                raise
            say("These tables cannot be restored without the others; restoring all ...")  # a check reads another table
            result = making.run(None)
    if result.differences or not making.used:
        why = "; ".join(result.differences) or "nothing came back"
        raise TitanError(f"The backup {entry.path} is not good: {why}. Nothing was done. Name another one in 'source'.")
    return making.used[0], result.warnings


@dataclass
class _Making(Generic[T]):
    """A copy that is made and used.

    Attributes:
        drill: The restore of all, which nothing uses yet.
        manifest: The whole one.
        use, like_source: As use_copy's.
        begun: Whether a copy was handed on.
        used: What use returned, once it has.
    """

    drill: Drill
    manifest: Manifest
    use: Callable[[Copy], T]
    like_source: bool
    begun: bool = False
    used: list[T] = field(default_factory=list)

    def run(self, part: Part | None) -> DrillResult:
        """Restore, compare, use and remove it."""
        settings = SERVER_SETTINGS if self.like_source else ()
        return run_drill(replace(self.drill, use=partial(self._use, part), part=part, server_settings=settings))

    def _use(self, part: Part | None, restored: Restored) -> None:
        drill, self.begun = self.drill, True
        copy = copy_of(restored, drill.path, self.manifest, drill.programs, part)
        if self.like_source:
            drill.say("Collecting statistics ...")
            make_like_source(copy, drill.jobs, drill.deadline)
        self.used.append(self.use(copy))


def _making(
    entry: Entry,
    options: Mapping[str, Any],
    deadline: Deadline,
    say: Callable[[str], None],
    use: Callable[[Copy], T],
    like_source: bool,
) -> _Making[T]:
    """What makes the copy, if the backup and this host can give one."""
    file = parse_file_name(os.path.basename(entry.path))
    if entry.manifest is None or entry.manifest.adopted or file is None:
        raise OptionError(
            "source", entry.path,
            "It has no manifest that describes its source. Restore it beside the live database (titan-db restore --into NAME), "
            "and work with that database.",
        )  # fmt: skip
    if options["jobs"] < 1:
        raise OptionError("jobs", options["jobs"], "Use 1 or more.")
    identity = absolute(options["identity"])
    manifest = unseal(entry.path, entry.manifest, identity, deadline)
    require_undamaged(entry.path, manifest.sha256)
    programs = programs_for(manifest, options["programs"])
    folder = place_for(manifest, options["drill_dir"])
    drill = Drill(entry.path, file.kind, manifest, programs, deadline, folder, options["jobs"], identity, say=say)
    return _Making(drill, manifest, use, like_source)


def copy_of(restored: Restored, path: str, manifest: Manifest, programs: Programs, part: Part | None = None) -> Copy:
    """What a drill has restored, as a copy."""
    superuser = restored.superuser.settings if restored.superuser else restored.reader
    return Copy(
        restored.reader, superuser, restored.sandbox == "namespaces", path, manifest, restored.content,
        part.selection if part else None, programs,
    )  # fmt: skip


def make_like_source(copy: Copy, jobs: int, deadline: Deadline) -> None:
    """Give the copy's server the source's settings, and its tables statistics, unless the dump has brought them."""
    tuning = copy.manifest.source.tuning if copy.manifest.source else ()
    with connect(copy.superuser, "copy") as database, deadline.ends(canceller(database)):
        for statement in _LIKE_A_SERVER:
            database.execute(f"ALTER SYSTEM SET {statement}")
        for tuned in tuning_statements(tuning):
            with suppress(DatabaseError):  # a value that this host does not allow
                database.execute(tuned)
        database.execute("SELECT pg_reload_conf()")
        tables = (
            []
            if database.value(_HAS_STATISTICS)
            else [sql.Identifier(row["schema"], row["name"]) for row in database.rows(_TABLES)]
        )
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        list(pool.map(lambda part: _analyze(copy.owner, part, deadline), [tables[n::jobs] for n in range(jobs)]))
    with connect(copy.superuser, "copy") as database, deadline.ends(canceller(database)):
        database.execute("CHECKPOINT")  # what the restore has written is not the next statement's to write


_HAS_STATISTICS = "SELECT EXISTS (SELECT FROM pg_statistic WHERE starelid >= 16384)"
_TABLES = """
SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm', 'p') AND c.oid >= 16384 ORDER BY c.relpages DESC
"""


def _analyze(settings: ConnectionSettings, tables: Sequence[Any], deadline: Deadline) -> None:
    if not tables:
        return
    with connect(settings, "copy") as database, deadline.ends(canceller(database)):
        for table in tables:
            database.execute(sql.SQL("ANALYZE {}").format(table))


@contextmanager
def _nicely() -> Iterator[None]:
    """Let others on this host go first: the programs that the block starts, and this one while it runs."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, max(before, _NICE))
    try:
        yield
    finally:
        with suppress(OSError):  # only root may take it back
            os.setpriority(os.PRIO_PROCESS, 0, before)
