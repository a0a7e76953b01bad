# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a restore, settled and checked against the server before anything is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...errors import OptionError, TitanError
from ...postgres.database import Database
from ..load.targets import UNFINISHED

_DATABASES = """
SELECT datname::text AS name, coalesce(shobj_description(oid, 'pg_database'), '') AS mark FROM pg_database ORDER BY 1
"""


@dataclass(frozen=True)
class RestorePlan:
    """What a restore will do, all names settled and checked against the server.

    Attributes:
        work: The name under which the new database is made and compared.
        final: The name it gets in the end.
        previous: The name that the live database gets; empty when nothing is swapped.
        leftovers: Databases that dead restores into this name left.
    """

    work: str
    final: str
    previous: str
    leftovers: tuple[str, ...]


def make_restore_plan(server: Database, into: str, swap: bool, now: datetime) -> RestorePlan:
    """Settle the names.

    Raises:
        OptionError: the name cannot be used, or exists already and is not to be swapped.
    """
    if not _is_name(into):
        raise OptionError("into", into, "Use the name of a database: 1 to 63 bytes of UTF-8 text.")
    if into in ("postgres", "template0", "template1"):
        raise OptionError("into", into, "The server needs this database; restore into another one.")
    stem = into.encode()[:30].decode(errors="ignore")
    names = {row["name"]: row["mark"] for row in server.rows(_DATABASES)}
    if into in names and not swap:
        raise OptionError(
            "into",
            into,
            "A database of this name exists. Choose a new name, or 'swap: true' to put the restored one in its place.",
        )
    pattern = re.compile(re.escape(f"{stem}_restoring_") + r"\d{8}_\d{6}")
    stamp = _free_stamp(stem, set(names), now)
    leftovers = tuple(name for name, mark in names.items() if pattern.fullmatch(name) and mark == UNFINISHED)
    if into in names:
        _require_swappable(server, into)
    previous = f"{stem}_before_{stamp}" if into in names else ""
    return RestorePlan(f"{stem}_restoring_{stamp}", into, previous, leftovers)


def _free_stamp(stem: str, names: set[str], now: datetime) -> str:
    """The time, or the next second at which no database is called after it yet: two restores may come in one second."""
    while True:
        stamp = now.strftime("%Y%m%d_%H%M%S")
        if not names & {f"{stem}_restoring_{stamp}", f"{stem}_before_{stamp}"}:
            return stamp
        now += timedelta(seconds=1)


def _require_swappable(server: Database, name: str) -> None:
    """Refuse before hours of loading what would make renaming the live database impossible."""
    found = server.rows("SELECT gid::text AS gid FROM pg_prepared_xacts WHERE database = %s ORDER BY prepared", (name,))
    if found:
        raise TitanError(
            f"The database {name!r} has {len(found)} prepared transaction(s), such as {found[0]['gid']!r}, and cannot be renamed. "
            "Connected to it, end each one with COMMIT PREPARED or ROLLBACK PREPARED; then restore again.",
            prepared=[row["gid"] for row in found],
        )


def _is_name(text: str) -> bool:
    """Whether a database may be called so."""
    try:
        return 0 < len(text.encode()) <= 63 and "\0" not in text
    except UnicodeEncodeError:  # bytes that are not UTF-8, as a terminal of another encoding gives them
        return False
