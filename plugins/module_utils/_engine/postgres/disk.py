# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's disk, where the server runs on this host and lets us see it."""

from __future__ import annotations

import os

from ..errors import DatabaseError
from .database import Database
from .sqlstates import INSUFFICIENT_PRIVILEGE

_HERE = ("", "localhost", "127.0.0.1", "::1")


def is_here(database: Database) -> bool:
    """Whether the server runs on this host, as far as the connection's address says."""
    return database.settings.host in _HERE


def data_directory(database: Database) -> str:
    """Where the server keeps its data; empty when it is on another host or the role may not read the setting."""
    if not is_here(database):
        return ""
    try:
        return str(database.value("SELECT current_setting('data_directory')"))
    except DatabaseError as error:
        if error.sqlstate != INSUFFICIENT_PRIVILEGE:  # only members of pg_read_all_settings may see it
            raise
    return ""


def free_bytes(*paths: str) -> int | None:
    """Free bytes under the first of the paths that can be looked at; None if none can."""
    for path in paths:
        try:
            status = os.statvfs(path)
        except OSError:
            continue
        return int(status.f_bavail * status.f_frsize)
    return None
