# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drilling a physical backup: restore it, let pg_amcheck read it, compare it with its known moment, and note the result."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, NamedTuple

from ...errors import OptionError, TitanError
from ...host.files import absolute
from ...outcome import Call, Outcome
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect
from ...postgres.programs import find_programs
from ...postgres.throw_away import default_directory
from ...postgres.trust import plans_code_of
from ...steps import step
from ...version import VERSION
from ..catalog.entry import Entry
from ..catalog.files import backup_lock
from ..catalog.physical import entry_of, label_of, read_pointer, server_major, write_record
from ..catalog.physical_record import PhysicalRecord
from ..catalog.verification import Verification
from ..content.fingerprint import Fingerprint
from ..content.row_hash import COPIED
from ..content.tables import Table
from ..load.failure import fault_of
from ..programs.pgbackrest import Stanza, read_info, verify_sets
from ..programs.pipeline import Deadline
from ..proof.cluster import sandbox_of
from ..proof.read_restored import read_restored
from .amcheck import amcheck_problem
from .point import moment_differences
from .reader import make_reader
from .restored_cluster import NEEDED, restored_cluster, to_point

_UNLOGGED = """
SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'u'
"""


def drill_stanza(entry: Entry, call: Call) -> Outcome:
    """Drill one backup of a stanza.

    Raises:
        TitanError: it does not restore, is damaged, or differs from its moment; its record says so from then on.
    """
    stanza = read_pointer(os.path.dirname(entry.path))
    if stanza is None:
        raise OptionError("source", entry.path, "Its directory has no pointer to a stanza.")
    if call.options["jobs"] < 1:
        raise OptionError("jobs", call.options["jobs"], "Use 1 or more.")
    if call.check_mode:
        find_programs(call.options["programs"], _backup(stanza, entry)[2], NEEDED)
        return Outcome(True, {"backup": {"path": entry.path}}, f"Would drill {entry.path}.")
    with backup_lock(stanza.dest, stanza.name, f"a drill of {label_of(entry.path)}"):
        proven = prove(stanza, entry, call)
    backup = {**proven.record.as_json(), "path": entry.path}
    return Outcome(True, {"backup": backup}, proven.summary, warnings=proven.warnings)


def _backup(stanza: Stanza, entry: Entry) -> tuple[Mapping[str, Any], Mapping[str, Any], int]:
    """The stanza's info, the backup's part of it, and the server's major version."""
    info, label = read_info(stanza), label_of(entry.path)
    backup = next((each for each in info["backup"] if each["label"] == label), None)
    if backup is None:
        raise TitanError(f"pgBackRest has no backup {label} in stanza {stanza.stanza!r}.")
    return info, backup, server_major(info, backup)


class Proven(NamedTuple):
    """What a drill has written down, what it warns of, and its sentence."""

    record: PhysicalRecord
    warnings: tuple[str, ...]
    summary: str


def prove(stanza: Stanza, entry: Entry, call: Call) -> Proven:
    """Drill the backup and write what came out into its record; the caller holds the lock."""
    info, backup, major = _backup(stanza, entry)
    record = entry_of(stanza, info, backup, None).record or new_record(stanza, entry)
    programs = find_programs(call.options["programs"], major, NEEDED)
    folder = absolute(call.options["drill_dir"]) or default_directory()
    began, deadline = time.monotonic(), Deadline(call.options["timeout"])
    superuser, target = record.superuser, record.point.target
    problem, restored = "", None
    warnings: list[str] = []
    sandbox = ""
    try:
        call.say("Restoring ...")
        with restored_cluster(
            stanza, label_of(entry.path), to_point(target), superuser, programs, folder, deadline, warnings.append
        ) as cluster:
            sandbox = sandbox_of(cluster)
            call.say("Comparing ...")
            step("drill.compare")
            _require_identity(cluster.settings("postgres", superuser), entry)
            if record.database:
                settings = cluster.settings(record.database, superuser)
                restored = _permanent(settings, call, deadline, record.hash_method)
                problem = "; ".join(moment_differences(record, restored)) if record.comparable else ""
            call.say("Checking every table and index ...")
            found = amcheck_problem(cluster, programs, superuser, call.options["jobs"])
            problem = "; ".join(filter(None, (problem, found)))
    except TitanError as error:
        problem = fault_of(error)
        damaged = verify_sets(stanza).get(label_of(entry.path), "")  # which file it is, pgbackrest restore may not say
        problem = "; ".join(filter(None, (problem, damaged)))
    seconds = time.monotonic() - began
    checked = _verification(record, problem, restored, seconds, sandbox)
    record = record.with_verification(checked)
    write_record(stanza, record)
    if problem:
        raise TitanError(f"The backup {entry.path} is not good: {problem}.", path=entry.path)
    return Proven(record, tuple(warnings), _summary(entry.path, record))


def _verification(
    record: PhysicalRecord, problem: str, restored: Fingerprint | None, seconds: float, sandbox: str
) -> Verification:
    level = "none" if problem else "restored" if record.comparable else "checksum"
    tables, rows = (len(restored.tables), restored.rows) if restored else (0, 0)
    return Verification(level, datetime.now(timezone.utc), problem, tables, rows, seconds, sandbox=sandbox)


def _summary(path: str, record: PhysicalRecord) -> str:
    checked = record.verified
    what = (
        "equal to the source at the restore point"
        if record.comparable
        else "counted (nothing is known to compare with)"
    )
    return f"{path}: restored in {checked.seconds:.1f} s, pg_amcheck found nothing, {checked.tables} tables, {checked.rows} rows {what}."


def _require_identity(settings: ConnectionSettings, entry: Entry) -> None:
    with connect(settings, "drill") as database:
        found = str(database.value("SELECT system_identifier::text FROM pg_control_system()"))
    if found != entry.system_identifier:
        raise TitanError(
            f"The restored cluster has system identifier {found}, not {entry.system_identifier}", of_the_backup=True
        )


def _permanent(settings: ConnectionSettings, call: Call, deadline: Deadline, hash_method: str) -> Fingerprint:
    """The restored database's fingerprint without its unlogged tables, which are empty after recovery."""
    with connect(settings, "drill") as database:
        unlogged = {(row["schema"], row["name"]) for row in database.rows(_UNLOGGED)}
        others = plans_code_of(database) is not None
    jobs = call.options["jobs"]
    if others and hash_method != COPIED:
        reader = settings._replace(user=make_reader(settings))
        rows = read_restored(reader, jobs, call.say, None, deadline, hash_method, large_objects=False)
        found = replace(
            read_restored(settings, 1, call.say, None, deadline, hash_method, choose=_no_tables), tables=rows.tables
        )
    else:
        found = read_restored(settings, jobs, call.say, None, deadline, hash_method)
    tables = tuple(table for table in found.tables if (table.schema, table.name) not in unlogged)
    return replace(found, tables=tables)


def _no_tables(_database: Database, _tables: Sequence[Table]) -> list[Table]:
    return []


def new_record(stanza: Stanza, entry: Entry) -> PhysicalRecord:
    """A record that says nothing yet about content and verification, as that of a backup which somebody else took."""
    return PhysicalRecord(
        label=label_of(entry.path),
        name=stanza.name,
        stanza=stanza.stanza,
        sha256=entry.sha256,
        system_identifier=entry.system_identifier,
        started=entry.started,
        finished=entry.finished,
        size=entry.size,
        engine_version=VERSION,
    )
