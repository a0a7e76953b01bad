# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting a moment back: a cluster is recovered beside the live one, proven to be at the moment, and handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ...errors import OptionError, TitanError
from ...host.files import absolute
from ...outcome import Call, Outcome
from ...postgres.cluster import Cluster
from ...postgres.connection import ConnectionSettings
from ...postgres.sandboxed import SandboxedCluster
from ...postgres.throw_away import default_directory, require_directory
from ...steps import step
from ...text.durations import parse_seconds
from ..catalog.exchanges import PROVEN, Exchange, read_exchange
from ..catalog.files import backup_lock
from ..catalog.physical import read_pointer, system_identifier
from ..catalog.physical_record import PhysicalRecord
from ..copy.keep import psql_command, wait_for_a_person
from ..load.room import drill_room, require_room
from ..pgbackrest.reader import trusted_reader
from ..pgbackrest.restored_cluster import restored_cluster
from ..place.exchange import heal, to_be_healed
from ..place.live import Live
from ..programs.pgbackrest import Stanza
from ..programs.pgbackrest import call as run_pgbackrest
from ..programs.pipeline import Deadline
from ..proof.look import Check, run_checks
from .hand_on import LOOK, PLACE, ROWS, TABLES, Doors, dump_moment, hand_on, require_action
from .place import back_up, live_for, require_placeable, take_place
from .place_report import finished_outcome, place_warnings, plan_lines
from .proof import prove_moment
from .put_back import put_back
from .records import lsn_text
from .report import Recovered, not_yet, outcome_of, planned
from .search import BeyondArchiveError, end_of_archive, find_stop
from .source import Source, open_source
from .stop import Stop
from .tables import can_log_in, database_oid, owner_of, require_database, was_dropped
from .target import DROP, Target, format_moment, target_from

_DROPS = 10  # that are looked into, each by a recovery


def recover(call: Call, doors: Doors) -> Outcome:
    """Recover a moment beside the live server, prove it, and hand it on as the option "action" says.

    Args:
        call: Its connection settings are used by the actions that change the live database only.
        doors: The operations that take over.

    Raises:
        TitanError: the moment cannot be reached, or is not what was wanted; nothing was changed.
    """
    options, deadline = call.options, Deadline(call.options["timeout"])
    if options["put_back"]:
        return put_back(call, doors, _stanza(options), deadline)
    target, now = target_from(options), datetime.now(timezone.utc)
    if target.time and target.time > now:
        raise OptionError("to", target.value, f"It lies in the future: it is {format_moment(now)} on this host.")
    require_action(options)
    stanza = _stanza(options)
    folder = absolute(options["drill_dir"]) or default_directory()
    require_directory(folder, "drill_dir")
    live: Live | None = None
    recovered: Recovered | None = None
    handed = ""
    with backup_lock(stanza.dest, stanza.name, f"a recovery to {target}"):
        healed = to_be_healed(stanza.dest) if call.check_mode else heal(stanza, call.settings)
        warnings = [healed] if healed else []
        done = _without_backup(stanza, options)
        if done and call.check_mode:
            return finished_outcome(done, warnings)
        if not done:
            live = live_for(call) if options["action"] == PLACE else None
            if not call.check_mode:
                call.say("Letting the server archive what it has written ...")
                warnings += _archive_all(stanza, deadline)
            with open_source(stanza, options, folder, deadline) as source:
                call.say("Looking for the moment in the write-ahead log ...")
                step("recover.search")
                if call.check_mode:
                    return _plan(source, target, options, live, warnings)
                stop = _find(source, target, warnings)
                size = int(source.backup(stop.base)["info"]["size"])
                require_room([(folder, drill_room(size))], "Name another directory in 'drill_dir'.")
                if live:
                    require_placeable(live, source, stop)
                recovered, handed = _recovered(source, target, stop, call, doors, warnings)
                if live:
                    done = take_place(call, live, source, target, recovered.stop)
    if done:
        done = back_up(call, doors, done, deadline.left() or 0)
    warnings += place_warnings(live) if live else []
    if not recovered:
        return finished_outcome(done, warnings)
    step("recover.hand_on")
    outcome = hand_on(call, doors, handed)
    return outcome_of(target, recovered, handed, outcome, tuple(warnings), done)


def _stanza(options: Mapping[str, Any]) -> Stanza:
    stanza = read_pointer(options["dest"])
    if stanza is None:
        raise OptionError(
            "dest",
            options["dest"],
            "It has no pointer to a stanza of pgBackRest. A backup by pg_dump holds one moment only: see titan-db restore.",
        )
    return stanza


def _without_backup(stanza: Stanza, options: Mapping[str, Any]) -> Exchange | None:
    """What an earlier run has let take the live cluster's place, if it had not come to the backup: the same command takes that."""
    former = read_exchange(stanza.dest) if options["action"] == PLACE else None
    return former if former and former.phase == PROVEN else None


def _plan(
    source: Source, target: Target, options: Mapping[str, Any], live: Live | None, warnings: Sequence[str]
) -> Outcome:
    """What check mode says, of the archive as it is."""
    try:
        _require_drops(source, target)
        stop = find_stop(source.archive, source.bases, target)
        if live:
            require_placeable(live, source, stop)
        return planned(target, stop, options, plan_lines(live, options) if live else (), warnings)
    except BeyondArchiveError as error:
        return not_yet(target, error)


