# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry functions that the modules and the command call; information.py has those that need no more than the directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ..errors import OptionError
from ..host.files import absolute, require_private_directory
from ..host.limits import os_errors
from ..outcome import Call, Outcome
from ..postgres.clock import clock_doubt
from ..postgres.connection import ConnectionSettings
from ..postgres.database import connect
from ..postgres.throw_away import default_directory, require_directory
from ..text.durations import parse_duration
from .catalog.chosen import chosen, chosen_backup
from .catalog.entry import PHYSICAL, Entry
from .catalog.files import backup_lock
from .catalog.naming import EXTENSIONS, require_name
from .catalog.read import newest_verified, of_others, others_entry, read_catalog, read_entry
from .catalog.source import Source
from .content.exclusions import read_exclusions
from .content.extensions import read_extensions
from .content.fingerprint import canceller
from .content.tables import read_tables
from .copy.copy import Copy
from .copy.keep import keep_copy
from .dump.leftovers import remove_leftover_parts
from .dump.preflight import choose_tools, last_of_kind, require_sensible, require_space
from .dump.source import of_source, read_source, require_libraries, require_readable
from .dump.take import take_backup, utc_now
from .dump.wanted import Wanted
from .keep.plan import accepted_since, rules_from_option
from .load.extensions import require_extensions
from .load.rights import require_may_create, require_superuser
from .load.room import require_room_on_server
from .pgbackrest.drill import drill_stanza
from .pgbackrest.stanza import prepare_stanza
from .pgbackrest.take import backup_stanza as take_physical
from .programs.pipeline import Deadline
from .proof.existing import drill_entry
from .proof.others import drill_others
from .results import finish, planned, recent_enough, too_long
from .several import backup_several, file_name

# What brings rows or a moment back is loaded by the entry that does it: a nightly backup needs none of it.

_IN_CLUSTER = "Use 'drill_in: cluster'."


def backup(call: Call, use: Callable[[Copy], object] | None = None) -> Outcome:
    """Take one backup, prove it, then remove what the keep rules let go.

    Args:
        call: As the option says.
        use: What else the restored copy is for, once it is proven. What it raises says that the backup could not be proven.
    """
    options = call.options
    if use:
        _require_copy(options)
    with os_errors():
        if options["engine"] == PHYSICAL:
            return take_physical(call)
        if options["databases"]:
            return backup_several(call, backup)
        return _backup_one(call, use)


def _require_copy(options: Mapping[str, Any]) -> None:
    if options["engine"] == PHYSICAL or options["databases"]:
        raise OptionError(
            "then", options["then"], "It goes with one database and pg_dump; leave out 'databases' and 'engine'."
        )
    if options["verify"] != "restored" or options["drill_in"] != "cluster":
        raise OptionError("then", options["then"], "It needs a copy: use 'verify: restored' and 'drill_in: cluster'.")


def _backup_one(call: Call, use: Callable[[Copy], object] | None) -> Outcome:
    options = call.options
    rules = rules_from_option(options["keep"], options["max_shrink"], options["accept_other_source"])
    within = _within(options["unless_verified_within"])
    deadline = Deadline(options["timeout"])
    missing = call.check_mode and not os.path.lexists(options["dest"])
    if not missing:
        require_private_directory(options["dest"], "dest")
    with os_errors(), connect(call.connection, "backup") as database, deadline.ends(canceller(database)):
        source, doubt = read_source(database), clock_doubt(database, call.record_ahead)
        name = require_name(options["name"] or source.database)
        purpose = f"a backup of database {source.database!r}"
        with nullcontext() if call.check_mode else backup_lock(options["dest"], name, purpose):
            entries = read_catalog(options["dest"], name, structures=False)
            recent = newest_verified(of_source(entries, source), options["verify"]) if within else None
            if recent and within and utc_now() - recent.started <= within:
                return recent_enough(read_entry(recent.path))
            excluded = read_exclusions(database, options["exclude_tables"] or (), options["exclude_data_of"] or ())
            wanted = replace(_wanted(options, name, source, entries, call.connection), excluded=excluded, use=use)
            if wanted.drill_on:
                require_room_on_server(database, source.bytes)
                extensions = list(read_extensions(database))
                require_extensions(database, extensions, "", _IN_CLUSTER)
                require_superuser(database, extensions, (), _IN_CLUSTER)
                require_may_create(database, "Option 'drill_in': a scratch_database")
            if call.check_mode:
                require_readable(database, excluded.applied(read_tables(database)))
                return planned(wanted, entries, rules, missing, doubt)
            remove_leftover_parts(wanted.dest, name)
            if wanted.verify == "restored" and not wanted.drill_on:
                require_libraries(database, source, wanted.programs)
            warnings = ["The server is a standby."] if source.in_recovery else []
            for warning in warnings:
                call.say(warning)
            path, manifest, more = take_backup(database, source, wanted, deadline, call.say)
            warnings += [*more, *too_long(manifest, options["window"])]
            return finish(path, manifest, warnings, entries, rules, wanted, doubt)


