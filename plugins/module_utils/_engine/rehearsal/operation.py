# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point of the rehearsal: what is given, the copy, the verdict."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..backups.catalog.chosen import chosen_backup
from ..backups.catalog.entry import Entry
from ..backups.catalog.record_text import format_time
from ..backups.copy.copy import Copy, use_copy
from ..backups.programs.pipeline import Deadline
from ..environment.config import read_environment
from ..environment.records import StateDirectory, owner_of
from ..errors import OptionError, TitanError
from ..migrations.files.directory import read_directory
from ..migrations.files.migration import Migration
from ..migrations.files.naming import parse_files
from ..outcome import Call, Outcome
from ..postgres.greeting import Greeting, greeting
from ..steps import step
from .options import OF_THE_RUN
from .place import make_ready
from .record import RehearsalRecord, checksums, digest_of_options, read_record, why_not_enough, write_record
from .remembered import FILE, remember
from .run import Rehearsal
from .texts import report_of
from .verdict import limits_of, problems_of

_HOW = tuple(name for name in OF_THE_RUN if name not in ("path", "files", "naming"))


def rehearse(call: Call) -> Outcome:
    """Run the pending migrations on a copy, and tell what they do there; or look at the record of that.

    Raises:
        TitanError: it has not passed; the details hold what an Outcome's data would.
    """
    options = call.options
    limits = limits_of(options)
    migrations = _migrations(options)
    if options["state"] == "checked":
        return _check(options, migrations)
    _state_of(options)  # what cannot be used is refused before an hour of restoring
    entry = chosen_backup(options)
    if call.check_mode:
        said = f"Would run the pending ones of {len(migrations)} migrations on a copy of {entry.path}."
        return Outcome(False, {"backup": entry.path}, said)
    production = greeting(call.connection, "rehearsal")
    _require_same_major(entry, production)
    deadline = Deadline(options["timeout"])
    done, warnings = use_copy(
        entry, options, deadline, call.say, lambda copy: _rehearsed(copy, call, production, deadline)
    )
    problems = problems_of(done.seen, limits)
    warnings += _keep(options, entry, migrations, done, problems)
    return _outcome(call, entry, done, problems, warnings)


def require_usable(call: Call) -> None:
    """Refuse options before an hour of restoring.

    Raises:
        TitanError: one cannot be used.
    """
    limits_of(call.options)
    _migrations(call.options)
    _state_of(call.options)


def rehearse_on(copy: Copy, entry: Entry, call: Call, deadline: Deadline) -> tuple[Outcome, Copy]:
    """The same on a copy that is there already.

    Args:
        copy: It is changed: the pending migrations are applied to it, and its database gets the source's name.
        entry: The backup that it was restored from.
        call: Its connection is production's.
        deadline: When it must be done.

    Returns:
        What came of it, and how the copy is reached from now on.

    Raises:
        TitanError: as rehearse.
    """
    migrations = _migrations(call.options)
    done = _rehearsed(copy, call, greeting(call.connection, "rehearsal"), deadline)
    problems = problems_of(done.seen, limits_of(call.options))
    warnings = _keep(call.options, entry, migrations, done, problems)
    name = done.ready.role.database
    return _outcome(call, entry, done, problems, warnings), copy._replace(
        owner=copy.owner.to(name), superuser=copy.superuser.to(name)
    )


def _rehearsed(copy: Copy, call: Call, production: Greeting, deadline: Deadline) -> Rehearsal:
    ready = make_ready(copy, production, call.options["without_sandbox"])
    rehearsal = Rehearsal(copy, ready, call.options, deadline, call.say)
    rehearsal.run()
    return rehearsal


def _migrations(options: Mapping[str, Any]) -> list[Migration]:
    if options["files"] is not None:
        return parse_files(options["files"], options["naming"])
    if not options["path"]:
        raise OptionError("path", options["path"], "Name the directory that holds the migrations.")
    return parse_files(read_directory(options["path"], options["naming"]), options["naming"])


