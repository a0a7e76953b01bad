# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session in which policies are read and rows deleted."""

from __future__ import annotations

from ..errors import TitanError
from ..postgres.database import Database


def prepare(database: Database) -> None:
    """Require a session in which rows can be written and deleted, and fix its settings."""
    require_writable(database)
    fix_settings(database)


def fix_settings(database: Database) -> None:
    """Fix what the role's own settings could change in how times are written, and bound what may wait."""
    database.execute(
        "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET lock_timeout = '50ms'; "
        "SET statement_timeout = 0; "
        "SET enable_tidscan = on; SET enable_indexscan = on"  # else each batch reads the whole table
    )


def require_writable(database: Database) -> None:
    """Refuse to work where no row can be deleted.

    Raises:
        TitanError: this server is a standby, or role or database let each transaction begin read-only.
    """
    if database.in_recovery():
        raise TitanError("This server is a standby: connect to the primary, where rows can be written and deleted.")
    if database.parameter_status("default_transaction_read_only") == "on":
        raise TitanError(
            "default_transaction_read_only is on for this role or database: no row could be deleted. Set it to off for the role that "
            "cleans up (ALTER ROLE ... IN DATABASE ... SET default_transaction_read_only = off)."
        )
