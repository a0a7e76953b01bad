# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point that only looks: files, history and catalog, compared.

The module migration_info is sent without what lexes and runs files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..errors import OptionError
from ..outcome import Call, Outcome
from ..postgres.database import connect
from ..postgres.stand_ins import must_not_plan
from ..typed import Any
from .files.migration import Migration
from .files.naming import parse_files
from .history import read

_HISTORY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"


def migration_info(call: Call) -> Outcome:
    """Compare directory, history and catalog; nothing is written.

    Raises:
        TitanError: the files cannot be used, or there is no connection.
    """
    check_history(call.options["history"])
    return status_of(call, migrations_of(call.options))


def status_of(call: Call, migrations: Sequence[Migration]) -> Outcome:
    """What migration_info returns, through a connection of its own: nothing that a file has set is left in it."""
    from .history.drift import drift
    from .history.status import read_status

    history = call.options["history"] or ""
    with connect(call.connection, "migration_info", fixed_settings=False) as database:
        if must_not_plan(database):  # what stands in the owner's search_path would be asked with a superuser's rights
            database.execute("SET search_path = pg_catalog")
        data = read_status(database, migrations, history)
        changes = drift(database, history)
        others = [name for name in read.named_histories(database) if name != history]
    data.update(drift=changes or [], drift_known=changes is not None, history=history, other_histories=others)
    pending, tampered = len(data["pending"]), len(data["tampered"])
    applied = len(data["migrations"]) - pending
    of = f" in the history {history}" if history else ""
    summary = f"{applied} migrations are applied{of}, {pending} are pending, {tampered} were edited."
    return Outcome(False, data, summary, warnings=tuple(data.pop("warnings")))


def check_history(name: str | None) -> None:
    """Raise if this cannot be the name of a history."""
    if name and not re.fullmatch(_HISTORY, name):
        raise OptionError(
            "history",
            name,
            "It is a name of up to 63 letters, digits, hyphens, dots and underscores, and begins with a letter or digit.",
        )


def migrations_of(options: Mapping[str, Any]) -> list[Migration]:
    """The files that the options name or hold."""
    if options.get("files") is not None:
        return parse_files(options["files"], options["naming"])
    if not options.get("path"):
        raise OptionError("path", options.get("path"), "Name the directory that holds the migrations.")
    from .files.directory import read_directory  # a module is sent the files

    return parse_files(read_directory(options["path"], options["naming"]), options["naming"])
