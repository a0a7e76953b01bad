# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a session when the other side has gone silent: settings of the server's side and of ours. Pure.

Either side gives a silent connection up after 40 seconds, and the server rolls a transaction back whose client has said
nothing for 45: no lock outlives a broken network by more than a minute.
"""

from __future__ import annotations

from collections.abc import Mapping

# libpq's keywords; kernels and Unix-domain sockets that have no such thing ignore them.
CLIENT_KEEPALIVES: Mapping[str, str] = {
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "40000",
}

# For every session, those of pg_dump and pg_restore too: the server notices a client that is gone within a second, and a
# network that is silent within 40.
SERVER_KEEPALIVES: Mapping[str, str] = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "40000",
    "client_connection_check_interval": "1000",
}

IDLE_IN_TRANSACTION = "45s"

# For our own sessions: what a stalled proxy, whose kernel still answers, keeps from the keepalives.
SERVER_SETTINGS: Mapping[str, str] = {
    **SERVER_KEEPALIVES,
    "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
}


def startup_options(settings: Mapping[str, str], given: str = "") -> str:
    """The settings as libpq's "options" (or PGOPTIONS), after those given: a session that starts with them keeps them
    after RESET ALL, and no setting of the role or the database comes over them.
    """
    return " ".join([*([given] if given else []), *(f"-c {name}={value}" for name, value in settings.items())])


def set_statements(settings: Mapping[str, str]) -> str:
    """The same as statements, for a session that a pooler began."""
    return "; ".join(f"SET {name} = '{value}'" for name, value in settings.items())
