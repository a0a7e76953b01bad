# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting back the rows that the live database has lost since a backup, with what they need, in one transaction."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ...errors import OptionError, TitanError
from ...host.files import PART, absolute, make_directories, remove_file, require_private_directory
from ...outcome import Call, Outcome
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect
from ...postgres.locks import advisory_lock, sign_of_life
from ...postgres.trust import require_trusted_role
from ...text.one_line import printable
from ..catalog.entry import Entry
from ..catalog.manifest import Manifest
from ..content.fingerprint import canceller
from ..copy.copy import use_copy
from ..programs.pipeline import Deadline
from ..proof.result import Part
from .apply import Rescue, apply_plan
from .differences import Known, find_differences
from .obstacles import bring_rows
from .part import needed_part
from .plan import Plan, Wanted
from .sides import Sides


def rescue_from_database(name: str, call: Call) -> Outcome:
    """From a database of the same server, such as one that a backup was restored into.

    Raises:
        TitanError: something is in the way; nothing was changed.
    """
    if name == call.connection.database:
        raise OptionError(
            "from_database", name, "It is the live database itself. Name the one that still has the rows."
        )
    return _rescue(call.connection.to(name), f"database {name!r}", call, Deadline(call.options["timeout"]))


def rescue_from_backup(entry: Entry, call: Call) -> Outcome:
    """From a backup, which is restored into a throw-away cluster and compared with its manifest first.

    Raises:
        TitanError: the backup is not good, or something is in the way; nothing was changed.
    """
    deadline = Deadline(call.options["timeout"])

    def needs(manifest: Manifest) -> Part | None:
        with connect(call.connection, "rescue") as live:
            require_trusted_role(live, call.options["accept_superuser"], "the tables' owner")
            return needed_part(live, _wanted(call), manifest)

    outcome, warnings = use_copy(
        entry, call.options, deadline, call.say,
        lambda copy: _rescue(copy.owner, entry.path, call, deadline, Known(copy.content, copy.selection)),
        needs=needs, like_source=False,
    )  # fmt: skip
    return outcome._replace(warnings=(*warnings, *outcome.warnings))


def _wanted(call: Call) -> Wanted:
    options = call.options
    return Wanted(
        tuple(options["tables"] or ()), options["where"] or "", options["changed"], options["skip_conflicts"],
        options["without_triggers"],
    )  # fmt: skip


def _rescue(
    copy: ConnectionSettings, source: str, call: Call, deadline: Deadline, known: Known | None = None
) -> Outcome:
    """From the copy of a backup, of which something is known, or one beside the live database, on the same server."""
    options, wanted = call.options, _wanted(call)
    path = _record_path(call)
    with (
        connect(call.connection, "rescue") as live,
        connect(copy, "rescue") as there,
        deadline.ends(canceller(live)),
        deadline.ends(canceller(there)),
        connect(
            call.connection, "rescue"
        ) as locking,  # the other sessions wait for each other for as long as tables are large
        advisory_lock(locking, "rescue", live.settings.database),
    ):
        trusted = [
            warning
            for database in ((live,) if known else (live, there))
            for warning in require_trusted_role(database, options["accept_superuser"], "the tables' owner")
        ]
        if not call.check_mode:
            _remove_parts(os.path.dirname(path), _stem(call))
        sides = Sides(there, live)
        call.say("Comparing the live database with what was restored ...")
        with sign_of_life(locking):
            plan = find_differences(sides, wanted, call.say, known)
            if not wanted.changed:
                plan.tables = [table for table in plan.tables if table.missing]
            bring_rows(sides, plan, wanted)
        locking.value("SELECT 1")  # no other rescue has begun: the lock is held still
        _require_nothing_in_the_way(plan, call.check_mode)
        plan.tables = [table for table in plan.tables if table.missing or (wanted.changed and table.changed)]
        if plan.tables and not call.check_mode:
            with sign_of_life(locking):
                apply_plan(live, plan, wanted, Rescue(source, path), options["lock_timeout"])
    return _outcome(plan, wanted, source, path, call.check_mode)._replace(warnings=tuple(dict.fromkeys(trusted)))


