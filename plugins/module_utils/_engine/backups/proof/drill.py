# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: restore a backup into a throw-away cluster and compare it with what the source was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Callable

from ...errors import OptionError
from ...outcome import silent
from ...postgres.connection import ConnectionSettings
from ...postgres.database import sql
from ...postgres.programs import Programs
from ...steps import step
from ..catalog.manifest import Manifest
from ..catalog.naming import DumpKind
from ..catalog.source import Source
from ..content.fingerprint import Fingerprint
from ..content.schema_text import Skeleton
from ..load.failure import restoring
from ..load.loading import Loader
from ..load.properties import apply_properties, property_differences
from ..load.targets import maintenance
from ..programs.pipeline import Deadline
from .comparison import compare, loader_for, read_restored_structure, rows_for
from .load_drilled import in_its_locale, load_drilled
from .look import NO_WISHES, Wishes, look_at
from .places import in_drill_cluster, in_scratch_database
from .provide import Provider
from .read_restored import read_restored
from .result import DrillResult, Part, Restored
from .whole_cluster import load_cluster


def run_drill(
    path: str,
    kind: DumpKind,
    manifest: Manifest | None,
    programs: Programs,
    deadline: Deadline,
    folder: str,
    jobs: int = 2,
    age_identity: str = "",
    server: ConnectionSettings | None = None,
    say: Callable[[str], None] = silent,
    wishes: Wishes = NO_WISHES,
    accept_superuser: bool = False,
    use: Callable[[Restored], object] | None = None,
    part: Part | None = None,
    server_settings: Sequence[str] = (),
) -> DrillResult:
    """Restore the backup and compare.

    Args:
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

    Raises:
        TitanError: the restore failed, or no cluster could be made.
    """
    began = time.monotonic()
    source = (manifest.source if manifest else None) or Source(
        encoding=kind.encoding if kind.encoding == "SQL_ASCII" else ""
    )
    warnings: list[str] = []
    place = (
        in_scratch_database(server, source, deadline, accept_superuser, warnings.append)
        if server
        else in_drill_cluster(programs, folder, source, deadline, warnings.append, server_settings)
    )
    with ExitStack() as stack:
        ready, work, runs_as = stack.enter_context(place)
        loader = loader_for(manifest, programs, work, jobs, deadline, age_identity, runs_as)
        say("Restoring ...")
        step("drill.restore")
        unpacked = stack.enter_context(ExitStack())
        with restoring():
            archive = unpacked.enter_context(loader.unpacked(path, kind))
        target, superuser, sandbox = ready()
        maker = superuser.settings if superuser else target
        name_in_source = superuser.role if superuser and server else source.superuser
        if superuser and manifest is None and superuser.may_raise:
            superuser = replace(superuser, closed=not superuser.contained)
        loader = replace(loader, superuser=superuser, superuser_is=name_in_source)
        if part:
            loader = replace(loader, selection=part.selection, reads_text=False)
        if manifest is None:
            loader = replace(loader, database=wishes.database, provide=Provider(maker.to("postgres"), work, runs_as))
        if kind.format == "cluster" and not part:
            with restoring():
                databases = load_cluster(loader, path, kind, maker.to("postgres"), target)
            found_in = _of_cluster(databases, target, loader, wishes, began, warnings)
            return replace(found_in, sandbox=sandbox, loaded_as=target.user)
        reading = rows_for(manifest, loader, say)
        if server:
            loader = replace(loader, while_own=reading.take)
        with in_its_locale(target, source):
            reads_archive, notes = load_drilled(loader, archive, kind, target, source, manifest)
        step("drill.compare")
        say("Comparing ...")
        text = partial(_text, reads_archive, unpacked)
        if superuser and not server:
            superuser.lend_roles()
        read_as = superuser.settings if superuser and server else target
        if part:
            found = part.reduce(read_as, loader, reading)
        else:
            found = compare(manifest, read_as, text, loader, say, server is None, reading)
        looked_at = None if server else look_at(target, source.database, found.restored, wishes, True, deadline)
        structure = read_restored_structure(read_as, loader) if manifest is None and not part else None
        different, lacking = (
            _properties(maker, source, server is None) if manifest and manifest.source and not part else ([], [])
        )
        if use and not found.differences and not different:
            use(Restored(read_as, superuser, sandbox, found.restored))
    restored = found.restored
    return DrillResult(
        (*found.differences, *different),
        len(restored.tables),
        restored.rows,
        time.monotonic() - began,
        restored,
        (*warnings, *notes, *found.warnings, *lacking),
        (looked_at,) if looked_at else (),
        structure,
        sandbox,
        target.user,
    )


def _of_cluster(
    databases: Sequence[str],
    target: ConnectionSettings,
    loader: Loader,
    wishes: Wishes,
    began: float,
    warnings: Sequence[str],
) -> DrillResult:
    """What was seen in each database of a whole cluster's dump."""
    held = [(name, read_restored(target.to(name), loader.jobs, deadline=loader.deadline)) for name in databases]
    with_tables = [name for name, content in held if content.tables]
    chosen = wishes.database or (with_tables[0] if len(with_tables) == 1 else "")
    if wishes.of_one and chosen not in databases:
        raise OptionError("database", wishes.database or None, f"It must be one of: {', '.join(map(repr, databases))}.")
    seen = tuple(
        look_at(target.to(name), name, content, wishes, name == chosen, loader.deadline) for name, content in held
    )
    tables, rows = sum(len(each.tables) for _name, each in held), sum(each.rows for _name, each in held)
    nothing = Fingerprint((), 0, "0")
    return DrillResult((), tables, rows, time.monotonic() - began, nothing, tuple(warnings), seen)


_NOT_TRIED = (
    "The database's own settings, rights and comment were not restored: a drill in a scratch database leaves them out."
)


def _properties(target: ConnectionSettings, source: Source, own_cluster: bool) -> tuple[list[str], list[str]]:
    """Give the restored database what is in no dump, from the manifest, and read it back: differences, and warnings."""
    has = source.properties
    if not own_cluster:
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
