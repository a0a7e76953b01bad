# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of PostgreSQL's client programs: where they connect to, and the password."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..errors import TitanError
from .connection import ConnectionSettings
from .families import LATER, LIBPQ, SESSION, unknown_to_libpq
from .pooler import behind_pooler
from .session_settings import CLIENT_KEEPALIVES, SERVER_KEEPALIVES, startup_options


@contextmanager
def child_environment(settings: ConnectionSettings) -> Iterator[dict[str, str]]:
    """The environment for a client program (pg_dump ...): PG* variables and, for the password, a private 0600 passfile.

    The password is never in argv; the passfile goes away with the block. Over a network the program and its server's side
    give a silent connection up as ours do (see session_settings).

    Raises:
        DatabaseError: the program's libpq does not know a parameter that is set. It would ignore the variable, and connect
            without what was asked for.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if key in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "USER", "LOGNAME")
    }
    from .passfile import (
        SERVICE,
        passfile,
        service_file,
    )  # what it needs costs a migration run without news a tenth of its time

    env = {**kept, "LC_ALL": "C.UTF-8", "PGAPPNAME": "titan-db", "PGCONNECT_TIMEOUT": "10"}
    known = {name: keyword for name, keyword in LIBPQ.items() if keyword not in LATER}
    env.update({name: os.environ[name] for name in known if name in os.environ and name not in SESSION})
    variables = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    variables.update({keyword: name for name, keyword in known.items()})
    apart = dict(CLIENT_KEEPALIVES) if settings.host and not settings.socket else {}
    apart.update({LIBPQ[name]: os.environ[name] for name in LIBPQ if name not in known and os.environ.get(name)})
    for key, value in settings.parameters(with_password=False).items():
        if key in variables:
            env[variables[key]] = value
        else:  # libpq has no variable for it
            apart[key] = value
    if options := child_options(settings):
        env["PGOPTIONS"] = options
    with ExitStack() as files:
        if apart:
            env["PGSERVICE"], env["PGSERVICEFILE"] = SERVICE, files.enter_context(service_file(apart))
        if settings.password:
            env["PGPASSFILE"] = files.enter_context(passfile(settings.password))
            if (
                "\n" in settings.password
            ):  # a passfile cannot hold it; only the same user can read a process's environment
                env["PGPASSWORD"] = settings.password
        try:
            yield env
        except TitanError as error:
            if "in service file" not in error.message or not LATER.keys() & apart.keys():
                raise
            raise unknown_to_libpq(sorted(LATER.keys() & apart.keys()), "PostgreSQL's programs") from error


def child_options(settings: ConnectionSettings) -> str:
    """PGOPTIONS for a client program; behind a pooler, which refuses ours, those of the settings only."""
    given = dict(settings.options).get("options", "")
    return given if behind_pooler(settings) else startup_options(SERVER_KEEPALIVES, given)