def drill(call: Call) -> Outcome:
    """Restore one backup into a throw-away cluster, compare it, and note the result in its manifest."""
    with os_errors():
        if of_others(call.options["source"]):
            return drill_others(call.options["source"], call)
        entry = chosen(call.options, verified=False)
        return drill_stanza(entry, call) if entry.format == PHYSICAL else drill_entry(entry, call)


def backup_stanza(call: Call) -> Outcome:
    """Prepare server, repository and directory for physical backups by pgBackRest."""
    with os_errors():
        return prepare_stanza(call)


def restore(call: Call) -> Outcome:
    """Restore a backup into a new database, compare it, and with "swap" put it in the place of a live one."""
    from .restore.beside import restore_beside
    from .restore.restore import restore_entry
    from .restore.selected import selection_from

    options = call.options
    selection = selection_from(options)
    with os_errors():
        others = of_others(options["source"])
        entry = others_entry(options["source"]) if others else chosen_backup(options, call.settings)
        if selection and not options["into"]:
            return restore_beside(entry, call, selection)
        return restore_entry(entry, call, selection)


def rescue(call: Call) -> Outcome:
    """Put back rows that the live database has lost since a backup, or take that back."""
    from .rescue.rescue import rescue_from_backup, rescue_from_database
    from .rescue.undo import undo_rescue

    options = call.options
    given = [name for name in ("source", "from_database", "undo") if options[name]]
    if len(given) > 1:
        raise OptionError(given[1], options[given[1]], f"Give this one or {given[0]!r}, not both.")
    with os_errors():
        if options["undo"]:
            return undo_rescue(absolute(options["undo"]), call)
        if options["from_database"]:
            return rescue_from_database(options["from_database"], call)
        return rescue_from_backup(chosen_backup(options, call.settings), call)


def copy(call: Call) -> Outcome:
    """Restore a backup into a throw-away cluster, and keep that for a person."""
    with os_errors():
        return keep_copy(chosen_backup(call.options), call)


def recover(call: Call) -> Outcome:
    """Recover a moment from pgBackRest's repository beside the live server, and hand it on."""
    from .recover.hand_on import Doors
    from .recover.recover import recover as recover_moment

    with os_errors():
        return recover_moment(call, Doors(backup, restore, rescue, file_name))


def _within(text: str | None) -> timedelta | None:
    return parse_duration("unless_verified_within", text).as_timedelta if text else None


def _wanted(
    options: Mapping[str, Any], name: str, source: Source, entries: Sequence[Entry], connection: ConnectionSettings
) -> Wanted:
    """Check everything that can be checked before starting."""
    form, verify = options["format"], options["verify"]
    tools = choose_tools(source, options["programs"], form, options["compression"], verify, options["drill_in"])
    drill_dir = absolute(options["drill_dir"]) or default_directory()
    in_cluster = verify == "restored" and options["drill_in"] == "cluster"
    if in_cluster:
        require_directory(drill_dir, "drill_dir")
    last = last_of_kind(entries, EXTENSIONS[form, tools.compression])
    is_whole = not (options["exclude_tables"] or options["exclude_data_of"])
    require_space(options["dest"], drill_dir if in_cluster else None, last, source, is_whole)
    require_sensible(options)
    for option in ("lock_timeout", "jobs"):
        if options[option] < 1:
            raise OptionError(option, options[option], "Use 1 or more.")
    return Wanted(
        dest=os.path.abspath(options["dest"]),
        name=name,
        format=form,
        compression=tools.compression,
        verify=verify,
        programs=tools.programs,
        jobs=options["jobs"],
        lock_timeout=options["lock_timeout"],
        drill_dir=drill_dir,
        globals=options["globals"],
        pin=options["pin"],
        accept_shrink=options["accept_shrink"],
        accepted_since=accepted_since(entries, verify),
        proof=options["proof"],
        drill_on=connection if verify == "restored" and not in_cluster else None,
        encrypt_to=tuple(options["encrypt_to"] or ()),
        identity=absolute(options["identity"]),
        copy_to=tuple(options["copy_to"] or ()),
        copy_back=tuple(options["copy_back"] or ()),
        accept_left_out=tuple(options["accept_left_out"] or ()),
        accept_superuser=options["accept_superuser"],
    )
