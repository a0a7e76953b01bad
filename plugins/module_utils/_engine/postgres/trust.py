# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a superuser may read and change rows: whoever owns a table decides which code runs then, with the rights of whoever asks."""

from __future__ import annotations

from ..errors import TitanError
from .database import Database

# Somebody with less rights than a superuser, to whom something here belongs.
_LESSER_OWNER = """
SELECT o.name, r.rolname::text AS role
  FROM (SELECT datdba AS owner, 'database ' || quote_ident(datname) AS name FROM pg_database WHERE datname = current_database()
        UNION ALL SELECT relowner, 'table ' || oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384
        UNION ALL SELECT proowner, 'function ' || oid::regproc FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT nspowner, 'schema ' || quote_ident(nspname) FROM pg_namespace WHERE oid >= 16384) o
  JOIN pg_roles r ON r.oid = o.owner
 WHERE NOT r.rolsuper AND r.oid >= 16384 AND r.rolname <> current_user
 LIMIT 1
"""


def is_superuser(database: Database) -> bool:
    """Whether the connected role is one."""
    return bool(database.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))


def plans_code_of(database: Database) -> dict[str, str] | None:
    """Who else, without a superuser's rights, owns something here: the functions of that one's indexes and statistics run with the
    connected role's rights when it plans a query of the table.

    Returns:
        The object's "name" and its owner's "role"; None if there is nobody.
    """
    return database.row(_LESSER_OWNER)


def require_trusted_role(database: Database, accept_superuser: bool, instead: str) -> tuple[str, ...]:
    """Refuse a superuser in a database in which others decide what code runs.

    Args:
        database: Connected.
        accept_superuser: Only warn.
        instead: As whom to connect.

    Returns:
        The warning to give when that was accepted.

    Raises:
        TitanError: the connected role is a superuser, and something here belongs to a role that is not.
    """
    if not is_superuser(database):
        return ()
    lesser = database.row(_LESSER_OWNER)
    if not lesser:
        return ()
    why = (
        f"The connected role is a superuser, but the {lesser['name']} belongs to {lesser['role']!r}, whose triggers and "
        "functions run with the rights of whoever reads or changes rows."
    )
    if accept_superuser:
        return (f"{why} It was accepted by accept_superuser.",)
    raise TitanError(
        f"{why} Connect as {instead} (accept_superuser: true runs it nevertheless).",
        owner=lesser["role"],
    )
