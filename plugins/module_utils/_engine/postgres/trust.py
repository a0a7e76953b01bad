# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a superuser may read and change rows: whoever owns a table decides which code runs then, with the rights of whoever asks.

The queries name the schema of each type, function and operator: a database's owner may set the search_path of whoever connects, and
what stands first in it could be asked instead.
"""

from __future__ import annotations

from ..errors import TitanError
from .database import Database

# Somebody with less rights than a superuser, to whom something here belongs that can hold, or name, code.
_LESSER_OWNER = """
SELECT o.name, r.rolname::pg_catalog.text AS role
  FROM (SELECT datdba AS owner, 'database ' OPERATOR(pg_catalog.||) pg_catalog.quote_ident(datname) AS name
          FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
        UNION ALL SELECT relowner, 'table ' OPERATOR(pg_catalog.||) oid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_class
         WHERE relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[]) AND oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
        UNION ALL SELECT relowner, 'view ' OPERATOR(pg_catalog.||) oid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_class
         WHERE relkind OPERATOR(pg_catalog.=) ANY ('{v,m,f}'::pg_catalog."char"[]) AND oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
        UNION ALL SELECT proowner, 'function ' OPERATOR(pg_catalog.||) oid::pg_catalog.regproc::pg_catalog.text FROM pg_catalog.pg_proc
         WHERE oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
        UNION ALL SELECT typowner, 'domain ' OPERATOR(pg_catalog.||) oid::pg_catalog.regtype::pg_catalog.text FROM pg_catalog.pg_type
         WHERE typtype OPERATOR(pg_catalog.=) 'd'::pg_catalog."char" AND oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
        UNION ALL SELECT oprowner, 'operator ' OPERATOR(pg_catalog.||) oid::pg_catalog.regoper::pg_catalog.text FROM pg_catalog.pg_operator
         WHERE oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
        UNION ALL SELECT nspowner, 'schema ' OPERATOR(pg_catalog.||) pg_catalog.quote_ident(nspname) FROM pg_catalog.pg_namespace
         WHERE oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid) o
  JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) o.owner
 WHERE NOT r.rolsuper AND r.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
   AND r.rolname OPERATOR(pg_catalog.<>) SESSION_USER
 LIMIT 1
"""

# Whether there is anybody to ask that about: most of the time of the query above is its planning.
_LESSER_ROLE = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE NOT r.rolsuper AND r.oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
                  AND r.rolname OPERATOR(pg_catalog.<>) SESSION_USER)
"""

# A role with a superuser's rights that the session has, or may take by SET ROLE: code that it runs may do so, too.
_RIGHTS = """
SELECT r.rolname::pg_catalog.text AS role, r.rolsuper AS superuser, u.rolname::pg_catalog.text AS name
  FROM pg_catalog.pg_roles u JOIN pg_catalog.pg_roles r ON pg_catalog.pg_has_role(u.oid, r.oid, 'MEMBER')
 WHERE u.rolname OPERATOR(pg_catalog.=) ANY (ARRAY[SESSION_USER, CURRENT_USER])
   AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=)
        ANY ('{pg_execute_server_program,pg_read_server_files,pg_write_server_files}'::pg_catalog.name[]))
 ORDER BY r.rolname OPERATOR(pg_catalog.<>) u.rolname, NOT r.rolsuper, r.rolname
 LIMIT 1
"""


def is_superuser(database: Database) -> bool:
    """Whether the connected role is one."""
    return bool(
        database.value("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) CURRENT_USER")
    )


def has_rights_of_superuser(database: Database) -> bool:
    """Whether the connected role is a superuser, or may become one or read files and start programs on the server as one may."""
    return _is_told_superuser(database) or database.row(_RIGHTS) is not None


def _is_told_superuser(database: Database) -> bool:
    """Whether the server says so without being asked: nobody can set that."""
    return database.parameter_status("is_superuser") == "on"


def plans_code_of(database: Database) -> dict[str, str] | None:
    """Who else, without a superuser's rights, owns something here: the functions of that one's indexes and statistics run with the
    connected role's rights when it plans a query of the table.

    Returns:
        The object's "name" and its owner's "role"; None if there is nobody.
    """
    return database.row(_LESSER_OWNER) if database.value(_LESSER_ROLE) else None


def require_trusted_role(database: Database, accept_superuser: bool, instead: str) -> tuple[str, ...]:
    """Refuse a superuser, and whoever may act as one, in a database in which others decide what code runs.

    Args:
        database: Connected, with any search_path.
        accept_superuser: Only warn.
        instead: As whom to connect.

    Returns:
        The warning to give when that was accepted.

    Raises:
        TitanError: the connected role has a superuser's rights, and something here belongs to a role that has not.
    """
    if not has_rights_of_superuser(database):
        return ()
    lesser = plans_code_of(database)
    rights = database.row(_RIGHTS) if lesser else None
    if not lesser or not rights:
        return ()
    as_what = "is a superuser" if rights["role"] == rights["name"] else f"is a member of {rights['role']!r}"
    why = (
        f"The connected role {as_what}, but the {lesser['name']} belongs to {lesser['role']!r}, whose triggers and "
        "functions run with the rights of whoever reads or changes rows."
    )
    if accept_superuser:
        return (f"{why} It was accepted by accept_superuser.",)
    raise TitanError(
        f"{why} Connect as {instead} (accept_superuser: true runs it nevertheless).",
        owner=lesser["role"],
    )


_EVENT_TRIGGER = """
SELECT e.evtname::pg_catalog.text AS name, p.oid::pg_catalog.regprocedure::pg_catalog.text AS function, r.rolname::pg_catalog.text AS role
  FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) e.evtfoid
  JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) p.proowner
 WHERE NOT r.rolsuper AND e.evtenabled OPERATOR(pg_catalog.<>) 'D'::pg_catalog."char"
 LIMIT 1
"""


def require_trusted_event_triggers(database: Database) -> None:
    """Refuse a superuser whose statements on tables and indexes would run a function that somebody else may replace.

    Raises:
        TitanError: the connected role has a superuser's rights, and an event trigger runs the function of a role that has not.
    """
    found = has_rights_of_superuser(database) and database.row(_EVENT_TRIGGER)
    if found:
        raise TitanError(
            f"The connected role has a superuser's rights, and its statements would run the function {found['function']} of "
            f"{found['role']!r}, by the event trigger {found['name']!r}. Give the function to a superuser (ALTER FUNCTION ... OWNER TO), or "
            "connect as the owner of the tables.",
            owner=found["role"],
        )
