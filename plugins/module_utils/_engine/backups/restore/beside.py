# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single tables of a backup beside the live ones: restored into a throw-away cluster, compared, and brought over in one step."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from ...errors import TitanError
from ...host.files import absolute
from ...outcome import Call, Outcome
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect
from ...postgres.locks import advisory_lock, sign_of_life
from ...postgres.programs import CLIENT, SERVER, Programs, find_programs
from ...postgres.throw_away import default_directory
from ...postgres.trust import is_superuser, require_trusted_event_triggers
from ...text.one_line import printable
from ..catalog.entry import Entry
from ..catalog.manifest import Manifest, source_of
from ..catalog.naming import DumpKind
from ..catalog.source import Source
from ..content.fingerprint import canceller
from ..load.live import live_loader
from ..load.loading import Loader
from ..load.room import drill_room, require_room
from ..load.selection import Selection
from ..programs.pipeline import Deadline
from ..proof.comparison import Comparison
from ..proof.drill import Drill, run_drill
from ..proof.look import NO_WISHES
from ..proof.read_restored import LoadersRows
from ..proof.result import Part, Restored
from .bring import Brought, bring_over
from .names import Beside
from .opened import is_foreign, opened
from .prune import Pruned
from .selected import reduce_and_compare, require_in_manifest, selected_source, wanted_rows

_OLDEST = 14  # major version of a dump that does not say which one it needs


def restore_beside(entry: Entry, call: Call, selection: Selection) -> Outcome:
    """Restore tables into the connected database, each under its name and the time; nothing else there is changed.

    Raises:
        TitanError: something is missing, the restore failed, or the tables are not what the manifest says. Nothing was changed.
    """
    wanted = _wanted(entry, call, selection)
    entry = wanted.entry
    programs, folder = _programs(wanted.manifest, wanted.kind, call.options["programs"]), _place_for(wanted)
    with (
        connect(call.connection, "restore") as live,
        wanted.deadline.ends(canceller(live)),
        advisory_lock(live, "restore", live.settings.database),
    ):
        _require_server(live, wanted, programs)
        bringing = _Bringing(wanted, live, Beside(selection, _free_stamp(live)))
        if call.check_mode:
            planned = Brought(bringing.beside.planned(), *wanted_rows(selection, wanted.manifest), ())
            return _outcome(entry, call, planned, ())
        call.say(f"Restoring {entry.path} into a throw-away cluster ...")
        drill = Drill(
            entry.path, wanted.kind, wanted.manifest, programs, wanted.deadline, folder, call.options["jobs"],
            absolute(call.options["identity"]), None, call.say, replace(NO_WISHES, database=call.options["database"] or ""),
            use=bringing.use, part=Part(selection, bringing.reduce),
        )  # fmt: skip
        with sign_of_life(live):
            result = run_drill(drill)
    if result.differences:
        raise TitanError(
            f"The backup {entry.path} is not good: {'; '.join(result.differences)}. Nothing was changed. Name another one in 'source'."
        )
    (brought,) = bringing.brought
    return _outcome(entry, call, brought, (*result.warnings, *brought.notes))


class _Wanted(NamedTuple):
    """Tables of a backup: its manifest is None where others have made it, its source is that of these tables."""

    entry: Entry
    kind: DumpKind
    manifest: Manifest | None
    source: Source
    call: Call
    selection: Selection
    deadline: Deadline


def _wanted(entry: Entry, call: Call, selection: Selection) -> _Wanted:
    deadline = Deadline(call.options["timeout"])
    entry, kind = opened(entry, absolute(call.options["identity"]), deadline)
    manifest = None if is_foreign(entry.manifest) else entry.manifest
    require_in_manifest(selection, manifest)
    source = selected_source(selection, source_of(entry.manifest, kind))
    return _Wanted(entry, kind, manifest, source, call, selection, deadline)


def _place_for(wanted: _Wanted) -> str:
    """The throw-away cluster's directory, if there is room for these tables in it."""
    folder = absolute(wanted.call.options["drill_dir"]) or default_directory()
    if wanted.manifest:
        _tables, rows = wanted_rows(wanted.selection, wanted.manifest)
        share = wanted.source.bytes * rows // max(wanted.manifest.fingerprint.rows, 1)
        require_room([(folder, drill_room(share))], "Name another one in 'drill_dir'.")
    return folder


def _require_server(live: Database, wanted: _Wanted, programs: Programs) -> None:
    """Refuse a server that is older than the dump, or to which this role may not bring it."""
    if live.major < programs.major:
        raise TitanError(
            f"The backup was made by pg_dump {programs.major}, and the server is PostgreSQL {live.major}. Restore into a server of "
            f"major version {programs.major} or newer."
        )
    _require_role(live, wanted.manifest is None, wanted.call.options["accept_superuser"])
    require_trusted_event_triggers(live)


