# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a physical backup: the server is checked, pgBackRest copies, the backup is proven, and only then old ones expire."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ...errors import OptionError, TitanError
from ...host.files import require_private_directory
from ...outcome import Call, Outcome
from ...postgres.clock import clock_doubt
from ...postgres.database import Database, connect
from ...postgres.programs import find_programs
from ...steps import step
from ...text.durations import parse_duration
from ..catalog.entry import Entry
from ..catalog.files import backup_lock
from ..catalog.manifest_file import unproven
from ..catalog.physical import (
    LABEL,
    UNKNOWN,
    label_of,
    read_pointer,
    read_stanza_catalog,
    record_path,
    remove_orphan_records,
    write_record,
)
from ..catalog.physical_record import LOCKED, PhysicalRecord
from ..catalog.read import newest_verified
from ..catalog.record_text import format_time
from ..catalog.report import listing_diff, public_entry
from ..catalog.source import Source
from ..catalog.verification import Verification
from ..content.tables import read_tables
from ..dump.source import of_source, read_source, require_readable
from ..programs.pgbackrest import Stanza, verify_sets
from ..programs.pgbackrest import call as run_pgbackrest
from ..programs.pipeline import Deadline
from .drill import new_record, prove
from .point import take_moment
from .restored_cluster import NEEDED
from .server import plan_needs, read_state
from .stanza import not_archiving, not_here

FULL = "full"
_EXPIRED = re.compile(r"(?:expire [\w-]+ backup(?: set)?|remove expired backup) (?P<labels>.+)$")


def backup_stanza(call: Call) -> Outcome:
    """Take one backup of the stanza that dest points to, prove it, and let pgBackRest's retention rules work.

    Raises:
        TitanError: the server does not archive, pgBackRest failed, or the backup could not be proven.
    """
    options = call.options
    require_private_directory(options["dest"], "dest")
    stanza = _stanza(options)
    every = parse_duration("full_every", options["full_every"]).as_timedelta
    within, now = options["unless_verified_within"], datetime.now(timezone.utc)
    with connect(call.connection, "backup") as database:
        source = read_source(database)
        _require_ready(database, source, stanza, options)
        entries = read_stanza_catalog(stanza)
        recent = newest_verified(of_source(entries, source), options["verify"]) if within else None
        if recent and now - recent.started <= parse_duration("unless_verified_within", within).as_timedelta:
            summary = f"{recent.path} of {format_time(recent.started)} is verified ({recent.verified_level}); no backup was needed."
            return Outcome(False, {"backup": public_entry(recent), "removed": []}, summary)
        kind = choose_type(options["type"], entries, every, now)
        if call.check_mode:
            return _planned(stanza, kind, entries)
        with backup_lock(stanza.dest, stanza.name, f"a backup of stanza {stanza.stanza!r}"):
            return _taken(stanza, source, kind, clock_doubt(database, call.record_ahead), call)


def _stanza(options: Mapping[str, Any]) -> Stanza:
    stanza = read_pointer(options["dest"])
    if stanza is None:
        raise OptionError(
            "dest",
            options["dest"],
            "It is not prepared for pgBackRest; run titan.database.backup_stanza (the role backup does).",
        )
    for option, found in (("stanza", stanza.stanza), ("pgbackrest_config", stanza.config), ("name", stanza.name)):
        if options[option] and options[option] != found:
            raise OptionError(
                option, options[option], f"{options['dest']} is the directory of {found!r}; name another directory, or run "
                "titan.database.backup_stanza to point it elsewhere.",
            )  # fmt: skip
    return stanza


def _require_ready(database: Database, source: Source, stanza: Stanza, options: Mapping[str, Any]) -> None:
    if source.in_recovery:
        raise not_here()
    if options["lock_timeout"] < 1:
        raise OptionError("lock_timeout", options["lock_timeout"], "Use 1 or more.")
    needs = plan_needs(read_state(database), stanza)
    if needs:
        raise not_archiving(needs)
    require_readable(database, read_tables(database))
    if not database.value("SELECT has_function_privilege('pg_create_restore_point(text)', 'EXECUTE')"):
        raise TitanError(
            "The role may not create the restore point at which the backup is compared. "
            "Grant it: GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO the role."
        )
    if options["verify"] == "restored":
        find_programs(options["programs"], source.server_major, NEEDED)


def choose_type(wanted: str, entries: Sequence[Entry], every: timedelta, now: datetime) -> str:
    """The type of the next backup; "auto" is incremental, but full when the newest full one is older than "every", or when
    that or the newest of all, on which pgBackRest would build, is not sound."""
    if wanted != "auto":
        return wanted
    bases = [max(found, key=lambda entry: entry.started, default=None) for found in (_fulls(entries), entries)]
    if any(base is None or base.problem for base in bases):
        return FULL
    return "incr" if now - max(entry.started for entry in _fulls(entries)) < every else FULL


def _fulls(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if label_of(entry.path).endswith("F")]


def _planned(stanza: Stanza, kind: str, entries: Sequence[Entry]) -> Outcome:
    """What would be done; which old backups expire then depends on the new one, so none are named."""
    summary = f"Would take a backup ({kind}) of stanza {stanza.stanza} and prove it."
    return Outcome(True, {"backup": None, "removed": []}, summary, *listing_diff(entries, [], f"(new {kind} backup)"))


