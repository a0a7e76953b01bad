# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading a backup into a new database, and comparing what came of it with what its source was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Callable, NamedTuple

from ...errors import TitanError
from ...host.files import absolute
from ...outcome import Call
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect
from ...postgres.programs import Programs
from ..catalog.entry import Entry
from ..catalog.naming import DumpKind
from ..catalog.source import Source
from ..content.extensions import Extension
from ..content.fingerprint import canceller, fix_settings
from ..content.schema_text import Skeleton
from ..load.elevated import Superuser, make_source_extensions
from ..load.failure import is_about_rights
from ..load.fewer_jobs import load_with_fewer_jobs
from ..load.live import Live
from ..load.loading import Loader
from ..load.selection import Selection
from ..load.targets import remake_database, restore_temp_directory
from ..load.timescaledb import begin_restoring, finish_restoring
from ..programs.pipeline import Deadline
from ..proof.comparison import Comparison, compare, loader_for, rows_for
from ..proof.read_restored import LoadersRows
from .refresh import refresh_left_out
from .selected import reduce_and_compare

_ONLY_A_SUPERUSER = (
    "The dump needs a superuser's rights, and it is loaded by a role without them: accept_superuser: true lets its code run with a "
    "superuser's rights, as pg_restore by hand does."
)


class Restoring(NamedTuple):
    """A restore into a new database that is there and empty.

    Attributes:
        entry, kind: The backup.
        selection: The tables that are wanted; None for all.
        call: The options, and the server.
        programs: psql and pg_restore.
        name: The new database's.
        live: Who loads and reads.
        deadline: When it must be done.
    """

    entry: Entry
    kind: DumpKind
    selection: Selection | None
    call: Call
    programs: Programs
    name: str
    live: Live
    deadline: Deadline


def load_and_compare(restoring: Restoring) -> tuple[int, int, tuple[str, ...]]:
    """Load the backup and compare what came of it with what its source was.

    Returns:
        Tables, rows, and warnings.

    Raises:
        TitanError: it could not be loaded, or is not equal.
    """
    entry, call, live, name = restoring.entry, restoring.call, restoring.live, restoring.name
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="titan-restore-", dir=restore_temp_directory()) as work:
        loader = _loader(restoring, work, told.append)
        reading = rows_for(entry.manifest, loader, call.say)
        archive, notes, timescale = _load(restoring, replace(loader, while_own=partial(_analyze_and_read, reading)))
        found = _compare(restoring, loader, reading, archive)
        if found.differences:
            raise TitanError(
                f"The restored database is not what the backup's source was: {'; '.join(found.differences)}. It was dropped again."
            )
        with connect(live.reader.to(name), "restore") as database, restoring.deadline.ends(canceller(database)):
            fix_settings(database)
            whole = entry.manifest if not restoring.selection else None
            left = refresh_left_out(database, whole.left_out if whole else ())
            if not loader.superuser:
                database.execute("ANALYZE")
        if timescale:
            finish_restoring(call.connection.to(name), _extensions(entry))
    return len(found.restored.tables), found.restored.rows, (*told, *notes, *found.warnings, *left)


def _loader(restoring: Restoring, work: str, warn: Callable[[str], None]) -> Loader:
    options, live = restoring.call.options, restoring.live
    loader = loader_for(
        restoring.entry.manifest,
        restoring.programs,
        work,
        options["jobs"],
        restoring.deadline,
        absolute(options["identity"]),
    )
    return replace(
        loader,
        database=options["database"] or "",
        superuser=live.powers(restoring.name),
        superuser_is=live.superuser_name,
        selection=restoring.selection,
        warn=warn,
    )


def _extensions(entry: Entry) -> Mapping[str, Extension]:
    return entry.manifest.structure.extensions if entry.manifest and entry.manifest.structure else {}


@contextmanager
def _saying_what_lets_it(superuser: Superuser | None) -> Iterator[None]:
    """Say of what the loading role may not do who may."""
    try:
        yield
    except TitanError as error:
        if superuser is None or not is_about_rights(error.message) or "accept_superuser" in error.message:
            raise
        raise TitanError(f"{error.message} {_ONLY_A_SUPERUSER}", **error.details) from error


def _load(restoring: Restoring, loader: Loader) -> tuple[Skeleton, Sequence[str], bool]:
    """What the dump says the schema is, warnings, and whether TimescaleDB waits for the end of the restore."""
    entry, live, extensions = restoring.entry, restoring.live, _extensions(restoring.entry)
    target, maker = live.settings.to(restoring.name), restoring.call.connection.to(restoring.name)
    source = (entry.manifest.source if entry.manifest else None) or Source()
    begun = [False]

    def load(with_jobs: Loader) -> Skeleton:
        make_source_extensions(loader.superuser, target, extensions)
        begun[0] = begin_restoring(maker, extensions)
        return with_jobs.load(entry.path, restoring.kind, target)

    remake = partial(remake_database, maker, source, live.owner)
    with _saying_what_lets_it(loader.superuser):
        archive, notes = load_with_fewer_jobs(loader, load, remake, not restoring.kind.is_script)
    return archive, notes, begun[0]


def _compare(restoring: Restoring, loader: Loader, reading: LoadersRows, archive: Skeleton) -> Comparison:
    manifest, reader, say = restoring.entry.manifest, restoring.live.reader.to(restoring.name), restoring.call.say
    if restoring.selection:
        return reduce_and_compare(manifest, reader, reader, loader, restoring.selection, reading, say)[1]
    say("Comparing ...")
    return compare(manifest, reader, lambda: archive, loader, say, read_before=reading)


def _analyze_and_read(reading: LoadersRows, target: ConnectionSettings) -> None:
    with connect(target, "restore") as database, reading.deadline.ends(canceller(database)):
        fix_settings(database)
        database.execute("ANALYZE")
    reading.take(target)
