# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a connection begins: its parameters, the settings of its session, and how long an attempt may take."""

from __future__ import annotations

import os
import time

from ..errors import DatabaseError
from ..typed import Any
from .connection import ConnectionSettings
from .driver import psycopg2
from .families import LATER, LIBPQ, unknown_to_libpq
from .pooler import behind_pooler
from .session_settings import CLIENT_KEEPALIVES, SERVER_SETTINGS, startup_options

# Words of the errors with which a pooler, or a server on a platform that lacks one, refuses settings at a session's start.
_REFUSED_AT_START = ("startup", "options", "parameter", "unsupported", "client_connection_check_interval")

# The moment (monotonic) at which the run's time is over.
_run_ends: list[float] = []


def limit_connecting(ends: float | None) -> None:
    """Let no attempt to connect last beyond this moment of the monotonic clock by more than a few seconds; None: no limit."""
    _run_ends[:] = [] if ends is None else [ends]


def time_to_ask(wanted: float) -> float:
    """Seconds for a question after the run's own work: as many as wanted, but few once the run's time is nearly over."""
    return wanted if not _run_ends else min(wanted, max(0.0, _run_ends[0] + 2 - time.monotonic()))


def opened(settings: ConnectionSettings, name: str, timeout: int, plain: bool = False) -> tuple[Any, bool]:
    """psycopg2's connection, and whether the session began with our settings: poolers refuse to pass them on.

    Args:
        plain: Begin it with none of our settings, for who does not ask what answers: a pooler may keep them for others.
    """
    if _run_ends:
        timeout = max(2, min(timeout, int(_run_ends[0] - time.monotonic()) + 2))
    parameters: dict[str, Any] = {
        **CLIENT_KEEPALIVES,
        "connect_timeout": str(timeout),
        "client_encoding": "UTF8",
        **settings.parameters(),
        "application_name": name,
    }
    asked = {*parameters, *(LIBPQ[name] for name in LIBPQ if os.environ.get(name))}
    late = [
        name
        for name, release in LATER.items()
        if name in asked and release > psycopg2.extensions.libpq_version() // 10000
    ]
    if late:
        raise unknown_to_libpq(late, "Python's driver psycopg2")
    ours = startup_options(SERVER_SETTINGS, parameters.get("options", ""))
    try:
        if plain or behind_pooler(settings):
            return autocommitting(parameters), False
        try:
            return autocommitting({**parameters, "options": ours}), True
        except psycopg2.OperationalError as error:
            if not any(word in str(error) for word in _REFUSED_AT_START):
                raise
        return autocommitting(parameters), False
    except (psycopg2.OperationalError, psycopg2.ProgrammingError) as error:  # the latter: an unknown keyword
        raise DatabaseError(
            f"Cannot connect to {settings.place()}: {settings.without_secrets(str(error))}. "
            "Check that the server runs there, and the user, password and database in the env file, the configuration or the login_* options.",
        ) from None  # libpq's text may hold the password


def autocommitting(parameters: dict[str, Any]) -> Any:
    """psycopg2's connection, outside of any transaction. Raises psycopg2's errors."""
    raw = psycopg2.connect(**parameters)
    raw.autocommit = True
    return raw
