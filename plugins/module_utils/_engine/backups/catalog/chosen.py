# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup that is meant: the one that "source" names, or else the newest one in "dest"."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ...errors import DatabaseError, OptionError, TitanError
from ...postgres.clock import clock_doubt
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect
from .entry import PHYSICAL, Entry
from .nothing_there import NothingThereError, nothing_there
from .read import from_the_future, newest_verified, read_catalog, read_entry


def chosen_backup(options: Mapping[str, Any], settings: ConnectionSettings | None = None) -> Entry:
    """The backup by pg_dump that source names, or else the newest verified one in dest.

    Args:
        settings: Of the server that it is for, whose clock is asked before some are taken to be from the future.

    Raises:
        TitanError: there is none, or nobody can tell which is the newest.
    """
    entry = chosen(options, True, settings)
    if entry.format == PHYSICAL:
        raise OptionError(
            "source", entry.path, "It is a backup by pgBackRest, of a whole cluster: only pgbackrest itself restores and keeps it, and a "
            "drill reads it. Name a backup by pg_dump.",
        )  # fmt: skip
    return entry


def chosen(options: Mapping[str, Any], verified: bool, settings: ConnectionSettings | None = None) -> Entry:
    """The backup of any kind that source names, or else the newest (verified) one in dest; see chosen_backup."""
    if options["source"]:
        return read_entry(options["source"])
    if not options["dest"]:
        raise OptionError("source", None, "Name a backup file, or the directory whose newest one is meant in 'dest'.")
    everything = read_catalog(options["dest"], options["name"])
    entries = [entry for entry in everything if not from_the_future(entry)]
    later = len(everything) - len(entries)
    newest = newest_verified(entries, "checksum") if verified else None
    if everything and not newest and (verified or not entries):
        future = f" {later} are dated in the future, which counts only when named." if later else ""
        called = f" called {options['name']!r}" if options["name"] else ""
        raise TitanError(
            f"No backup{called} in {options['dest']} is verified. Drill one, or name one in 'source'.{future}"
        )
    if not newest and not entries:
        there = nothing_there(options["dest"], options["name"])
        raise NothingThereError(f"{there[0].upper()}{there[1:]}.")
    if later and settings:
        _require_clock_that_is_not_behind(settings, later)
    return newest or entries[0]


def _require_clock_that_is_not_behind(settings: ConnectionSettings, later: int) -> None:
    """Refuse to choose while this host's clock is behind: the backups that seem to come later are then newer, not wrong.

    Where the server cannot be asked, whoever restores says that by itself.
    """
    doubt = ""
    with suppress(DatabaseError), connect(settings, "clock") as database:
        doubt = clock_doubt(database, (0.0, "")) if database.clock_ahead > 0 else ""
    if doubt:
        raise OptionError(
            "source", None, f"Which backup is the newest cannot be determined: {later} are dated after this host's time, and {doubt}. "
            "Correct the clock, or name the backup.",
        )  # fmt: skip
