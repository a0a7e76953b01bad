# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: restore a backup into a throw-away cluster and compare it with what the source was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Callable

from ...errors import OptionError
from ...outcome import silent
from ...postgres.connection import ConnectionSettings
from ...postgres.database import sql
from ...postgres.programs import Programs
from ...steps import step
from ..catalog.manifest import Manifest, source_of
from ..catalog.naming import DumpKind
from ..catalog.source import Source
from ..content.fingerprint import Fingerprint
from ..content.schema_text import Skeleton
from ..load.failure import restoring
from ..load.loading import Loader
from ..load.properties import apply_properties, property_differences
from ..load.streams import Archive
from ..load.targets import maintenance
from ..programs.pipeline import Deadline
from .comparison import compare, loader_for, read_restored_structure, rows_for
from .load_drilled import in_its_locale, load_drilled
from .look import NO_WISHES, Wishes, look_at
from .places import Place, Ready, in_drill_cluster, in_scratch_database
from .provide import Provider
from .read_restored import read_restored
from .result import DrillResult, Part, Restored
from .whole_cluster import load_cluster


@dataclass(frozen=True)
class Drill:
    """What is restored, with what and where, and what is asked of it.

    Attributes:
        path, kind: The backup.
        manifest: What its source was; None only counts what came back.
        programs: Client and server programs of the major that made the dump.
        deadline: When it must be done.
        folder: Where the cluster's private directory is made.
        jobs: Parallel connections of pg_restore.
        age_identity: Path of the age identity for an encrypted backup.
        server: Restore into a scratch database of this server instead, where no cluster can be made.
        say: Takes progress lines.
        wishes: What else is looked for in the restored database.
        accept_superuser: Let a superuser load into a scratch database.
        use: What else the restored database is for, if nothing in it differs; called before it is removed.
        part: The tables that are wanted; None for all that the backup has.
        server_settings: Further ones of the cluster's server, as "name=value".
    """

    path: str
    kind: DumpKind
    manifest: Manifest | None
    programs: Programs
    deadline: Deadline
    folder: str
    jobs: int = 2
    age_identity: str = ""
    server: ConnectionSettings | None = None
    say: Callable[[str], None] = silent
    wishes: Wishes = NO_WISHES
    accept_superuser: bool = False
    use: Callable[[Restored], object] | None = None
    part: Part | None = None
    server_settings: Sequence[str] = ()

    @property
    def source(self) -> Source:
        """What the backup's source was, as far as it is known."""
        return source_of(self.manifest, self.kind)

    def place(self, warn: Callable[[str], None]) -> AbstractContextManager[Place]:
        """Where it is restored."""
        if self.server:
            return in_scratch_database(self.server, self.source, self.deadline, self.accept_superuser, warn)
        return in_drill_cluster(self.programs, self.folder, self.source, self.deadline, warn, self.server_settings)


def run_drill(drill: Drill) -> DrillResult:
    """Restore the backup and compare.

    Raises:
        TitanError: the restore failed, or no cluster could be made.
    """
    began, warnings = time.monotonic(), list[str]()
    with ExitStack() as stack:
        ready, work, runs_as = stack.enter_context(drill.place(warnings.append))
        loader = loader_for(
            drill.manifest, drill.programs, work, drill.jobs, drill.deadline, drill.age_identity, runs_as
        )
        drill.say("Restoring ...")
        step("drill.restore")
        unpacked = stack.enter_context(ExitStack())
        with restoring():
            archive = unpacked.enter_context(loader.unpacked(drill.path, drill.kind))
        there = ready()
        loader = _for_roles(drill, loader, there)
        if drill.kind.format == "cluster" and not drill.part:
            result = _cluster(drill, loader, there)
        else:
            result = _database(drill, loader, there, archive, unpacked)
    return replace(
        result,
        seconds=time.monotonic() - began,
        warnings=(*warnings, *result.warnings),
        sandbox=there.sandbox,
        loaded_as=there.target.user,
    )


def _maker(there: Ready) -> ConnectionSettings:
    """As whom what the loading role may not make is made."""
    return there.superuser.settings if there.superuser else there.target


