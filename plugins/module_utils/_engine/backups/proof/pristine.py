# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new database of a throw-away cluster has: how a dump is told that has changed what no dump holds."""

from __future__ import annotations

from ...errors import DatabaseError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect, sql
from ..content.extensions import Extension, read_member_functions
from ..content.undumped import read_system, read_system_writes
from ..load.targets import maintenance

_NEW = "titan_new"


def system_differences(target: ConnectionSettings) -> list[str]:
    """One sentence for each kind of the system's objects that the dump has changed.

    Args:
        target: The restored database, in a throw-away cluster.
    """
    with connect(target.to("template1"), "drill") as new, connect(target, "drill") as restored:
        if read_system_writes(new) == read_system_writes(restored):
            return []
        source, found = read_system(new), read_system(restored)
    return [
        f"the system's {what} (pg_catalog, information_schema) are not those of a new database after the restore"
        for what in source
        if found[what] != source[what]
    ]


def functions_made_anew(superuser: ConnectionSettings, name: str, extension: Extension) -> str:
    """The hash of an extension's functions as its script makes them; empty if it cannot be made.

    Args:
        superuser: Of a throw-away cluster.
        name, extension: Which.
    """
    with maintenance(superuser) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(_NEW)))
        try:
            with connect(superuser.to(_NEW), "drill") as database:
                schema, version = sql.Identifier(extension.schema), sql.Identifier(extension.version)
                database.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
                make = sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} VERSION {} CASCADE")
                database.execute(make.format(sql.Identifier(name), schema, version))
                return read_member_functions(database).get(name, "")
        except DatabaseError:
            return ""
        finally:
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(_NEW)))
