# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says by itself to whoever connects: no query is sent for it."""

from __future__ import annotations

from typing import NamedTuple

from .connecting import opened
from .connection import ConnectionSettings

_SECONDS = 10


class Greeting(NamedTuple):
    """Of one connection, which was closed again.

    Attributes:
        version: As libpq counts it: 150018 for 15.18.
        user: The role.
        superuser: Whether it is one.
    """

    version: int
    user: str
    superuser: bool

    @property
    def major(self) -> int:
        return self.version // 10000


def greeting(settings: ConnectionSettings, application: str) -> Greeting:
    """Connect, read what the server has said, and leave. A pooler is as good as the server: nothing is set, nor asked.

    (Where the database's date style is not ISO, psycopg2 sets that.)

    Raises:
        DatabaseError: no connection.
    """
    raw, _started_with = opened(settings, f"titan-db {application}", _SECONDS, plain=True)
    try:
        user = raw.info.user or raw.get_parameter_status("session_authorization")
        return Greeting(raw.server_version, str(user), raw.get_parameter_status("is_superuser") == "on")
    finally:
        raw.close()
