# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens with a recovered moment: it is dumped, and the dump is handed to the operations that bring tables and rows back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

from ...errors import OptionError
from ...host.files import absolute, make_directories, require_private_directory
from ...outcome import Call, Data, Outcome
from ...postgres.connection import ConnectionSettings
from ...text.arguments import complete
from ..declared.backup import BACKUP
from ..declared.rescue import RESCUE
from ..declared.restore import RESTORE
from ..programs.pipeline import Deadline

LOOK, DUMP, TABLES, ROWS, PLACE = "look", "dump", "tables", "rows", "place"
_BELOW = "recovered"


class Doors(NamedTuple):
    """The operations that take over, which are above.

    Attributes:
        backup, restore, rescue: As in operation.py.
        file_name: What the files of a database are called.
    """

    backup: Callable[[Call], Outcome]
    restore: Callable[[Call], Outcome]
    rescue: Callable[[Call], Outcome]
    file_name: Callable[[str], str]


def require_action(options: Mapping[str, Any]) -> None:
    """Refuse options that the action does not go with.

    Raises:
        OptionError: says which.
    """
    action, tables = options["action"], options["tables"]
    if action == TABLES and not tables:
        raise OptionError("tables", None, "Name the tables that are wanted beside the live ones.")
    if tables and action not in (TABLES, ROWS):
        raise OptionError(
            "tables",
            tables,
            f"They are for 'action' {TABLES} (whole tables beside the live ones) or {ROWS} (lost rows into them).",
        )
    if options["where"] and action != ROWS:
        raise OptionError("where", options["where"], f"It is for 'action' {ROWS}.")
    for name in ("data_directory", "accept_standbys"):
        if options[name] and action != PLACE:
            raise OptionError(name, options[name], f"It is for 'action' {PLACE}.")
    if options["stop_timeout"] < 1:
        raise OptionError("stop_timeout", options["stop_timeout"], "Use 1 or more.")
    if options["jobs"] < 1:
        raise OptionError("jobs", options["jobs"], "Use 1 or more.")


def dump_directory(options: Mapping[str, Any]) -> str:
    """Where the dump goes. Not among the backups: its rows are older than its date, and a clean-up would trust it."""
    return absolute(options["dump_dir"]) or os.path.join(os.path.abspath(options["dest"]), _BELOW)


def dump_moment(settings: ConnectionSettings, call: Call, doors: Doors, deadline: Deadline) -> str:
    """Dump the recovered database, and prove the dump by a restore; return its path.

    Args:
        settings: The recovered database, as its superuser.
        call: The recovery's.
        doors: The operations.
        deadline: When it must be done.
    """
    options, folder = call.options, dump_directory(call.options)
    make_directories(folder, 0o700)
    require_private_directory(folder, "dump_dir")
    left = deadline.left()
    given = {
        "dest": folder,
        "name": doors.file_name(settings.database),
        "timeout": int(left) + 1 if left else 0,
        **_common(options),
    }
    outcome = doors.backup(call._replace(options=complete(given, BACKUP), settings=settings))
    return str(outcome.data["backup"]["path"])


def hand_on(call: Call, doors: Doors, path: str) -> Outcome | None:
    """Bring tables or rows from the dump into the live database; None if nothing was wanted there.

    Raises:
        TitanError: it failed; the dump stays.
    """
    options, action = call.options, call.options["action"]
    common = {"source": path, **_common(options)}
    if action == TABLES:
        return doors.restore(call._replace(options=complete({**common, "tables": options["tables"]}, RESTORE)))
    if action == ROWS:
        given = {
            **common,
            "tables": options["tables"],
            "where": options["where"],
            "record_dir": os.path.join(dump_directory(options), "rescued"),
        }
        return doors.rescue(call._replace(options=complete(given, RESCUE)))
    return None


def _common(options: Mapping[str, Any]) -> Data:
    return {"programs": options["programs"], "jobs": options["jobs"], "drill_dir": options["drill_dir"]}
