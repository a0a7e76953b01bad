# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The superuser beside a load: runs the statements that need one, and nobody's code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from ...errors import DatabaseError, TitanError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, Row, sql
from ..content.extensions import Extension, make_extensions, makeable_extensions
from .distributed import foreign_extension
from .elevated_queries import (
    ACTS_AS_SUPERUSER,
    EXECUTED_OF_EXTENSIONS,
    MADE,
    OF_EXTENSIONS,
    OPENED,
    OWNED_SCHEMA,
    ROLES,
    TABLES_OF_EXTENSIONS,
    TAKEN_OF_EXTENSIONS,
    TAKEN_SCHEMAS,
    TOO_MUCH,
    WRAPPERS,
)
from .kinds import TRUSTED_LANGUAGES, Kind, extension_of, grants_on_catalog, is_label, new_owner
from .reaching import could_reach
from .targets import writing

_AT_A_TIME = 200  # statements in one transaction: each one of an owner locks its table
_OWNED_BY_SUPERUSERS = re.compile(
    rb"ALTER\s+(?:FOREIGN\s+DATA\s+WRAPPER|EVENT\s+TRIGGER|PUBLICATION|SUBSCRIPTION)\s", re.IGNORECASE
)
# What the superuser's statements are read by; names in a dump are found as the dump says.
_KEPT = re.compile(
    rb"SET\s+(?:client_encoding|standard_conforming_strings|search_path|default_tablespace)\s|SELECT\s+pg_catalog\.set_config",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Superuser:
    """Who runs what the loading role may not.

    Attributes:
        settings: Of the superuser, in the database that is loaded; see without_event_triggers.
        role: Its name.
        loader: Name of the loading role, who is to own what the superuser makes on the way.
        contained: Whether the server is in a sandbox, so that functions in C and the like may be made.
        binaries: The directory of the server's programs, if it is on this host: its extensions' files are looked at.
        may_raise: Whether a role may be a superuser for as long as it is made the owner of what only superusers own: in
            a cluster whose roles are nobody's.
        foreign: Whether others have made the dump, on a server whose superusers count: what would give its code their
            rights later is refused, too.
        heir: The role that gets in the end what the loader still owns; empty for none.
        closed: Whether others have made the dump and the throw-away server is in no sandbox: it gets no extension through which
            their code could reach other servers.
    """

    settings: ConnectionSettings
    role: str
    loader: str
    contained: bool
    binaries: str = ""
    may_raise: bool = True
    foreign: bool = False
    heir: str = ""
    closed: bool = False

    def to(self, database: str) -> Superuser:
        """The same in another database."""
        return replace(self, settings=self.settings.to(database))

    @contextmanager
    def connected(self) -> Iterator[Database]:
        """A connection in which no event trigger fires."""
        with writing(self.settings) as database:
            database.execute("SET session_replication_role = replica; SET check_function_bodies = off")
            yield database

    def lend_roles(self) -> None:
        """Let the loader do, when it has loaded, what each owner may do: in a cluster whose roles are nobody's."""
        with self.connected() as database:
            for row in database.rows(ROLES, (self.loader,)):
                with suppress(DatabaseError):  # they may be granted to each other
                    grant = sql.SQL("GRANT {} TO {}")
                    database.execute(grant.format(sql.Identifier(row["name"]), sql.Identifier(self.loader)))

    def demote_roles(self) -> None:
        """Take from every role but this one what a dump of the whole cluster has given it beyond SQL."""
        with self.connected() as database:
            for row in database.rows(TOO_MUCH, (self.role,)):
                database.execute(row["take"])
            again = sql.SQL("ALTER ROLE {} LOGIN BYPASSRLS")
            database.execute(again.format(sql.Identifier(self.loader)))

    def trusted_languages(self) -> frozenset[bytes]:
        """The languages in which anybody may write functions."""
        with self.connected() as database:
            rows = database.rows("SELECT lanname::text AS name FROM pg_catalog.pg_language WHERE lanpltrusted")
        return TRUSTED_LANGUAGES | {row["name"].encode() for row in rows}

    def run(self, statements: Iterable[tuple[Kind, bytes]], settings: Sequence[bytes]) -> None:
        """Run the statements of a dump in their order.

        Args:
            statements: Each a single one, with its kind.
            settings: Statements that set what they are read by.

        Raises:
            TitanError: one fails, or needs more than is allowed here.
        """
        waiting = iter(statements)
        with self.connected() as database:
            while part := list(islice(waiting, _AT_A_TIME)):
                try:
                    with database.transaction():
                        self._run(database, part, [each for each in settings if _KEPT.match(each)])
                except DatabaseError as error:
                    message = error.message if error.message.startswith("ERROR") else f"ERROR: {error.message}"
                    raise TitanError(message, programs=["superuser"], sqlstate=error.sqlstate) from error

    def _run(self, database: Database, part: Sequence[tuple[Kind, bytes]], settings: Sequence[bytes]) -> None:
        for setting in settings:
            database.execute(_for_the_transaction(setting))
        for kind, statement in part:
            if kind == Kind.EXTENSION:
                self._make_extension(database, statement)
            else:
                self._require_allowed(database, kind, statement)
                self._execute(database, statement)
        database.execute("RESET SESSION AUTHORIZATION; SET LOCAL search_path = pg_catalog")
        if any(kind in (Kind.NEEDS_SUPERUSER, Kind.CONTAINED) for kind, _statement in part):
            self._give_away(database)

    def _make_extension(self, database: Database, statement: bytes) -> None:
        name, schema = extension_of(statement)
        self._require_distributed(database, name)
        self._require_harmless(database, name)
        taken = schema and self.heir and database.value(OWNED_SCHEMA, (schema, self.loader))
        if taken:  # before version 17, pg_dump compares its rights with what the script gave under the schema's owner
            database.execute(sql.SQL("ALTER SCHEMA {} OWNER TO CURRENT_USER").format(sql.Identifier(schema)))
        make = sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name))
        make += sql.SQL(" SCHEMA {}").format(sql.Identifier(schema)) if schema else sql.SQL("")
        database.execute(make)
        self._lend(database, OF_EXTENSIONS)
        if self.contained and self.may_raise:  # pgq's queues inherit from its tables, and use its functions as triggers
            self._run_each(database, TABLES_OF_EXTENSIONS, self.role, self.loader)
            self._run_each(database, EXECUTED_OF_EXTENSIONS, self.loader)
        if taken:
            self._lend(database, TAKEN_SCHEMAS)

    def make_extensions(self, extensions: Mapping[str, Extension], names: Iterable[str]) -> None:
        """Make extensions in the versions of the source, as make_extensions() does.

        Raises:
            TitanError: the files of one are not the distribution's.
        """
        with self.connected() as database:
            for name in names:
                self._require_distributed(database, name)
            make_extensions(database, extensions)
            self._lend(database, OF_EXTENSIONS)

    def _require_distributed(self, database: Database, name: str) -> None:
        rows = database.rows("SELECT name, setting FROM pg_catalog.pg_config()") if self.binaries else []
        places = {row["name"]: row["setting"] for row in rows}
        why = foreign_extension(places["SHAREDIR"], places["PKGLIBDIR"], self.binaries, name) if places else ""
        if why:
            raise TitanError(f"The extension {name!r} is not created, because a superuser would run its script: {why}.")

    def _require_harmless(self, database: Database, name: str) -> None:
        if (self.closed or self.foreign) and could_reach(database, name):
            way_out = "accept_superuser: true lets it" if self.foreign else "This host has no sandbox for that"
            raise TitanError(
                f"The extension {name!r} is not created, because this dump was made by others, and through it their code could reach other "
                f"servers. {way_out}."
            )

    def _require_allowed(self, database: Database, kind: Kind, statement: bytes) -> None:
        """Refuse what would let the dump's code do more than SQL."""
        what = f"({_begin(statement)} ...)"
        if kind == Kind.CONTAINED and not self.contained:
            why = (
                "this host has no sandbox for that"
                if self.may_raise
                else "that is done with accept_superuser: true only"
            )
            raise TitanError(f"It needs a superuser and could run programs {what}, and {why}.")
        owner = new_owner(statement)
        if owner == self.role and self.may_raise:
            raise TitanError(f"It gives an object to the role {owner!r}, which no dump knows.")
        wants = kind in (Kind.NEEDS_SUPERUSER, Kind.LAST) or grants_on_catalog(statement) or is_label(statement)
        if self.foreign and wants:
            raise TitanError(
                f"This dump was made by others, and it needs a superuser {what}: its code could act with a superuser's rights later. "
                "accept_superuser: true lets it."
            )

    def finish(self) -> None:
        """Let the heir have what the loader still owns."""
        if not self.heir:
            return
        with self.connected() as database:
            give = sql.SQL("REASSIGN OWNED BY {0} TO {1}; DROP OWNED BY {0}")
            database.execute(give.format(sql.Identifier(self.loader), sql.Identifier(self.heir)))
            opened = database.value(OPENED) if self.foreign else None
            if opened:
                raise TitanError(
                    f"This dump was made by others, and it gives rights on {opened} of an extension, which its author has kept to superusers. "
                    "accept_superuser: true lets it."
                )
            found = database.value(ACTS_AS_SUPERUSER) if self.foreign else None
            if found:
                raise TitanError(
                    f"This dump was made by others, and its code would act with the rights of a superuser who owns {found}. Connect as the "
                    "role that is to own the database (accept_superuser: true lets it)."
                )

    def _execute(self, database: Database, statement: bytes) -> None:
        owner = new_owner(statement)
        if owner and self.may_raise and _OWNED_BY_SUPERUSERS.match(statement):
            role = sql.Identifier(owner)
            database.execute(sql.SQL("ALTER ROLE {} SUPERUSER").format(role))
            database.execute(statement)
            database.execute(sql.SQL("ALTER ROLE {} NOSUPERUSER").format(role))
        else:
            database.execute(statement)

    def _give_away(self, database: Database) -> None:
        """Let the loader own the functions and types that the superuser has just made, so that they run with its rights only."""
        for row in database.rows(MADE, (self.role, self.loader) * 2):
            database.execute(row["give"])
        self._lend(database, WRAPPERS)

    def _lend(self, database: Database, what: str) -> None:
        """Let the loader use what only superusers own; in the source, its owner could."""
        for row in database.rows(what):
            database.execute(_lent("GRANT ALL ON {} {} TO {}", row, self.loader))

    def _run_each(self, database: Database, query: str, role: str, other: str = "") -> None:
        """Run the statements that the query gives of extensions' objects and the roles."""
        for row in database.rows(query, {"role": role, "other": other}):
            database.execute(row["statement"])

    def take_back(self) -> None:
        """Take from the loader what it was lent, before the privileges of the source are granted."""
        with self.connected() as database:
            if self.contained and self.may_raise:
                self._run_each(database, TABLES_OF_EXTENSIONS, self.loader, self.role)
                self._run_each(database, TAKEN_OF_EXTENSIONS, self.loader)
            for row in database.rows(f"{OF_EXTENSIONS} UNION {WRAPPERS} UNION {TAKEN_SCHEMAS}"):
                database.execute(_lent("REVOKE ALL ON {} {} FROM {}", row, self.loader))


def make_source_extensions(
    superuser: Superuser | None, target: ConnectionSettings, extensions: Mapping[str, Extension]
) -> None:
    """Make the extensions whose version a dump does not tell; by the superuser, if there is one beside the loading role."""
    with writing(target) as database:
        wanted = makeable_extensions(database, extensions)
        if wanted and not superuser:
            make_extensions(database, extensions)
    if wanted and superuser:
        superuser.make_extensions(extensions, wanted)


def _for_the_transaction(setting: bytes) -> bytes:
    """The setting, until the transaction's end."""
    if setting[:3].upper() == b"SET":
        return b"SET LOCAL" + setting[3:]
    return b"SET LOCAL search_path = ''"


def _lent(statement: str, row: Row, loader: str) -> Any:
    return sql.SQL(statement).format(sql.SQL(row["kind"]), sql.Identifier(row["name"]), sql.Identifier(loader))


def _begin(statement: bytes) -> str:
    return " ".join(statement[:200].partition(b"(")[0].decode(errors="replace").split())
