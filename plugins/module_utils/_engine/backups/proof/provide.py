# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making what a dump of others expects to be there: the roles and tablespaces that its text names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ...errors import TitanError
from ...host.files import make_directories
from ...host.safe_open import hand_over
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ..load.needs import Needs

_AT_MOST = 5000  # rows that look like such lines could name more without end


class Provider:
    """Makes roles that can do nothing, and tablespaces inside of a directory, in a throw-away cluster.

    Args:
        server: A database of the cluster, as its superuser.
        folder: Directory for the tablespaces.
        identity: Keywords for subprocess that say who the server runs as.
    """

    def __init__(self, server: ConnectionSettings, folder: str, identity: Mapping[str, Any]) -> None:
        self._server, self._folder, self._identity = server, folder, identity
        self._made: set[tuple[str, str]] = set()

    def __call__(self, needs: Needs) -> None:
        wanted = {("role", name) for name in needs.roles} | {("tablespace", name) for name in needs.tablespaces}
        missing = wanted - self._made
        if not missing:
            return
        if len(self._made) + len(missing) > _AT_MOST:
            raise TitanError(f"The dump names more than {_AT_MOST} roles and tablespaces.")
        with connect(self._server, "drill") as database:
            for kind, name in sorted(missing):
                if kind == "role":
                    create_role(database, name)
                else:
                    self._make_tablespace(database, name)
        self._made |= missing

    def _make_tablespace(self, database: Database, name: str) -> None:
        if not name or database.value("SELECT EXISTS (SELECT FROM pg_tablespace WHERE spcname = %s)", (name,)):
            return
        folder = os.path.join(self._folder, f"others{len(os.listdir(self._folder))}")
        make_directories(folder, 0o700)
        if "user" in self._identity:
            hand_over(folder, self._identity["user"], self._identity["group"])
        make = sql.SQL("CREATE TABLESPACE {} LOCATION {}")
        database.execute(make.format(sql.Identifier(name), sql.Literal(folder)))
        database.execute(sql.SQL("GRANT CREATE ON TABLESPACE {} TO PUBLIC").format(sql.Identifier(name)))


def create_role(database: Database, role: str) -> None:
    """Make a role that owns and is granted things, and can do nothing else."""
    if not database.value("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", (role,)):
        database.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
