# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be backed up: the database's identity and needs, and one snapshot of it that others can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database, sql
from ...postgres.lock_room import require_lock_room
from ...postgres.programs import Programs
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE, OUT_OF_MEMORY, UNDEFINED_TABLE
from ...text.listed import listed
from ..catalog.entry import Entry
from ..catalog.source import Source
from ..catalog.tuning import read_tuning
from ..content.copied import require_no_query
from ..content.exclusions import NOTHING, Exclusions
from ..content.fingerprint import expand_no_views, fix_settings
from ..content.tables import Table, read_tables
from ..load.properties import list_items, read_properties

_ATTEMPTS = 5


def read_source(database: Database) -> Source:
    """Read the identity of the connected database."""
    row = database.row(
        """
        SELECT d.datname::text AS database, current_setting('server_version') AS server_version,
               pg_is_in_recovery() AS in_recovery, pg_database_size(d.oid) AS bytes,
               pg_encoding_to_char(d.encoding)::text AS encoding, d.datcollate::text AS collate, d.datctype::text AS ctype,
               pg_get_userbyid(d.datdba)::text AS owner, pg_get_userbyid(10)::text AS superuser
          FROM pg_database d WHERE d.datname = current_database()
        """
    )
    if row is None:
        raise TitanError("The connected database is not in pg_database.")
    return Source(
        **row,
        system_identifier=read_system_identifier(database),
        server_major=database.major,
        properties=read_properties(database),
        roles=tuple(_names(database, _ROLES)),
        tablespaces=tuple(_names(database, _TABLESPACES)),
        superuser_owns=bool(database.value(_OF_SUPERUSER)),
        preload=_preloaded(database),
        tuning=read_tuning(database),
        parameters=tuple(_names(database, _PARAMETERS)),
    )


def _preloaded(database: Database) -> tuple[str, ...]:
    """What the server loads at its start, and what each session of this role in this database does."""
    rows = database.rows(
        "SELECT setting FROM pg_settings WHERE name IN ('shared_preload_libraries', 'session_preload_libraries')"
    )
    names = (name for row in rows for name in list_items(row["setting"]) if name)
    return tuple(dict.fromkeys(names))


def require_libraries(database: Database, source: Source, programs: Programs) -> None:
    """Refuse, before anything is dumped, a drill on a host that lacks a library without which its extension cannot be made.

    Raises:
        TitanError: names the libraries.
    """
    missing = [name for name in source.preload if not programs.has_library(name)]
    needed = _names(database, "SELECT extname::text AS name FROM pg_extension")
    lacking = [name for name in missing if name.rsplit("/", 1)[-1] in needed]
    if lacking:
        raise TitanError(
            f"The source's server loads {', '.join(lacking)} (shared_preload_libraries, session_preload_libraries), and the database has an "
            f"extension of it, but it is not installed for PostgreSQL {programs.major} on this host, so no drill can be made here. Install "
            "its package, or use 'verify: checksum' and drill on a host that has it.",
            missing=lacking,
        )


def of_source(entries: Sequence[Entry], source: Source) -> list[Entry]:
    """The catalog's entries that are of this very database."""
    identity = (source.database, source.system_identifier)
    return [entry for entry in entries if (entry.database, entry.system_identifier) == identity]


# Owners, grantees, policies' and default privileges' roles of this database.
_ROLES = """
SELECT DISTINCT pg_get_userbyid(refobjid)::text AS name FROM pg_shdepend
 WHERE refclassid = 'pg_authid'::regclass AND refobjid >= 16384
   AND (dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        OR (classid = 'pg_database'::regclass
            AND objid = (SELECT oid FROM pg_database WHERE datname = current_database())))
 ORDER BY 1
"""

# The server keeps no note of what depends on its first superuser.
_OF_SUPERUSER = """
SELECT EXISTS (
    SELECT FROM (SELECT 'pg_class'::regclass AS kind, oid FROM pg_class WHERE relowner = 10
                  UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE proowner = 10
                  UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspowner = 10
                  UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typowner = 10) AS owned
     WHERE owned.oid >= 16384 AND NOT EXISTS (
           SELECT FROM pg_depend d WHERE d.classid = owned.kind AND d.objid = owned.oid AND d.deptype = 'e'))
"""
_TABLESPACES = """
SELECT DISTINCT s.spcname::text AS name FROM pg_tablespace s
 WHERE s.spcname NOT IN ('pg_default', 'pg_global')
   AND s.oid IN (SELECT reltablespace FROM pg_class)
 ORDER BY 1
"""
# Those of a library may have any context; a name with a dot is of one, or of nobody.
_PARAMETERS = """
SELECT DISTINCT c.name FROM pg_proc p CROSS JOIN LATERAL unnest(p.proconfig) AS setting
 CROSS JOIN LATERAL split_part(setting, '=', 1) AS c(name) LEFT JOIN pg_settings s ON s.name = c.name
 WHERE p.oid >= 16384 AND (c.name LIKE '%.%' OR s.context = 'superuser')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e') ORDER BY 1
"""


