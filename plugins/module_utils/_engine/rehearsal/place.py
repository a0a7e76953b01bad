# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the copy a place where the files run as they would in production: the same role, and the database's own name."""

from __future__ import annotations

from typing import NamedTuple

from ..backups.copy.copy import Copy
from ..backups.copy.reach import require_harmless
from ..postgres.connection import ConnectionSettings
from ..postgres.database import connect, sql
from ..postgres.greeting import Greeting
from ..steps import step

_EVENT_TRIGGERS = 17  # from this version on a server can be told to fire none, as that of a copy is


class Ready(NamedTuple):
    """How the copy is reached.

    Attributes:
        role: As the role that migrates in production.
        watching: As the copy's superuser.
        warnings: In what it is not as production is.
    """

    role: ConnectionSettings
    watching: ConnectionSettings
    warnings: tuple[str, ...]


def make_ready(copy: Copy, production: Greeting, without_sandbox: bool) -> Ready:
    """Give the database its name and the migrating role its rights.

    Args:
        copy: The restored backup.
        production: What the server said when the migrating role connected.
        without_sandbox: Go on although a migration could reach others from the copy.

    Raises:
        TitanError: it could, and nobody has allowed that.
    """
    warnings = []
    if not copy.contained:
        require_harmless(copy, without_sandbox, "a migration")
        warnings.append("The copy's server is in no sandbox.")
    source = copy.manifest.source
    name = source.database if source and source.database not in ("", "postgres") else copy.owner.database
    owner, user = (source.owner if source else ""), production.user
    raised = production.superuser and copy.contained
    if production.superuser and not raised:
        warnings.append(f"The role {user} is a superuser in production, and an ordinary one on the copy.")
    step("rehearsal.prepare")
    with connect(copy.superuser.to("postgres"), "rehearsal") as server:
        if name != copy.owner.database:
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            server.execute(rename.format(sql.Identifier(copy.owner.database), sql.Identifier(name)))
        role = sql.Identifier(user)
        if not server.value("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", (user,)):
            server.execute(sql.SQL("CREATE ROLE {}").format(role))
            warnings.append(
                f"The backup does not name the role {user}; on the copy it has no rights but those of PUBLIC."
            )
        server.execute(
            sql.SQL("ALTER ROLE {} LOGIN {}").format(role, sql.SQL("SUPERUSER" if raised else "NOSUPERUSER"))
        )
        if not raised and owner and owner != user:
            server.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(owner), role))
            warnings.append(
                f"A backup does not tell who is a member of which role; on the copy, {user} may do what {owner} may."
            )
        if copy.contained and server.major >= _EVENT_TRIGGERS:
            server.execute("ALTER SYSTEM SET event_triggers = on")
            server.execute("SELECT pg_reload_conf()")
    return Ready(copy.owner._replace(user=user, database=name, options=()), copy.superuser.to(name), tuple(warnings))
