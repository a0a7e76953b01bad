# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who loads a dump on a server that others use: the connected role, or, if that is a superuser, one made for it that is none."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ...errors import DatabaseError, LockedError, TitanError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ...postgres.locks import advisory_lock, is_held_anywhere
from ..catalog.source import Source
from .elevated import Superuser
from .event_triggers import without_event_triggers
from .parameters import let_set

_PREFIX = "titan_restore_"


@dataclass(frozen=True)
class Live:
    """Who loads.

    Attributes:
        settings: Of the role that loads; the database is any.
        reader: Of the connected role, for the comparison: no event trigger fires when it connects.
        superuser: Who runs what the loading role may not, in no database yet; None where the connected role does all.
        warnings: What a person should know.
    """

    settings: ConnectionSettings
    reader: ConnectionSettings
    superuser: Superuser | None = None
    warnings: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """The role that is to own the new database; empty for the connected one."""
        return self.superuser.loader if self.superuser else ""

    @property
    def superuser_name(self) -> str:
        """The connected role, if another one loads; else empty."""
        return self.superuser.role if self.superuser else ""

    def powers(self, database: str) -> Superuser | None:
        """The superuser, in the database."""
        return self.superuser.to(database) if self.superuser else None


@contextmanager
def live_loader(
    server: Database,
    settings: ConnectionSettings,
    source: Source,
    accept_superuser: bool,
    foreign: bool,
    member_of: Sequence[str] | None = None,
) -> Iterator[Live]:
    """Who loads on the server; a role that was made for it is gone when the block ends.

    Args:
        server: Connected to it.
        settings: Of the connection.
        source: What the dump's source was.
        accept_superuser: Let a superuser load.
        foreign: Whether others have made the dump.
        member_of: Roles whose rights are all that it has, where it loads into a database that holds others' rows; None for one that
            writes every table of its database.

    Raises:
        TitanError: the connected role is a superuser, and no other role can log in.
    """
    me = server.row("SELECT rolname::text AS name, rolsuper AS super FROM pg_roles WHERE rolname = current_user")
    if not me or not me["super"]:
        yield Live(settings, settings)
        return
    reader = _reader(server, settings, accept_superuser)
    if accept_superuser:
        text = f"The dump's own code ran with the rights of the superuser {me['name']!r}, which was accepted by accept_superuser."
        yield Live(settings, reader, warnings=(text,))
        return
    _drop_leftovers(server)
    name = f"{_PREFIX}{secrets.token_hex(8)}"
    with advisory_lock(server, "restore", name):
        try:
            login = _make_role(server, settings, name, source, me["name"], member_of)
            there = server.value("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", (source.owner,))
            heir = source.owner if there else me["name"]
            superuser = Superuser(reader, me["name"], name, False, "", may_raise=False, foreign=foreign, heir=heir)
            yield Live(login, reader, superuser)
        finally:
            if not server.closed:
                _drop_role(server, name)


def _reader(server: Database, settings: ConnectionSettings, accept_superuser: bool) -> ConnectionSettings:
    """The superuser's connection to what was restored, in which no login event trigger of it fires."""
    quiet = without_event_triggers(settings, server.major)
    if quiet == settings:
        return settings
    try:
        connect(quiet.to(server.settings.database), "restore").close()
    except DatabaseError as error:
        if accept_superuser:
            return settings
        raise TitanError(
            "A superuser's session in the restored database has to begin with event triggers off, or those of the dump run with its "
            "rights, and this connection takes no such setting: a pooler lies between. Name the server itself (direct_url), or connect "
            f"as the role that is to own the database. {error.message}"
        ) from None
    return quiet


def _make_role(
    server: Database,
    settings: ConnectionSettings,
    name: str,
    source: Source,
    superuser: str,
    member_of: Sequence[str] | None,
) -> ConnectionSettings:
    """Make the role; it writes every table of its database, and nothing of the server's."""
    password = secrets.token_hex(24)
    role = sql.Identifier(name)
    verifier = server.password_verifier(name, password)
    attributes = sql.SQL("BYPASSRLS " if member_of is None else "")
    server.execute(sql.SQL("CREATE ROLE {} LOGIN {}PASSWORD {}").format(role, attributes, sql.Literal(verifier)))
    for other in ("pg_write_all_data",) if member_of is None else member_of:
        server.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(other), role))
    for tablespace in {source.properties.tablespace, *source.tablespaces} - {"pg_default", ""}:
        grant = sql.SQL("GRANT CREATE ON TABLESPACE {} TO {}").format(sql.Identifier(tablespace), role)
        with suppress(DatabaseError):  # it is not there, which is said elsewhere
            server.execute(grant)
    let_set(server, name, source.parameters, contained=False)
    login = settings._replace(user=name, password=password)
    places = [login] if settings.host and not settings.socket else [login, login._replace(socket="", host="127.0.0.1")]
    refused = ""
    for place in places:
        try:
            connect(place.to("postgres"), "restore").close()
        except DatabaseError as error:
            refused = refused or error.message
        else:
            return place
    raise TitanError(
        f"The connected role {superuser!r} is a superuser, with whose rights the dump's own code would run, and a role made for the load "
        "cannot log in (pg_hba.conf). Connect as the role that is to own the database; it needs CREATEDB (accept_superuser: true loads "
        f"as superuser nevertheless). {refused}"
    )


def _drop_role(server: Database, name: str) -> None:
    role = sql.Identifier(name)
    server.execute(sql.SQL("DROP OWNED BY {}").format(role))  # what it was granted on tablespaces
    server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))


def _drop_leftovers(server: Database) -> None:
    """Drop the roles that dead runs left, but for those that still own a database of theirs."""
    for row in server.rows(
        "SELECT rolname::text AS name FROM pg_roles WHERE starts_with(rolname::text, %s)", (_PREFIX,)
    ):
        if is_held_anywhere(
            server, "restore", row["name"]
        ):  # one that restores beside live tables is in their database
            continue
        with suppress(LockedError, DatabaseError), advisory_lock(server, "restore", row["name"]):
            _drop_role(server, row["name"])