def _names(database: Database, query: str) -> list[str]:
    return [row["name"] for row in database.rows(query)]


def read_system_identifier(database: Database) -> str:
    try:
        return str(database.value("SELECT system_identifier::text FROM pg_control_system()"))
    except DatabaseError as error:
        if error.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        return ""  # a provider may have revoked it


@contextmanager
def snapshot(
    database: Database, lock_timeout: float, excluded: Exclusions = NOTHING
) -> Iterator[tuple[str, list[Table]]]:
    """Lock all tables against changes of their definition, then export one snapshot; both last as long as the block.

    A snapshot does not freeze the catalog: without the locks taken before it, an ALTER TABLE in between would give a
    dump that differs from what the snapshot shows.

    Raises:
        TitanError: the role cannot read everything, a lock was not granted in time, or tables keep coming and going.
    """
    fix_settings(database)
    expand_no_views(database)
    database.execute("SELECT set_config('lock_timeout', %s, false)", (f"{int(lock_timeout * 1000)}ms",))
    for _attempt in range(_ATTEMPTS):
        tables = excluded.applied(read_tables(database))
        require_readable(database, tables)
        require_lock_room(database, len(tables), _indexes(database, tables), "a backup")
        try:
            with database.transaction("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"):
                _lock(database, tables)
                identifier = str(database.value("SELECT pg_export_snapshot()"))
                if [table.oid for table in excluded.applied(read_tables(database))] != [table.oid for table in tables]:
                    raise _TablesChangedError
                require_no_query(database, tables)
                yield identifier, tables
                return
        except _TablesChangedError:
            continue
    raise TitanError(
        f"Tables were created or dropped during each of {_ATTEMPTS} attempts to lock them all. Run the backup at a quieter time."
    )


class _TablesChangedError(Exception):
    pass


def _indexes(database: Database, tables: Sequence[Table]) -> int:
    """How many indexes the tables have: reading a table locks each of them."""
    query = "SELECT count(*) FROM pg_index WHERE indrelid = ANY (%s::oid[]) AND indisvalid"
    return int(database.value(query, ([table.oid for table in tables],)))


def _lock(database: Database, tables: Sequence[Table]) -> None:
    if not tables:
        return
    names = sql.SQL(", ").join(table.relation() for table in tables)
    try:
        database.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(names))
    except DatabaseError as error:
        if error.sqlstate == LOCK_NOT_AVAILABLE:
            raise TitanError(
                "A table is locked by another session, and the lock was not released within 'lock_timeout'. "
                f"{_holders(database)}Run the backup again when that session has ended.",
                sqlstate=error.sqlstate,
            ) from error
        if error.sqlstate == OUT_OF_MEMORY:
            raise TitanError(
                f"The server has no room for locks on all {len(tables)} tables. Raise its max_locks_per_transaction, restart it, and "
                "run the backup again.",
                sqlstate=error.sqlstate,
            ) from error
        if error.sqlstate == UNDEFINED_TABLE:
            raise _TablesChangedError from error
        raise


def _holders(database: Database) -> str:
    """Who holds the strong locks; read outside the failed transaction, on a second connection."""
    from ...postgres.database import connect

    try:
        with connect(database.settings, "backup") as other:
            rows: list[dict[str, Any]] = other.rows(
                """
                SELECT DISTINCT l.relation::regclass::text AS name, a.pid, a.usename::text AS "user"
                  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                 WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND l.relation IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'p'))
                 ORDER BY 1 LIMIT 3
                """
            )
    except DatabaseError:
        return ""
    return "".join(f"{row['name']} is held by backend {row['pid']} (user {row['user']}). " for row in rows)


def require_readable(database: Database, tables: Sequence[Table]) -> None:
    """Refuse a role that cannot read every row.

    Raises:
        TitanError: names the tables, and the missing grant.
    """
    user = database.value("SELECT current_user::text")
    unreadable = [table.label for table in tables if not table.readable]
    if unreadable:
        raise TitanError(
            f"The role {user!r} cannot read {listed(unreadable)}. Grant it pg_read_all_data (GRANT pg_read_all_data TO the role).",
            tables=unreadable,
        )
    hidden = [table.label for table in tables if table.row_security]
    if hidden:
        raise TitanError(
            f"Row security would hide rows of {listed(hidden)} from the role {user!r}. Give it BYPASSRLS (ALTER ROLE ... BYPASSRLS): "
            "a dump of the visible rows only would be no backup.",
            tables=hidden,
        )
