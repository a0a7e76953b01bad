# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a transaction whose connection was lost: a COMMIT may have arrived although its answer did not."""

from __future__ import annotations

import time

from ..errors import DatabaseError
from .connecting import time_to_ask
from .connection import ConnectionSettings
from .database import connect

_PATIENCE = 10.0  # seconds; the server may still have to notice that the client has gone


def was_committed(settings: ConnectionSettings, xid: str) -> bool | None:
    """Ask over a new connection; None when nobody could be asked, or the transaction has not ended.

    Args:
        settings: The same server and database.
        xid: As pg_current_xact_id() gave it in the lost session.
    """
    deadline = time.monotonic() + time_to_ask(_PATIENCE)
    while True:
        try:
            with connect(settings, "lost reply") as database:
                while True:
                    status = database.value("SELECT pg_xact_status(%s::xid8)", (xid,))
                    if status != "in progress" or time.monotonic() >= deadline:
                        return {"committed": True, "aborted": False}.get(str(status))
                    time.sleep(0.2)
        except DatabaseError:
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.5)
