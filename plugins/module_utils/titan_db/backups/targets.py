# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New databases to restore into, on a running server: made, marked as unfinished, dropped."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..connection import ConnectionSettings
from ..database import Database, connect, sql
from ..errors import DatabaseError
from ..steps import step

UNFINISHED = "titan.database: a restore that has not ended"


@contextmanager
def maintenance(settings: ConnectionSettings) -> Iterator[Database]:
    """A connection to a database of the same server that is not restored."""
    try:
        database = connect(settings.to("postgres"), "restore")
    except DatabaseError as error:
        try:
            database = connect(settings.to("template1"), "restore")
        except DatabaseError:
            raise error from None
    with database:
        yield database


def create_database(server: Database, name: str, source: Mapping[str, Any]) -> list[str]:
    """Make the new, empty database in the source's encoding and locale, and mark it as unfinished."""
    make = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
    wanted = [str(source.get(key) or "") for key in ("encoding", "collate", "ctype")]
    warnings = []
    step("restore.create")
    if all(wanted):
        options = sql.SQL(" ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(*(sql.Literal(word) for word in wanted))
        try:
            server.execute(make + options)
        except DatabaseError as error:
            if error.sqlstate not in ("22023", "42809", "42704", "22000"):
                raise
            warnings.append(f"The source's locale {wanted[1]!r} is not to be had on this server; its own is used.")
            server.execute(make + sql.SQL(" ENCODING {}").format(sql.Literal(wanted[0])))
    else:
        server.execute(make)
    server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(UNFINISHED)))
    return warnings


def drop_database(server: Database, name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def roomy() -> str | None:
    return "/var/tmp" if os.access("/var/tmp", os.W_OK) else None  # noqa: S108
