# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the server has room for the connections of a dump or a restore, before it is started."""

from __future__ import annotations

from ..errors import TitanError
from .database import Database

_ROOM = """
SELECT r.rolname::text AS role, CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END AS of_role,
       (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND backend_type = 'client backend')::int AS used_by_role,
       d.datname::text AS database, CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END AS of_database,
       (SELECT count(*) FROM pg_stat_activity WHERE datid = d.oid AND backend_type = 'client backend')::int AS used_in_database,
       current_setting('max_connections')::int - CASE WHEN r.rolsuper THEN 0
         ELSE (SELECT coalesce(sum(setting::int), 0) FROM pg_settings
                WHERE name IN ('superuser_reserved_connections', 'reserved_connections')) END AS of_server,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('client backend', 'walsender'))::int AS used_on_server
  FROM pg_roles r, pg_database d
 WHERE r.rolname = current_user AND d.datname = current_database()
"""


def require_connection_room(database: Database, wanted: int, what: str, here: bool = True) -> None:
    """Refuse work that needs more connections than are free now.

    Args:
        wanted: Connections beside the ones that are open already.
        what: What needs them, as "the dump".
        here: Whether they are to the database that the session is connected to.

    Raises:
        TitanError: names the limit, how much of it is used, and how much is wanted.
    """
    row = database.row(_ROOM)
    if row is None:
        return
    limits = (
        (f"The role {row['role']!r}", row["of_role"], row["used_by_role"], "ALTER ROLE ... CONNECTION LIMIT"),
        (
            f"The database {row['database']!r}",
            row["of_database"],
            row["used_in_database"],
            "ALTER DATABASE ... CONNECTION LIMIT",
        ),
        ("The server", row["of_server"], row["used_on_server"], "max_connections, which needs a restart"),
    )
    for who, limit, used, setting in limits:
        if limit >= 0 and used + wanted > limit and (here or not who.startswith("The database")):
            raise TitanError(
                f"{who} may have {limit} connections, {used} of them are open, and {what} needs {wanted} more. Use fewer jobs, or "
                f"raise the limit to {used + wanted} or more ({setting}).",
                connections=limit,
                wanted=used + wanted,
            )
