# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reads the rows of a recovered cluster that is in no sandbox: to plan a query runs code of the backup, as whoever asks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from ...postgres.connection import ConnectionSettings
from ...postgres.database import sql
from ...postgres.trust import plans_code_of
from ..load.targets import writing


def make_reader(settings: ConnectionSettings) -> str:
    """A role of the throw-away cluster that may read each row, and is no superuser."""
    name = f"titan_drill_{secrets.token_hex(6)}"
    with writing(settings) as database:
        role, there = sql.Identifier(name), sql.Identifier(settings.database)
        database.execute(sql.SQL("CREATE ROLE {} LOGIN BYPASSRLS IN ROLE pg_read_all_data").format(role))
        if not database.value("SELECT has_database_privilege(%s, current_database(), 'CONNECT')", (name,)):
            database.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(there, role))
    return name


@contextmanager
def trusted_reader(settings: ConnectionSettings) -> Iterator[ConnectionSettings]:
    """As whom to ask queries, given the superuser of a cluster in no sandbox: a role that is none, gone when the block ends.

    The superuser itself where nobody else owns anything in the database.
    """
    with writing(settings) as database:
        others = plans_code_of(database) is not None
    if not others:
        yield settings
        return
    name = make_reader(settings)
    try:
        yield settings._replace(user=name)
    finally:
        with writing(settings) as database:
            database.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))