class _Bringing:
    """What a drill does with the tables that it has restored: the others are removed, these are brought over."""

    def __init__(self, wanted: _Wanted, live: Database, beside: Beside) -> None:
        self.wanted, self.live, self.beside = wanted, live, beside
        self.brought: list[Brought] = []
        self._reduced: list[tuple[Pruned, Loader]] = []

    def reduce(self, target: ConnectionSettings, loader: Loader, reading: LoadersRows) -> Comparison:
        """Remove what is not wanted, and compare."""
        wanted = self.wanted
        pruner = loader.superuser.settings if loader.superuser else target
        pruned, found = reduce_and_compare(
            wanted.manifest, target, pruner, loader, wanted.selection, reading, wanted.call.say
        )
        self._reduced.append((pruned, loader))
        return found

    def use(self, restored: Restored) -> None:
        """Bring the tables over."""
        wanted, live, copy, (pruned, loader) = self.wanted, self.live, restored.reader, self._reduced[0]
        maker = loader.superuser.settings if loader.superuser else copy
        wanted.call.say("Bringing the tables over ...")
        with (
            connect(maker, "restore") as there,
            connect(copy, "restore") as reader,
            wanted.deadline.ends(canceller(there)),
            wanted.deadline.ends(canceller(reader)),
        ):
            members = _rights(live, there, pruned, wanted.selection)
            accepts, foreign = wanted.call.options["accept_superuser"], wanted.manifest is None
            with live_loader(live, wanted.call.connection, wanted.source, accepts, foreign, members) as who:
                self.brought.append(bring_over(there, reader, live, who, loader, pruned, self.beside))


def _programs(manifest: Manifest | None, kind: DumpKind, folder: str | None) -> Programs:
    made_by = (manifest.tool_major if manifest else 0) or kind.major
    return find_programs(folder, made_by or _OLDEST, [*CLIENT, *SERVER], newer=not (manifest and manifest.tool_major))


def _require_role(live: Database, foreign: bool, accept_superuser: bool) -> None:
    """Refuse to let a dump of others into a live database with a superuser's rights."""
    if foreign and not accept_superuser and is_superuser(live):
        raise TitanError(
            "This dump was made by others, and the connected role is a superuser: such tables are not restored into a live database. Connect "
            "as the role that is to own them, or restore into a new database ('into'; accept_superuser: true lets it)."
        )


def _free_stamp(live: Database) -> str:
    """The time, or the next second after which nothing in the database is called yet."""
    now = datetime.now(timezone.utc)
    while True:
        stamp = now.strftime("%Y%m%d_%H%M%S")
        if not live.value(_CALLED_SO, {"suffix": f"_restored_{stamp}"}):
            return stamp
        now += timedelta(seconds=1)


_CALLED_SO = """
SELECT EXISTS (SELECT FROM pg_class WHERE right(relname, length(%(suffix)s)) = %(suffix)s
                UNION ALL SELECT FROM pg_namespace WHERE right(nspname, length(%(suffix)s)) = %(suffix)s)
"""


def _rights(live: Database, copy: Database, pruned: Pruned, selection: Selection) -> list[str]:
    """The roles whose rights a role that is made for the load needs: those of the owners, or reading, if they are superusers."""
    owners = {
        row["name"] for row in copy.rows(_OWNERS, ([table.oid for table in pruned.tables], list(selection.schemas)))
    }
    if not selection.owners:
        owners = {
            live.value("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()")
        }
    plain = live.rows(
        "SELECT rolname::text AS name FROM pg_roles WHERE rolname = ANY(%s) AND NOT rolsuper ORDER BY 1",
        (sorted(owners),),
    )
    return [row["name"] for row in plain] or ["pg_read_all_data"]


_OWNERS = """
SELECT pg_get_userbyid(relowner)::text AS name FROM pg_class WHERE oid = ANY(%s::oid[])
 UNION SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = ANY(%s)
"""


def _outcome(entry: Entry, call: Call, brought: Brought, warnings: tuple[str, ...]) -> Outcome:
    database, verb = call.connection.database, "would be" if call.check_mode else "are"
    data: dict[str, Any] = {
        "restored": {"database": database, "path": entry.path, "tables": brought.tables, "rows": brought.rows},
        "beside": brought.names,
        "previous_database": None,
    }
    after = "".join(f"{new}\n" for new in brought.names.values())
    head = f"{entry.path} -> database {database!r}: {brought.tables} tables, {brought.rows} rows {verb} beside the live ones."
    lines = [f"  {old} -> {new}" for old, new in brought.names.items()]
    return Outcome(True, data, "\n".join([head, *map(printable, lines)]), "", after, warnings)
