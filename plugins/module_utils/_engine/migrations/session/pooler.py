# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this connection one session of one server? A pooler in transaction mode is not."""

from __future__ import annotations

from ...errors import DatabaseError, TitanError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect

_PATIENCE = 5.0
_PID = "SELECT pg_catalog.pg_backend_pid()"


def require_own_session(database: Database, settings: ConnectionSettings) -> None:
    """Refuse a connection whose statements may run in different sessions.

    Raises:
        TitanError: a pooler in transaction or statement mode; says what to do.
    """
    first = database.value(_PID)
    if first == database.backend_pid:
        return
    import threading  # only behind a pooler

    found: list[bool] = []
    probe = threading.Thread(target=lambda: found.append(_shared(database, settings, first)), daemon=True)
    probe.start()
    probe.join(_PATIENCE)
    if found != [False]:
        raise TitanError(
            f"{settings.place()} is a connection pooler that does not give every client a session of its own (PgBouncer in "
            "transaction mode?). The lock against a second run, lock limits and CREATE INDEX CONCURRENTLY would not be "
            "safe. Connect to the server itself (its own host and port), or through a pool in session mode. Nothing was done."
        )


def _shared(database: Database, settings: ConnectionSettings, first: int) -> bool:
    """True if another client gets our server session while we are connected."""
    try:
        with connect(settings, "migration probe", fixed_settings=False) as other:
            for _round in range(4):
                other.execute("BEGIN")
                theirs = other.value(_PID)
                mine = database.value(_PID)
                other.execute("COMMIT")
                if theirs == first or mine != first:
                    return True
    except DatabaseError:
        return True
    return False
