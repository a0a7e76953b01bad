# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backing up several databases of one server, each with files and rules of its own; one that fails stops none of the others."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Callable

from ..errors import OptionError, TitanError
from ..outcome import Call, Data, Outcome
from ..postgres.database import Database
from .catalog.verification import LEVELS
from .load.targets import maintenance

ALL = "*"
_CONNECTABLE = "SELECT datname::text AS name FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
_OF_ONE = ("exclude_tables", "exclude_data_of")


def backup_several(call: Call, one: Callable[[Call], Outcome]) -> Outcome:
    """Back up each of the option's databases as backup() does it for one.

    Args:
        call: With the option "databases"; the connection may be to any database of the server.
        one: Takes the backup of the call's own database.

    Raises:
        OptionError: a database does not exist, or an option is about one database only.
        TitanError: some failed; the others were backed up. The details hold what was done.
    """
    for option in _OF_ONE:
        if call.options[option]:
            raise OptionError(option, call.options[option], "It names tables of one database; leave out 'databases'.")
    with maintenance(call.connection) as server:
        names = _wanted(server, call.options["databases"])
    done: list[tuple[str, Outcome]] = []
    failed: list[tuple[str, TitanError]] = []
    for name in names:
        options = {**call.options, "databases": None, "name": file_name(name, call.options["name"] or "")}
        call.say(f"Database {name!r}:")
        try:
            done.append((name, one(call._replace(options=options, settings=call.connection.to(name)))))
        except TitanError as error:
            failed.append((name, error))
    taken = [outcome.data["backup"] for _name, outcome in done if outcome.data["backup"]]
    data: Data = {
        "backup": min(taken, key=_level, default=None),  # what a monitoring system hears of is the least proven one
        "backups": taken,
        "removed": [path for _name, outcome in done for path in outcome.data["removed"]],
        "removal_refused": "; ".join(outcome.data["removal_refused"] for _name, outcome in done if outcome.data["removal_refused"]),
    }  # fmt: skip
    if failed:
        why = " ".join(f"{name!r}: {error.message}" for name, error in failed)
        raise TitanError(f"{len(failed)} of {len(names)} databases were not backed up. {why}", **data)
    return Outcome(
        any(outcome.changed for _name, outcome in done),
        data,
        "\n".join(outcome.summary for _name, outcome in done),
        "".join(outcome.before for _name, outcome in done),
        "".join(outcome.after for _name, outcome in done),
        tuple(f"Database {name!r}: {warning}" for name, outcome in done for warning in outcome.warnings),
    )


def _level(taken: Data) -> int:
    verified = taken.get("verified") or {}
    return LEVELS.index(verified.get("level") or taken.get("verified_level") or LEVELS[0])


def _wanted(server: Database, databases: Sequence[str]) -> list[str]:
    there = [row["name"] for row in server.rows(_CONNECTABLE)]
    wanted = there if ALL in databases else list(dict.fromkeys(databases))
    missing = [name for name in wanted if name not in there]
    if missing:
        raise OptionError(
            "databases",
            missing[0],
            f"There is no such database to connect to. The server has: {', '.join(map(repr, there))}.",
        )
    return wanted


def file_name(database: str, prefix: str = "") -> str:
    """What the files of a database are called: its name, made fit for a file, and then with a digest that keeps it apart."""
    whole = f"{prefix}_{database}" if prefix else database
    fit = re.sub(r"[^A-Za-z0-9._+-]", "_", whole, flags=re.ASCII)
    if fit == whole and len(fit) <= 63 and fit[0].isalnum():
        return fit
    digest = hashlib.sha256(database.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{('d' + fit if not fit[0].isalnum() else fit)[:54]}-{digest}"