def _archive_all(stanza: Stanza, deadline: Deadline) -> list[str]:
    """Let the live server close its segment, so that all up to now is in the archive; a warning if it could not be asked."""
    try:
        run_pgbackrest(stanza, "check", timeout=deadline.left())
    except TitanError as error:
        return [
            f"The server could not be made to archive what it wrote last, so the log may end early: {error.message}"
        ]
    return []


def _require_drops(source: Source, target: Target) -> None:
    if target.kind == DROP and source.programs.major < 15:
        raise OptionError(
            DROP,
            target.value,
            "Before PostgreSQL 15 the log does not distinguish a DROP from a TRUNCATE. Name the time in 'to'.",
        )


def _find(source: Source, target: Target, warnings: Sequence[str]) -> Stop:
    """A time after the last commit is reached, too, once the server has archived what it had written by then."""
    _require_drops(source, target)
    try:
        return find_stop(source.archive, source.bases, target)
    except BeyondArchiveError as error:
        try:
            return end_of_archive(source.archive, source.bases, target)
        except TitanError:
            raise BeyondArchiveError(" ".join((error.message, *warnings))) from None


def _recovered(
    source: Source, target: Target, stop: Stop, call: Call, doors: Doors, warnings: list[str]
) -> tuple[Recovered, str]:
    """Recover, prove, look, and dump as far as wanted; return what was seen and the dump's path, or "".

    Before a DROP, the newest one first, until one took the table.
    """
    for _attempt in range(_DROPS):
        record = source.record(stop.base)
        superuser = record.superuser if record else "postgres"
        database = _database(call, record)
        call.say(f"Recovering from {stop.base.label} to {lsn_text(stop.lsn)} ...")
        with restored_cluster(
            source.stanza, stop.base.label, stop.restore_options, superuser, source.programs, source.folder, source.deadline, warnings.append,
        ) as cluster:  # fmt: skip
            step("recover.proof")
            server = cluster.settings("postgres", superuser)
            proof = prove_moment(server, stop, system_identifier(source.info, source.backup(stop.base)))
            require_database(server, database)
            settings = cluster.settings(database, superuser)
            if target.kind == DROP and not was_dropped(settings, target.value, stop.dropped):
                oid = database_oid(settings)
                stop = find_stop(source.archive, source.bases, target, stop.lsn, oid)
                continue
            checks = _checked(cluster, settings, call, source)
            _require_checks(checks, target)
            _keep(call, cluster, settings, source)
            seen = Recovered(stop, proof, checks, database)
            if call.options["action"] in (LOOK, PLACE):
                _require_login(server, call)
                return seen, ""
            call.say("Dumping the recovered database ...")
            step("recover.dump")
            return seen, dump_moment(settings, call, doors, source.deadline)
    raise TitanError(
        f"None of the last {_DROPS} transactions that dropped a table was the one of {target.value}. Name the time in 'to'."
    )


def _database(call: Call, record: PhysicalRecord | None) -> str:
    """The database that is meant.

    Raises:
        OptionError: nothing says which.
    """
    connected = call.settings.database if call.settings else ""
    name = call.options["database"] or (record.database if record else "") or connected
    if not name:
        raise OptionError("database", None, "The backup's database is unknown. Name it.")
    if call.options["action"] in (TABLES, ROWS) and connected and name != connected:
        raise OptionError(
            "database",
            name,
            f"The connection is to database {connected!r}, but the recovered tables and rows are those of another database.",
        )
    return str(name)


def _require_login(server: ConnectionSettings, call: Call) -> None:
    """Refuse a moment at which the role that is to read the server back could not log in."""
    if call.options["action"] != PLACE or can_log_in(server, call.connection.user or ""):
        return
    raise TitanError(
        f"At that moment there is no role {call.connection.user!r} that may log in, so the server could not be verified. "
        "Connect as a role that existed then. The live server was not touched."
    )


def _checked(cluster: Cluster, settings: ConnectionSettings, call: Call, source: Source) -> tuple[Check, ...]:
    """What the option "checks" says; without a sandbox not as the superuser, whose rights the database's owner would have."""
    wanted = tuple(call.options["checks"] or ())
    if not wanted or isinstance(cluster, SandboxedCluster):
        return run_checks(settings, wanted, source.deadline)
    with trusted_reader(settings) as reader:
        return run_checks(reader, wanted, source.deadline)


def _require_checks(checks: Sequence[Check], target: Target) -> None:
    problems = [f"{each.sql!r} {each.problem}" for each in checks if each.problem]
    if problems:
        raise TitanError(
            f"At the moment {target} the recovered database does not satisfy 'checks': {'; '.join(problems)}. Nothing was done with it.",
            checks=[each._asdict() for each in checks],
        )


def _keep(call: Call, cluster: Cluster, settings: ConnectionSettings, source: Source) -> None:
    """Let a person in; without a sandbox as the database's owner, whose code could do what a superuser may."""
    if not call.options["keep"]:
        return
    seconds = parse_seconds("keep", call.options["keep"])
    who = settings if isinstance(cluster, SandboxedCluster) else settings._replace(user=owner_of(settings))
    said = f"The recovered cluster is ready, for {call.options['keep']} or until Ctrl-C:\n{psql_command(who, source.programs)}\n"
    wait_for_a_person(said, seconds, source.deadline)
