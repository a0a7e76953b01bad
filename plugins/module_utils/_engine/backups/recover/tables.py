# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table in the recovered database, and whether a transaction dropped it."""

from __future__ import annotations

from collections.abc import Collection

from ...errors import OptionError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect

_FILES = """
SELECT DISTINCT pg_relation_filenode(part.relid)::bigint AS file
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
       LATERAL (SELECT c.oid::regclass UNION SELECT t.relid FROM pg_partition_tree(c.oid) t) AS part(relid)
 WHERE c.relkind IN ('r', 'p', 'm')
   AND (n.nspname || '.' || c.relname = ANY(%(names)s) OR n.nspname = 'public' AND c.relname = ANY(%(names)s))
   AND pg_relation_filenode(part.relid) IS NOT NULL
"""


def database_oid(settings: ConnectionSettings) -> int:
    """OID of the database."""
    with connect(settings, "recover") as database:
        return int(database.value("SELECT oid::bigint FROM pg_database WHERE datname = current_database()"))


def owner_of(settings: ConnectionSettings) -> str:
    """Name of the database's owner."""
    with connect(settings, "recover") as database:
        return str(
            database.value("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()")
        )


def can_log_in(server: ConnectionSettings, role: str) -> bool:
    """Whether the recovered cluster has the role, and lets it log in."""
    with connect(server, "recover") as database:
        return bool(database.value("SELECT count(*) FROM pg_roles WHERE rolname = %s AND rolcanlogin", (role,)))


def require_database(server: ConnectionSettings, name: str) -> None:
    """Refuse a name that no database of the recovered cluster has.

    Raises:
        OptionError: names those that are there.
    """
    with connect(server, "recover") as database:
        names = [
            row["name"]
            for row in database.rows("SELECT datname::text AS name FROM pg_database WHERE datallowconn ORDER BY 1")
        ]
    if name not in names:
        there = ", ".join(repr(each) for each in names if not each.startswith("template"))
        raise OptionError("database", name, f"At that moment there is no such database. There are: {there}.")


def was_dropped(settings: ConnectionSettings, table: str, dropped: Collection[tuple[int, int]]) -> bool:
    """Whether the table, which may be partitioned, is in the database and has storage that was dropped.

    Args:
        settings: The recovered database, just before.
        table: As one writes it, with or without its schema.
        dropped: (database's OID, number of the file) of each relation that the transaction dropped.

    Raises:
        OptionError: the table is there, and the transaction dropped others.
    """
    with connect(settings, "recover") as database:
        oid = int(database.value("SELECT oid::bigint FROM pg_database WHERE datname = current_database()"))
        files = {int(row["file"]) for row in database.rows(_FILES, {"names": [table, table.replace('"', "")]})}
    if files and not files & {file for one, file in dropped if one == oid}:
        raise OptionError(
            "before_drop", table, "The last transaction of the archived log that dropped a table of this database dropped another one, "
            "and this one was there then. So it has not been dropped."
        )  # fmt: skip
    return bool(files)