def _taken(stanza: Stanza, source: Source, kind: str, doubt: str, call: Call) -> Outcome:
    deadline = Deadline(call.options["timeout"])
    before = read_stanza_catalog(stanza)
    remove_orphan_records(stanza, {label_of(entry.path) for entry in before})
    call.say(f"pgBackRest takes a backup ({kind}) ...")
    step("backup.start")
    run_pgbackrest(stanza, "backup", f"--type={kind}", "--no-expire-auto", timeout=deadline.left())
    entry = _new_entry(stanza, before)
    step("backup.point")
    call.say("Looking for an instant whose content can be compared ...")
    moment = take_moment(call.connection, label_of(entry.path), call.options["lock_timeout"], deadline, call.say)
    record = replace(
        new_record(stanza, entry), database=source.database, superuser=source.superuser, point=moment.point, content=moment.content
    )  # fmt: skip
    write_record(stanza, record)
    step("backup.verify")
    run_pgbackrest(stanza, "check", timeout=deadline.left())  # waits until the restore point is in the archive
    warnings = [] if record.comparable else [_NO_INSTANT]
    proven, told = _proven(stanza, entry, record, call)
    if proven.point.proof == LOCKED:
        call.say("Large objects were not compared: other sessions kept writing.")
    return _finish(stanza, before, proven, [*warnings, *told], doubt, call)


_NO_INSTANT = (
    "No instant without a writer was found, and the tables could not be locked for one: the drill can check this backup but not "
    "compare it, so it does not count as restored and equal."
)


def _new_entry(stanza: Stanza, before: Sequence[Entry]) -> Entry:
    known = {entry.path for entry in before}
    new = [entry for entry in read_stanza_catalog(stanza) if entry.path not in known]
    if len(new) != 1:
        raise TitanError(f"pgBackRest reported the backup as done, but 'info' lists {len(new)} new ones.")
    if new[0].problem:
        raise TitanError(f"The backup {label_of(new[0].path)} is not good: {new[0].problem}.")
    return new[0]


def _proven(stanza: Stanza, entry: Entry, record: PhysicalRecord, call: Call) -> tuple[PhysicalRecord, tuple[str, ...]]:
    """Verify the backup as far as wanted; the result is in its record, whatever it is. Also returns warnings."""
    try:
        if call.options["verify"] == "restored":
            return prove(stanza, entry, call)[:2]
        problem = verify_sets(stanza).get(record.label, UNKNOWN)
        checked = Verification("none" if problem else "checksum", datetime.now(timezone.utc), problem)
        record = record.with_verification(checked)
        write_record(stanza, record)
        if problem:
            raise TitanError(f"{problem}.")
    except TitanError as error:
        raise unproven(entry.path, error) from error
    return record, ()


def _finish(
    stanza: Stanza, before: Sequence[Entry], record: PhysicalRecord, warnings: list[str], doubt: str, call: Call
) -> Outcome:
    """Read the catalog again, and let old backups expire."""
    after = read_stanza_catalog(stanza)
    checked, path = record.verified, record_path(stanza, record.label)
    new = next((entry for entry in after if entry.path == path), None)
    if new is None or new.problem or new.verified_level != checked.level:
        raise TitanError(
            f"The backup {path} is not in the catalog as it was proven: {new.problem if new else 'missing'}."
        )
    refused = f"Nothing was removed: {doubt}." if doubt else ""
    removed, warning = ([], refused) if refused else _expire(stanza, after, new, call.options["verify"])
    warnings += [warning] if warning else []
    proof = f"verified ({checked.level}), {checked.tables} tables, {checked.rows} rows"
    summary = f"{new.path}: {new.size} bytes, {proof}; {len(removed)} old backup(s) removed."
    diff = listing_diff(before, removed, os.path.basename(new.path))
    return Outcome(
        True, {"backup": {**record.as_json(), "path": path}, "removed": removed}, summary, *diff, tuple(warnings)
    )


def _expire(stanza: Stanza, entries: Sequence[Entry], new: Entry, verify: str) -> tuple[list[str], str]:
    """Let pgBackRest's retention rules work, unless they would take the last proven backup.

    Returns:
        The paths of those that went, and why none did (empty if the rules worked).
    """
    if new.verified_level != "restored" and verify == "restored":
        return [], "Nothing was removed: the new backup was restored but could not be compared."
    if new.verified_level == "none":
        return [], "Nothing was removed: the new backup is not verified."
    going = parse_expired(run_pgbackrest(stanza, "expire", "--dry-run", timeout=600, log="info"))
    best = newest_verified(entries)
    if best and label_of(best.path) in going:
        return (
            [],
            f"Nothing was removed: the newest backup that a restore has proven, {best.path}, would go. Drill a newer one.",
        )
    run_pgbackrest(stanza, "expire", timeout=600)
    left = {entry.path for entry in read_stanza_catalog(stanza)}
    gone = [entry.path for entry in entries if entry.path not in left]
    remove_orphan_records(stanza, {label_of(path) for path in left})
    return gone, ""


def parse_expired(said: str) -> set[str]:
    """The labels that ``pgbackrest expire --dry-run`` says would go."""
    found: set[str] = set()
    for line in said.splitlines():
        matched = _EXPIRED.search(line)
        if matched:
            found.update(LABEL.findall(matched["labels"]))
    return found
