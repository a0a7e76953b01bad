# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception family of the engine.

Everything that can go wrong for a user is a TitanError whose message says what happened and what to do.
Both doors (the modules and the command) catch it once, at the top.
"""

from __future__ import annotations

from .typed import Any


class TitanError(Exception):
    """Something could not be done.

    Args:
        message: What happened and what to do about it, as complete sentences, without secrets.
        details: Facts for machines (table names, counts, SQLSTATE ...), JSON-serialisable.
    """

    exit_status = 1

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class OptionError(TitanError):
    """An option's value cannot be used; the message names option, value and what is allowed."""

    exit_status = 2

    def __init__(self, option: str, value: object, allowed: str, **details: Any) -> None:
        super().__init__(f"Option {option!r}: {value!r} cannot be used. {allowed}", option=option, **details)


class LockedError(TitanError):
    """Another run holds the lock; the message says which run and since when."""

    exit_status = 75


class DatabaseError(TitanError):
    """The server refused or failed a statement.

    ``sqlstate`` is the five-character SQLSTATE, or an empty string when the connection itself failed. ``primary`` is the
    server's own message, for decisions only: it may hold a row, so it is never shown.
    """

    def __init__(self, message: str, sqlstate: str = "", primary: str = "", **details: Any) -> None:
        super().__init__(message, sqlstate=sqlstate, **details)
        self.sqlstate = sqlstate
        self.primary = primary

    @property
    def lost(self) -> bool:
        """Whether the connection is gone or the server is going down: no statement's own trouble."""
        return self.sqlstate[:2] in ("", "08", "57")
