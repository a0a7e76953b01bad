# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring into a new database: all of it, compared, or nothing; then, if wanted, in the place of the live one."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import datetime, timezone

from ...errors import DatabaseError, TitanError
from ...host.files import absolute
from ...outcome import Call, Outcome
from ...postgres.connection_room import require_connection_room
from ...postgres.database import Database
from ...postgres.lock_room import require_lock_room
from ...postgres.locks import advisory_lock, sign_of_life
from ...postgres.programs import CLIENT, Programs, find_programs
from ...steps import step
from ..catalog.entry import Entry
from ..catalog.manifest import Manifest, source_of
from ..catalog.naming import DumpKind
from ..catalog.source import Source
from ..content.fingerprint import canceller
from ..load.extensions import require_extensions
from ..load.live import live_loader
from ..load.properties import apply_properties, property_differences
from ..load.rights import require_may_create, require_superuser
from ..load.room import require_room_on_server
from ..load.selection import Selection
from ..load.targets import (
    create_database,
    drop_database,
    maintenance,
)
from ..programs.pipeline import Deadline
from .into_new import Restoring, load_and_compare
from .opened import is_foreign, opened
from .plan import RestorePlan, make_restore_plan
from .selected import require_in_manifest, selected_source, wanted_rows
from .swap import put_in_place

_AS_SUPERUSER = "Restore as a superuser: it creates these, and a role without its rights loads the rest."
_BY_HAND = "Make an empty database of that name and load the dump by hand (pg_restore, or psql for a plain one)."


def restore_entry(entry: Entry, call: Call, selection: Selection | None = None) -> Outcome:
    """Restore one backup.

    Args:
        entry: The backup.
        call: The options, and the server to restore into.
        selection: The tables that are wanted; None for all.

    Raises:
        TitanError: something is missing on the target, the restore failed or is not equal. The live database is as it was
            and the new one is gone.
    """
    options, deadline = call.options, Deadline(call.options["timeout"])
    entry, kind = opened(entry, absolute(options["identity"]), deadline)
    manifest, source = entry.manifest, source_of(entry.manifest, kind)
    tables, rows = len(manifest.fingerprint.tables) if manifest else 0, entry.rows
    if selection:
        require_in_manifest(selection, manifest)
        source, (tables, rows) = selected_source(selection, source), wanted_rows(selection, manifest)
    with ExitStack() as stack:
        server = stack.enter_context(maintenance(call.connection))
        stack.enter_context(advisory_lock(server, "restore", options["into"]))
        programs = _programs(server, manifest, kind, options["programs"])
        plan = make_restore_plan(server, options["into"], options["swap"], datetime.now(timezone.utc))
        _require_server(server, entry, source, plan, call, selection, (tables, rows))
        if call.check_mode:
            return _outcome(plan, entry, tables, rows, ())
        for leftover in plan.leftovers:
            drop_database(server, leftover)
        call.say(f"Restoring {entry.path} into {plan.work!r} ...")
        live = stack.enter_context(
            live_loader(server, call.connection, source, call.options["accept_superuser"], is_foreign(manifest))
        )
        try:
            with deadline.ends(canceller(server)):
                warnings = [*live.warnings, *create_database(server, plan.work, source, live.owner)]
            step("restore.load")
            with sign_of_life(server):
                restoring = Restoring(entry, kind, selection, call, programs, plan.work, live, deadline)
                tables, rows, notes = load_and_compare(restoring)
            missing = apply_properties(server, plan.work, source)
            warnings += [*notes, *missing, *([] if selection else _live_slots(manifest))]
            if manifest and manifest.source and not missing:
                _require_properties(server, plan.work, source)
            step("restore.swap")
            put_in_place(server, plan, source.properties.comment, live.owner)
        except BaseException:
            _drop_unfinished(server, plan.work)
            raise
    return _outcome(plan, entry, tables, rows, tuple(warnings))


