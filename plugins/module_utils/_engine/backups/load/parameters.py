# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters that functions set (CREATE FUNCTION ... SET), and that a role that is no superuser may not set without a right."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from ...errors import DatabaseError
from ...postgres.database import Database, sql

_GRANTED_SINCE = 15  # the major; before, everybody may set those that no library knows
_LIBRARIES = "SELECT name FROM pg_available_extensions"
_PROCEDURAL = "pl"  # of languages, whose parameters hold code: plperl.on_init


def let_set(database: Database, role: str, parameters: Collection[str], contained: bool) -> None:
    """Let the role that loads make functions that set these parameters.

    Args:
        database: Of a superuser.
        role: That loads.
        parameters: That functions of the source set.
        contained: Whether the server is in a sandbox; otherwise only what belongs to no library of this server, for which a right
            to set it could mean more.
    """
    if database.major < _GRANTED_SINCE or not parameters:
        return
    libraries = {row["name"] for row in database.rows(_LIBRARIES)}
    for name in parameters:
        prefix, dot, _rest = name.partition(".")
        if contained or (dot and prefix not in libraries and not prefix.startswith(_PROCEDURAL)):
            parts = sql.SQL(".").join(map(sql.Identifier, name.split(".")))
            with suppress(DatabaseError):  # this server does not know it
                database.execute(sql.SQL("GRANT SET ON PARAMETER {} TO {}").format(parts, sql.Identifier(role)))