def _record_path(call: Call) -> str:
    """The file that will take the rescue back; its directory is made and checked before anything else is done."""
    folder = absolute(call.options["record_dir"])
    if not folder:
        if not call.options["dest"]:
            raise OptionError(
                "record_dir",
                None,
                "Name a directory for the file that can undo the rescue, or that of the backups in 'dest'.",
            )
        folder = os.path.join(os.path.abspath(call.options["dest"]), "rescued")
    if not call.check_mode:
        make_directories(folder, 0o700)
    if os.path.lexists(folder):
        require_private_directory(folder, "record_dir")
    now = datetime.now(timezone.utc)
    return os.path.join(folder, f"{_stem(call)}{now:%Y%m%d_%H%M%S}_{secrets.token_hex(4)}.undo")


def _stem(call: Call) -> str:
    """How the names of one database's files begin; any name of a database makes a file name."""
    return f"rescue_{hashlib.sha256(call.connection.database.encode()).hexdigest()[:8]}_"


def _remove_parts(folder: str, stem: str) -> None:
    """Remove what killed runs for this database have begun to write; they held the lock that this run holds."""
    for name in os.listdir(folder):
        if name.startswith(f".{stem}") and name.endswith(PART):
            remove_file(os.path.join(folder, name))


def _require_nothing_in_the_way(plan: Plan, check_mode: bool) -> None:
    problems = [f"{table.pair.label}: {problem}" for table in plan.tables for problem in table.problems]
    if problems:
        raise TitanError(
            f"Nothing was changed, because of {len(problems)} thing(s) in the way: {'; '.join(problems)}. 'skip_conflicts' leaves such rows "
            "out, and those that refer to them.",
            problems=problems,
            tables=[table.as_data() for table in plan.tables],
        )


def _outcome(plan: Plan, wanted: Wanted, source: str, path: str, check_mode: bool) -> Outcome:
    tables = [table.as_data() for table in plan.tables]
    done = bool(plan.tables)
    replaced = sum(table.changed for table in plan.tables) if wanted.changed else 0
    lines = [*_lines(plan, wanted), *plan.notes]
    if not done:
        head = f"Nothing is missing: each row that {source} has of these tables is in the live database."
    else:
        verb = "would be" if check_mode else "were"
        head = f"{plan.rows} rows of {len(plan.tables)} table(s) {verb} put back from {source}"
        head += f", and {replaced} {verb} replaced." if replaced else "."
        if not check_mode:
            lines.append(f"To undo: titan-db rescue --undo {path}")
    data: dict[str, Any] = {
        "tables": tables, "rows": plan.rows, "replaced": replaced, "source": source, "equal_tables": plan.equal,
        "undo": path if done and not check_mode else None, "notes": plan.notes,
    }  # fmt: skip
    before = "".join(f"{table.pair.label}: {table.missing} rows missing\n" for table in plan.tables)
    after = "".join(f"{table.pair.label}: 0 rows missing\n" for table in plan.tables)
    return Outcome(done, data, "\n".join([head, *map(printable, lines)]), before, after)


def _lines(plan: Plan, wanted: Wanted) -> Sequence[str]:
    lines = []
    for table in plan.tables:
        parts = [f"{table.missing} missing"]
        if table.changed:
            parts.append(f"{table.changed} differ{'' if wanted.changed else ' and stay as they are'}")
        if table.new:
            parts.append(f"{table.new} only in the live database")
        why = f" ({table.reason})" if table.reason else ""
        shown = f"; such as {' | '.join(table.examples)}" if table.examples else ""
        lines.append(f"  {table.pair.label}{why}: {', '.join(parts)}{shown}")
        lines += [f"    {note}" for note in table.notes]
    return lines
