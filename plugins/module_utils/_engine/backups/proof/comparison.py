# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing a restored database with what its source was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Callable

from ...errors import DatabaseError, TitanError
from ...outcome import silent
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ...postgres.programs import Programs
from ..catalog.manifest import Manifest
from ..content.differences import content_differences, row_differences, schema_differences, sequence_differences
from ..content.extensions import makeable_extensions
from ..content.fingerprint import Fingerprint, canceller, fix_settings
from ..content.positions import between, read_positions, sequence_names
from ..content.row_hash import NEWEST
from ..content.schema_text import Skeleton
from ..content.structure import Structure, read_structure
from ..content.structure_differences import Differences, structure_differences
from ..load.failure import restoring
from ..load.loading import Loader
from ..programs.pipeline import Deadline
from .dump_restored import database_objects, database_skeleton
from .pristine import functions_made_anew, system_differences
from .read_restored import LoadersRows

_OLD = (
    "The schema and the sequences were compared with the dump itself, not with the source: the backup was taken by a version that "
    "did not note them."
)
_ADOPTED = (
    "Only the rows were compared with those that the last drill has found in the dump: a version before this one has drilled it. "
    "Drill it again to compare the schema, too."
)


@dataclass(frozen=True)
class Comparison:
    """What a comparison has shown.

    Attributes:
        restored: The restored database's rows.
        differences: Sentences; empty when it equals the source.
        warnings: What a person should know although it equals the source.
    """

    restored: Fingerprint
    differences: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def compare(
    manifest: Manifest | None,
    target: ConnectionSettings,
    reads_archive: Callable[[], Skeleton],
    loader: Loader,
    say: Callable[[str], None] = silent,
    alone: bool = False,
    read_before: LoadersRows | None = None,
) -> Comparison:
    """Compare the restored database with its source.

    Args:
        manifest: What the source was; None only counts.
        target: The restored database.
        reads_archive: Gives what the dump says; called in every case, but with a structure in the manifest it need not say anything.
        loader: What has loaded it.
        say: Takes progress lines.
        alone: Whether the server is a throw-away one, so that several things may be read at a time, and another database be made.
        read_before: The rows, where the loading role has read them; a superuser then reads the rest.

    Raises:
        TitanError: it cannot be compared.
    """
    if manifest and loader.with_rows and manifest.tool_major != loader.programs.major:
        raise TitanError(f"The proof 'redump' needs PostgreSQL {manifest.tool_version}, which made the backup.")
    fingerprint = manifest.fingerprint if manifest else None
    with ThreadPoolExecutor(3 if alone else 1) as pool:
        archive = pool.submit(reads_archive)
        objects = pool.submit(database_objects, loader, target) if manifest and manifest.structure else None
        text = pool.submit(database_skeleton, loader, target) if manifest and compares_text(manifest, loader) else None
        reading = read_before or rows_for(manifest, loader, say)
        restored = reading.complete(target)
        with restoring():
            skeleton = archive.result()
        if manifest is None:
            return Comparison(restored, ())
        messages = content_differences(manifest.fingerprint, restored)
        with connect(target, "drill") as database, loader.deadline.ends(canceller(database)):
            fix_settings(database)
            if manifest.structure and objects:
                found = _structure_differences(manifest.structure, database, loader, objects.result(), target, alone)
            else:
                found = _old_differences(manifest, database, loader, skeleton, text.result() if text else None)
        if loader.with_rows and text:
            messages += row_differences(skeleton, text.result(), fingerprint.hashed if fingerprint else None)
        return Comparison(restored, (*messages, *found.messages), found.warnings)


def rows_for(manifest: Manifest | None, loader: Loader, say: Callable[[str], None] = silent) -> LoadersRows:
    """What reads of the restored rows that which is compared with the manifest."""
    fingerprint = manifest.fingerprint if manifest else None
    return LoadersRows(
        loader.jobs,
        say,
        fingerprint.hashed if fingerprint else None,
        loader.deadline,
        fingerprint.hash_method if fingerprint else NEWEST,
    )


def compares_text(manifest: Manifest, loader: Loader) -> bool:
    """Whether a comparison needs the text of a dump of the restored database."""
    return loader.with_rows or (
        manifest.structure is None and not manifest.adopted and manifest.tool_version == loader.programs.version
    )


def loader_for(
    manifest: Manifest | None,
    programs: Programs,
    work: str,
    jobs: int,
    deadline: Deadline,
    age_identity: str = "",
    identity: Mapping[str, Any] | None = None,
) -> Loader:
    """A loader that reads of the dump's text what a comparison needs: its rows where the manifest has no hashes of them."""
    with_rows = manifest is not None and manifest.fingerprint.hashed is not None
    foreign = manifest is None or manifest.adopted
    reads_text = with_rows or (manifest is not None and manifest.structure is None and not foreign)
    tables = manifest.fingerprint.tables if manifest else ()
    return Loader(
        programs, work, jobs, deadline, with_rows, reads_text, age_identity, identity or {}, foreign, tables=tables
    )


def read_restored_structure(target: ConnectionSettings, loader: Loader) -> Structure:
    """What a restored database holds beside its rows."""
    objects = database_objects(loader, target)
    with connect(target, "drill") as database:
        fix_settings(database)
        return _structure_of(database, loader, objects)


def _structure_of(database: Database, loader: Loader, objects: Mapping[str, str]) -> Structure:
    both = between(
        (name, (position, position)) for name, position in read_positions(database, sequence_names(database))
    )
    found = read_structure(database, loader.programs.version, objects, both)
    return replace(found, large_objects="") if loader.foreign else found  # their owners are not compared either


def _structure_differences(
    source: Structure,
    database: Database,
    loader: Loader,
    objects: Mapping[str, str],
    target: ConnectionSettings,
    alone: bool,
) -> Differences:
    made = makeable_extensions(database, source.extensions)
    restored = _structure_of(database, loader, objects)
    if not alone:
        return structure_differences(source, restored, made)
    superuser = loader.superuser.settings if loader.superuser else target

    def made_anew(name: str) -> str:
        return functions_made_anew(superuser, name, source.extensions[name])

    found = structure_differences(source, restored, made, made_anew)
    return replace(found, messages=(*found.messages, *system_differences(target)))


def _old_differences(
    manifest: Manifest, database: Database, loader: Loader, archive: Skeleton, text: Skeleton | None
) -> Differences:
    """Of a backup whose manifest has no structure. The schema's text is compared only where the same version made the archive:
    another one, even a minor one, may write the same schema in other words."""
    if manifest.adopted:
        return Differences((), (_ADOPTED,))
    messages = sequence_differences(archive.sequences, _old_sequences(database, archive.sequences))
    if text and manifest.tool_version == loader.programs.version:
        messages += schema_differences(archive, text)
    return Differences(tuple(messages), (_OLD,))


def _old_sequences(database: Database, names: Iterable[str]) -> dict[str, tuple[int, bool]]:
    """Where the sequences stand, under the names that the archive's own text quotes."""
    found = {}
    for name in names:
        try:
            row = database.row(
                "SELECT c.relname::text AS name, n.nspname::text AS schema FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%s)",
                (name,),
            )
        except DatabaseError:
            continue
        if row:
            query = sql.SQL("SELECT last_value::bigint AS value, is_called AS called FROM {}")
            stands = database.row(query.format(sql.Identifier(row["schema"], row["name"]))) or {}
            found[name] = (int(stands["value"]), bool(stands["called"]))
    return found