def _for_roles(drill: Drill, loader: Loader, there: Ready) -> Loader:
    """The loader, which knows who may do what in the empty database."""
    superuser = there.superuser
    name_in_source = superuser.role if superuser and drill.server else drill.source.superuser
    if superuser and drill.manifest is None and superuser.may_raise:
        superuser = replace(superuser, closed=not superuser.contained)
    loader = replace(loader, superuser=superuser, superuser_is=name_in_source)
    if drill.part:
        loader = replace(loader, selection=drill.part.selection, reads_text=False)
    if drill.manifest is None:
        provide = Provider(_maker(there).to("postgres"), loader.work, loader.identity)
        loader = replace(loader, database=drill.wishes.database, provide=provide)
    return loader


def _database(drill: Drill, loader: Loader, there: Ready, archive: Archive, unpacked: ExitStack) -> DrillResult:
    """Load a dump of one database, compare it, and let it be used."""
    manifest, source, target, superuser = drill.manifest, drill.source, there.target, there.superuser
    own_cluster = drill.server is None
    reading = rows_for(manifest, loader, drill.say)
    if not own_cluster:
        loader = replace(loader, while_own=reading.take)
    with in_its_locale(target, source):
        reads_archive, notes = load_drilled(loader, archive, drill.kind, target, source, manifest)
    step("drill.compare")
    drill.say("Comparing ...")
    if superuser and own_cluster:
        superuser.lend_roles()
    read_as = superuser.settings if superuser and not own_cluster else target
    if drill.part:
        found = drill.part.reduce(read_as, loader, reading)
    else:
        text = partial(_text, reads_archive, unpacked)
        found = compare(manifest, read_as, text, loader, drill.say, own_cluster, reading)
    restored = found.restored
    seen = (look_at(target, source.database, restored, drill.wishes, True, drill.deadline),) if own_cluster else ()
    structure = read_restored_structure(read_as, loader) if manifest is None and not drill.part else None
    different, lacking = _properties(drill, _maker(there))
    if drill.use and not found.differences and not different:
        drill.use(Restored(read_as, superuser, there.sandbox, restored))
    return DrillResult(
        (*found.differences, *different),
        len(restored.tables),
        restored.rows,
        0.0,
        restored,
        (*notes, *found.warnings, *lacking),
        seen,
        structure,
    )


def _cluster(drill: Drill, loader: Loader, there: Ready) -> DrillResult:
    """Load a dump of a whole cluster, and look at each of its databases."""
    target, wishes = there.target, drill.wishes
    with restoring():
        databases = load_cluster(loader, drill.path, drill.kind, _maker(there).to("postgres"), target)
    held = [(name, read_restored(target.to(name), loader.jobs, deadline=loader.deadline)) for name in databases]
    with_tables = [name for name, content in held if content.tables]
    chosen = wishes.database or (with_tables[0] if len(with_tables) == 1 else "")
    if wishes.of_one and chosen not in databases:
        raise OptionError("database", wishes.database or None, f"It must be one of: {', '.join(map(repr, databases))}.")
    seen = tuple(
        look_at(target.to(name), name, content, wishes, name == chosen, loader.deadline) for name, content in held
    )
    tables, rows = sum(len(each.tables) for _name, each in held), sum(each.rows for _name, each in held)
    return DrillResult((), tables, rows, 0.0, Fingerprint((), 0, "0"), (), seen)


_NOT_TRIED = (
    "The database's own settings, rights and comment were not restored: a drill in a scratch database leaves them out."
)


def _properties(drill: Drill, target: ConnectionSettings) -> tuple[list[str], list[str]]:
    """Give the restored database what is in no dump, from the manifest, and read it back: differences, and warnings."""
    if drill.part or drill.manifest is None or drill.manifest.source is None:
        return [], []
    source, has = drill.source, drill.source.properties
    if drill.server:
        return [], [_NOT_TRIED] if has.settings or has.granted or has.comment or has.connection_limit != -1 else []
    with maintenance(target) as server:
        lacking = apply_properties(server, target.database, source)
        server.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(target.database), sql.Literal(source.properties.comment)
            )
        )
        different = [] if lacking else property_differences(server, target.database, source)
    return [f"the database's {what} are not those of the source" for what in different], lacking


def _text(reads_archive: Callable[[], Skeleton], unpacked: ExitStack) -> Skeleton:
    """What the dump says the schema is; then the archive goes, which takes a moment when it is large."""
    with unpacked:
        return reads_archive()