def _require_same_major(entry: Entry, production: Greeting) -> None:
    source = entry.manifest.source if entry.manifest else None
    if source and source.server_major and source.server_major != production.major:
        raise TitanError(
            f"The backup {entry.path} is of PostgreSQL {source.server_major}, and the server is {production.major}: locks and "
            "rewrites differ between versions. Take a new backup."
        )


def _check(options: Mapping[str, Any], migrations: list[Migration]) -> Outcome:
    if not options["record"]:
        raise OptionError("record", options["record"], "Name the file that a rehearsal has left.")
    record = read_record(options["record"], options["history"] or "")
    how = digest_of_options(options, _HOW)
    why = why_not_enough(record, migrations, how, options["backup_within"], datetime.now(timezone.utc))
    if why or record is None:
        raise TitanError(
            f"{why} Rehearse them (titan-db rehearse) on a newer backup, or after what is wrong was put right."
        )
    when = datetime.fromtimestamp(record.rehearsed, timezone.utc)
    said = f"These {len(migrations)} files were rehearsed on {record.backup} at {format_time(when)}, and passed."
    return Outcome(False, {"backup": record.backup, "passed": True}, said)


def _keep(
    options: Mapping[str, Any], entry: Entry, migrations: list[Migration], done: Rehearsal, problems: list[str]
) -> tuple[str, ...]:
    """Keep the result where the options say; a warning if the weekly report will not show it."""
    if options["record"]:
        _write_record(options, entry, migrations, done, problems)
    state = _state_of(options)
    if state is None:
        return ()
    if os.path.lexists(state.path) and not state.ours():
        return (f"The weekly report will not show this rehearsal: {state.path} belongs to {owner_of(state.path)}.",)
    step("rehearsal.remember")
    versions = [item["version"] for item in done.pending]
    state.write(FILE, remember(done.seen, versions, problems, entry.path, time.time())._asdict())
    return ()


def _state_of(options: Mapping[str, Any]) -> StateDirectory | None:
    """Where the statistics report looks; None where no environment is named.

    Raises:
        OptionError: its configuration cannot be used.
    """
    path = options["job_config"]
    return StateDirectory(read_environment(path).state_dir) if path else None


def _write_record(
    options: Mapping[str, Any], entry: Entry, migrations: list[Migration], done: Rehearsal, problems: list[str]
) -> None:
    source = entry.manifest.source if entry.manifest else None
    record = RehearsalRecord(
        not problems,
        datetime.now(timezone.utc).timestamp(),
        entry.path,
        entry.finished.timestamp(),
        source.database if source else "",
        tuple(problems),
        tuple(item["version"] for item in done.applied),
        checksums(migrations),
        digest_of_options(options, _HOW),
    )
    write_record(options["record"], options["history"] or "", record)


def _outcome(call: Call, entry: Entry, done: Rehearsal, problems: list[str], warnings: tuple[str, ...]) -> Outcome:
    seen = done.seen
    data = {
        "backup": entry.path,
        "passed": not problems,
        "problems": problems,
        "statements": [each.as_dict() for each in seen.statements],
        "seconds": round(seen.seconds, 3),
        "files_seconds": [round(end, 3) for end in seen.files],
        "run_seconds": [round(end, 3) for end in seen.whole],
        "bytes": seen.room,
        "rolled_back": seen.back.tried and not seen.back.why,
        "differences": [*seen.back.differences, *seen.back.again],
    }
    report = report_of(seen, problems, entry.path) if done.pending else "No migration is pending in the backup."
    if problems:
        for line in report.splitlines():
            call.say(line)
        said = f"The rehearsal did not pass. {' '.join(problems)}"
        raise TitanError(said, report=report, **{key: value for key, value in data.items() if key != "passed"})
    return Outcome(False, {**data, "report": report}, report.splitlines()[-1], warnings=(*warnings, *seen.warnings))
