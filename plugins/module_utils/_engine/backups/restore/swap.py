# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restored database takes its name, and that of the live one where that is wanted."""

from __future__ import annotations

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ...postgres.lost_reply import was_committed
from ...postgres.sqlstates import OBJECT_IN_USE
from .plan import RestorePlan

_SWAP_ATTEMPTS = 5


def put_in_place(server: Database, plan: RestorePlan, comment: str | None, loader: str) -> None:
    """Give the new database its name, and the live one a dated name, in one transaction.

    Renaming locks out new connections; those that came between ending the old ones and the lock are ended in the next attempt.
    """
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    work, final = sql.Identifier(plan.work), sql.Identifier(plan.final)
    for attempt in range(1, _SWAP_ATTEMPTS + 1):
        xid = ""
        try:
            with server.transaction():
                xid = str(server.value("SELECT pg_current_xact_id()"))
                if plan.previous:
                    server.value(_END_SESSIONS, (plan.final,))
                    server.execute(rename.format(final, sql.Identifier(plan.previous)))
                # a pool keeps those of the load
                server.value(f"{_END_SESSIONS} AND usename IN (current_user, %s)", (plan.work, loader))
                server.execute(rename.format(work, final))
                server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(final, sql.Literal(comment)))
            return
        except DatabaseError as error:
            if server.closed and xid and was_committed(server.settings, xid):  # only the answer to the COMMIT was lost
                server.reconnect("restore")
                return
            if error.sqlstate != OBJECT_IN_USE or attempt == _SWAP_ATTEMPTS:
                raise


_END_SESSIONS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
)
