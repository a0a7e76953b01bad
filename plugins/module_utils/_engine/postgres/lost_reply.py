# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a transaction whose connection was lost: a COMMIT may have arrived although its answer did not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DatabaseError
from .connecting import time_to_ask
from .connection import ConnectionSettings
from .database import Database, connect

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


@contextmanager
def asked_transaction(database: Database, application: str) -> Iterator[None]:
    """A transaction that is committed when the block ends, also where the answer to its COMMIT was lost: it is asked for then.

    The database is in a new session afterwards, without the locks and settings of the last one.

    Args:
        database: Outside of any transaction.
        application: What the new connection is called.

    Raises:
        DatabaseError: nothing of it is in the database; or nobody could be asked, and the message says so.
    """
    xid = ""
    try:
        with database.transaction():
            yield
            xid = str(database.value("SELECT pg_catalog.pg_current_xact_id()"))
    except DatabaseError as error:
        if not (xid and error.lost and database.closed):
            raise
        became = was_committed(database.settings, xid)
        if not became:
            state = (
                "Whether it was committed is unknown, because the server cannot be reached"
                if became is None
                else "Nothing was changed"
            )
            raise DatabaseError(f"{error.message} {state}; run it again.", sqlstate=error.sqlstate) from error
        database.reconnect(application)
