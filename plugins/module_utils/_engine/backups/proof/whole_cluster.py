# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading what pg_dumpall has written into a throw-away cluster: the roles, then each database into one of its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby

from ...errors import DatabaseError, TitanError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect, sql
from ..catalog.integrity import decoded
from ..catalog.naming import DumpKind
from ..load.databases import NO_DATABASE, parts
from ..load.loading import Loader, provided
from ..load.others import by_lines, ended, without_database_entries

# What the throw-away cluster has already, or what Loader.provide makes.
_MADE = re.compile(
    rb"^(?:CREATE ROLE|DROP ROLE|DROP DATABASE|CREATE TABLESPACE|DROP TABLESPACE) [^\n]*;\r?$", re.MULTILINE
)
_CREATE = re.compile(rb"\nCREATE DATABASE [^\n]*;\r?(?=\n)")
_TEMPLATES = ("template0", "template1")


def load_cluster(
    loader: Loader, path: str, kind: DumpKind, server: ConnectionSettings, target: ConnectionSettings
) -> list[str]:
    """Load it: what is said of roles as the cluster's superuser, in a sandbox only, and each database as another role.

    Args:
        loader: With the superuser.
        path, kind: The dump.
        server: Of the superuser.
        target: Of the role that loads the databases.

    Returns:
        The names of the databases in it, without templates.

    Raises:
        TitanError: the first error ends it.
    """
    identity = loader.age_identity if kind.encrypted else ""
    found: list[str] = []
    holds = False
    with decoded(path, kind.packed, identity, loader.deadline) as pieces:
        noted = _creating(parts(ended(pieces, True)), server)
        for (_number, database), group in groupby(noted, key=lambda part: part[:2]):
            holds = holds or bool(database)
            texts = (text for _again, _database, text in group)
            if not database:
                wanted = provided(texts, loader.provide) if loader.provide else by_lines(texts)
                if loader.superuser and not loader.superuser.contained:
                    raise TitanError(
                        "A dump by pg_dumpall creates superusers, and this host has no sandbox for that. Drill it on a host that has one."
                    )
                rest = (_MADE.sub(b"", text) for text in wanted)
                loader.run_script(without_database_entries(rest), server, whole=False)
                if loader.superuser:
                    loader.superuser.to(server.database).demote_roles()
            elif database in _TEMPLATES:
                for _text in texts:
                    continue
            else:
                if database not in found:
                    found.append(database)
                    _make(server, b"", database)
                    _give(server, database, target.user)
                loader.run_script(loader.for_new_database(texts), target.to(database))
    if not holds:
        raise TitanError(NO_DATABASE, programs=["decoder"])
    return found


def _give(server: ConnectionSettings, name: str, role: str) -> None:
    give = sql.SQL("ALTER DATABASE {} OWNER TO {}")
    with connect(server, "drill") as database:
        database.execute(give.format(sql.Identifier(name), sql.Identifier(role)))


def _creating(text: Iterable[tuple[int, str, bytes]], server: ConnectionSettings) -> Iterator[tuple[int, str, bytes]]:
    """The parts; the databases that their text makes are made as it is passed on."""
    rest = b""
    for number, database, piece in text:
        whole = rest + piece
        for found in _CREATE.finditer(whole) if b"\nCREATE DATABASE " in whole else ():
            _make(server, found[0].strip())
        rest = piece[-4096:]
        yield number, database, piece


_CREATED = re.compile(rb'CREATE DATABASE (?:"((?:[^"]|"")*)"|(\S+))')
_ENCODING = re.compile(rb"ENCODING = '(\w+)'")


def _make(server: ConnectionSettings, statement: bytes, name: str = "") -> None:
    """Make a database that the dump makes: in its locale if this host has it."""
    found = _CREATED.match(statement)
    if found:
        name = (found[1].replace(b'""', b'"') if found[1] is not None else found[2]).decode(errors="surrogateescape")
    with connect(server, "drill") as database:
        if database.value("SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)", (name,)):
            return
        if statement:
            with suppress(DatabaseError):  # a locale, or a word of another version
                database.execute(statement.decode())
                return
        encoding = _ENCODING.search(statement)
        made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}")
        database.execute(made.format(sql.Identifier(name), sql.Literal(encoding[1].decode() if encoding else "UTF8")))
