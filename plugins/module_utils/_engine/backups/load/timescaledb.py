# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What TimescaleDB wants done around the load of a dump into a live server's database, where a superuser loads."""

from __future__ import annotations

from collections.abc import Mapping

from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect, sql
from ...postgres.trust import is_superuser
from ..content.extensions import Extension

TIMESCALEDB = "timescaledb"


def begin_restoring(target: ConnectionSettings, extensions: Mapping[str, Extension]) -> bool:
    """Let every session of the database load as timescaledb_pre_restore() does; whether that was done.

    Its background workers keep still until finish_restoring(), so that they change nothing before the comparison.

    Args:
        target: The new database; as who makes it.
        extensions: Of the source.
    """
    if TIMESCALEDB not in extensions:
        return False
    with connect(target, "restore") as database:
        if not is_superuser(database):
            return False  # others may not set it; the load, or the comparison, says then what is not as it was
        alter = sql.SQL("ALTER DATABASE {} SET timescaledb.restoring = 'on'")
        database.execute(alter.format(sql.Identifier(target.database)))
    return True


def finish_restoring(target: ConnectionSettings, extensions: Mapping[str, Extension]) -> None:
    """End what begin_restoring() began, by the extension's own function."""
    with connect(target, "restore") as database:
        function = sql.Identifier(extensions[TIMESCALEDB].schema, "timescaledb_post_restore")
        database.execute(sql.SQL("SELECT {}()").format(function))