def _require_server(
    server: Database,
    entry: Entry,
    source: Source,
    plan: RestorePlan,
    call: Call,
    selection: Selection | None,
    wanted: tuple[int, int],
) -> None:
    """Refuse, before anything is made, what the server has no right, no extension or no room for; wanted are tables and rows."""
    manifest, (tables, rows) = entry.manifest, wanted
    require_may_create(server, "A restore into a new database")
    _require_targets(server, source, entry)
    if manifest and manifest.structure:
        extensions = manifest.structure.extensions.keys()
        require_extensions(server, extensions, plan.work, _BY_HAND)
        if not selection:
            require_superuser(server, extensions, manifest.structure.objects.keys(), _AS_SUPERUSER)
    require_room_on_server(server, source.bytes if entry.rows == rows else source.bytes * rows // max(entry.rows, 1))
    require_lock_room(server, tables, 0 if selection or not manifest else _indexes(manifest), "a restore")
    require_connection_room(server, call.options["jobs"], "the restore", here=False)


def _drop_unfinished(server: Database, name: str) -> None:
    """Drop the new database, also where the connection was lost: it may have been made although the answer did not come."""
    if server.closed:
        try:
            server.reconnect("restore")
        except DatabaseError:  # the next restore drops it, if it was marked as unfinished
            return
    drop_database(server, name)


def _indexes(manifest: Manifest) -> int:
    """How many indexes the backup's tables have, those of primary keys and unique constraints among them."""
    objects = manifest.structure.objects if manifest.structure else {}
    return sum(1 for name in objects if name.startswith(("INDEX ", "CONSTRAINT ")))


def _programs(server: Database, manifest: Manifest | None, kind: DumpKind, folder: str | None) -> Programs:
    """Those of the target's major: older ones cannot read the archive, newer ones set what the server does not know."""
    made_by = kind.major or (manifest.tool_major if manifest and not manifest.adopted else 0) or server.major
    if made_by > server.major:
        raise TitanError(
            f"The backup was made by pg_dump {made_by}; the target server is PostgreSQL {server.major}. Restore into a server of "
            f"major version {made_by} or newer."
        )
    return find_programs(folder, server.major, CLIENT)


def _require_targets(server: Database, source: Source, entry: Entry) -> None:
    """Name every role and tablespace that the restore needs and the server lacks, before anything starts."""
    for kind, catalog, column, names in (
        ("roles", "pg_roles", "rolname", (*source.roles, *([source.superuser] if source.superuser_owns else []))),
        ("tablespaces", "pg_tablespace", "spcname", source.tablespaces),
    ):
        there = {row["name"] for row in server.rows(f"SELECT {column}::text AS name FROM {catalog}")}  # noqa: S608  constants
        missing = [name for name in names if name not in there]
        if missing:
            beside = entry.manifest.globals if entry.manifest else None
            where = f"; {beside.file} beside the backup has their definitions" if beside else ""
            raise TitanError(
                f"The backup needs {kind} that the server does not have: {', '.join(map(repr, missing))}. Create them first{where}.",
                missing=missing,
            )


def _require_properties(server: Database, name: str, source: Source) -> None:
    """Read back what belongs to the database and is in no dump of it.

    Raises:
        TitanError: it is not as in the source.
    """
    different = property_differences(
        server, name, source, comment=False
    )  # it says still that the restore has not ended
    if different:
        raise TitanError(
            f"The restored database's {', '.join(different)} are not those of the source. It was dropped again."
        )


def _live_slots(manifest: Manifest | None) -> list[str]:
    """Warnings about subscriptions: each names the slot of the one in the source."""
    objects = manifest.structure.objects if manifest and manifest.structure else ()
    return [
        f"Subscription {key.split(' ', 1)[1]} is disabled and names the slot of the source's one: run ALTER SUBSCRIPTION ... SET "
        "(slot_name = NONE) before you drop it or this database."
        for key in objects
        if key.startswith("SUBSCRIPTION ")
    ]


def _outcome(plan: RestorePlan, entry: Entry, tables: int, rows: int, warnings: tuple[str, ...]) -> Outcome:
    data = {
        "restored": {"database": plan.final, "path": entry.path, "tables": tables, "rows": rows},
        "previous_database": plan.previous or None,
    }
    kept = f"; the database that was there is kept as {plan.previous!r}" if plan.previous else ""
    summary = f"{entry.path} -> database {plan.final!r}: {tables} tables, {rows} rows{kept}."
    before = f"{plan.final}\n" if plan.previous else ""
    after = f"{plan.final} (restored from {os.path.basename(entry.path)})\n" + (
        f"{plan.previous}\n" if plan.previous else ""
    )
    return Outcome(True, data, summary, before, after, warnings)
