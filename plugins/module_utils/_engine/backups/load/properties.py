# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to a database but is in no dump of it: owner, grants, settings, comment."""

from __future__ import annotations

import re
from typing import Any

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE, INVALID_PARAMETER_VALUE, UNDEFINED_OBJECT
from ..catalog.source import DatabaseProperties, Grant, Setting, Source

# Settings that hold lists of names, each of which has to be quoted by itself.
_LISTS = ("local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces")
_ITEM = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,"]*))\s*(?:,|$)')


def read_properties(database: Database, name: str = "") -> DatabaseProperties:
    """The properties of the database of this name; of the connected one if it is empty."""
    wanted = name or str(database.value("SELECT current_database()::text"))
    settings = database.rows(
        """
        SELECT coalesce(pg_get_userbyid(nullif(s.setrole, 0)), '')::text AS role, item AS setting
          FROM pg_db_role_setting s, unnest(s.setconfig) AS item
         WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = %s) ORDER BY 1, 2
        """,
        (wanted,),
    )
    grants = database.rows(
        """
        SELECT coalesce(pg_get_userbyid(nullif(a.grantee, 0)), '')::text AS role, a.privilege_type AS privilege,
               a.is_grantable AS grantable
          FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = %s ORDER BY 1, 2
        """,
        (wanted,),
    )
    row = database.row(
        """
        SELECT d.datacl IS NOT NULL AS granted, d.datconnlimit AS connection_limit,
               shobj_description(d.oid, 'pg_database') AS comment, t.spcname::text AS tablespace,
               to_jsonb(d) ->> 'datlocprovider' AS locale_provider, to_jsonb(d) ->> 'daticurules' AS icu_rules,
               coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
          FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = %s
        """,
        (wanted,),
    )
    return DatabaseProperties(
        **(row or {}),
        settings=tuple(Setting(**each) for each in settings),
        grants=tuple(Grant(**each) for each in grants),
    )


def apply_properties(server: Database, name: str, source: Source) -> list[str]:
    """Give the database the properties that the source had.

    Returns:
        Warnings about what the target server does not have.
    """
    properties, database = source.properties, sql.Identifier(name)
    roles = {row["name"] for row in server.rows("SELECT rolname::text AS name FROM pg_roles")}
    wanted = {source.owner, *(each.role for each in properties.settings), *(each.role for each in properties.grants)}
    missing = sorted(wanted - roles - {""})
    if source.owner in roles:
        server.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(source.owner)))
    if properties.granted:
        server.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        for grant in properties.grants:
            if grant.role not in missing:
                server.execute(_grant(database, grant))
    warnings = [_set(server, database, each) for each in properties.settings if each.role not in missing]
    if properties.connection_limit != -1:
        limit = sql.Literal(properties.connection_limit)
        server.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(database, limit))
    absent = [
        f"The server has no role {role!r}; what the database granted to it or owed to it is left out."
        for role in missing
    ]
    return [*absent, *filter(None, warnings)]


def property_differences(server: Database, name: str, source: Source, comment: bool = True) -> list[str]:
    """What the database of this name does not have as the source had it, in words.

    Args:
        server: A database of the same server.
        name: The database that apply_properties() has given the source's properties.
        source: The source.
        comment: Whether its comment is compared, too.
    """
    found, wanted = read_properties(server, name), source.properties
    return [
        what
        for what, one, other in (
            ("settings", found.settings, wanted.settings),
            ("privileges", found.grants, wanted.grants if wanted.granted else found.grants),
            ("connection limit", found.connection_limit, wanted.connection_limit),
            ("comment", found.comment, wanted.comment if comment else found.comment),
        )
        if one != other
    ]


# This role may not set it, or this server does not know the parameter or the value.
_NOT_SETTABLE = (INSUFFICIENT_PRIVILEGE, UNDEFINED_OBJECT, INVALID_PARAMETER_VALUE)


def _set(server: Database, database: Any, setting: Setting) -> str:
    """Make one setting of the database; a warning if it cannot be made, which is no reason to have no database."""
    try:
        server.execute(_alter(database, setting))
    except DatabaseError as error:
        if error.sqlstate not in _NOT_SETTABLE:
            raise
        whose = f" for role {setting.role!r}" if setting.role else ""
        return f"The database's setting {setting.name!r}{whose} is left out. {error.message}"
    return ""


def _grant(database: Any, grant: Grant) -> Any:
    grantee = sql.Identifier(grant.role) if grant.role else sql.SQL("PUBLIC")
    tail = sql.SQL(" WITH GRANT OPTION" if grant.grantable else "")
    privilege = sql.SQL({"CREATE": "CREATE", "CONNECT": "CONNECT", "TEMPORARY": "TEMPORARY"}[grant.privilege])
    return sql.SQL("GRANT {} ON DATABASE {} TO {}").format(privilege, database, grantee) + tail


def _alter(database: Any, setting: Setting) -> Any:
    key, _equals, value = setting.setting.partition("=")
    values = list_items(value) if key.lower() in _LISTS else [value]
    target = sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(setting.role), database)
    return sql.SQL("ALTER {} SET {} TO {}").format(
        target if setting.role else sql.SQL("DATABASE {}").format(database),
        sql.SQL(".").join(sql.Identifier(part) for part in key.split(".")),
        sql.SQL(", ").join(sql.Literal(item) for item in values),
    )


def list_items(value: str) -> list[str]:
    """The names of a list such as '"$user", public'."""
    items, position = [], 0
    while position < len(value):
        found = _ITEM.match(value, position)
        if not found or found.end() == position:
            return [value]
        items.append(found[1].replace('""', '"') if found[1] is not None else found[2].strip())
        position = found.end()
    return items or [""]
