# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New databases to restore into, on a running server: made, marked as unfinished, dropped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import DatabaseError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ...postgres.sqlstates import (
    DATA_EXCEPTION,
    FEATURE_NOT_SUPPORTED,
    INVALID_PARAMETER_VALUE,
    SYNTAX_ERROR,
    UNDEFINED_OBJECT,
    WRONG_OBJECT_TYPE,
)
from ...steps import step
from ..catalog.source import Source
from .properties import read_properties

UNFINISHED = "titan.database: a restore that has not ended"


def writing(settings: ConnectionSettings) -> Database:
    """A connection that may write whatever the role or the database has set."""
    database = connect(settings, "restore")
    database.execute("SET default_transaction_read_only = off")
    return database


@contextmanager
def maintenance(settings: ConnectionSettings) -> Iterator[Database]:
    """A connection to a database of the same server that is not restored; it makes databases."""
    try:
        database = writing(settings.to("postgres"))
    except DatabaseError as error:
        try:
            database = writing(settings.to("template1"))
        except DatabaseError:
            raise error from None
    with database:
        yield database


# The server does not have the encoding's locale, its provider, or the words for it (those of later versions).
_NOT_AVAILABLE = (
    INVALID_PARAMETER_VALUE, WRONG_OBJECT_TYPE, UNDEFINED_OBJECT, DATA_EXCEPTION, SYNTAX_ERROR, FEATURE_NOT_SUPPORTED,
)  # fmt: skip
_PROVIDERS = {"i": ("icu", "ICU_LOCALE"), "b": ("builtin", "BUILTIN_LOCALE")}


def create_database(server: Database, name: str, source: Source, owner: str = "") -> list[str]:
    """Make the new, empty database as the source's was made, and mark it as unfinished.

    Args:
        server: Who makes it.
        name: Of the database.
        source: What it is to be like.
        owner: The role that owns it; empty for the one that makes it.

    Returns:
        Warnings about what the server does not have.
    """
    step("restore.create")
    warnings = make_like_source(server, name, source, owner)
    server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(UNFINISHED)))
    return warnings


def make_like_source(server: Database, name: str, source: Source, owner: str = "") -> list[str]:
    """Make a database in the source's encoding, and in its locale and tablespace where the server has them.

    Returns:
        Warnings about what it does not have.
    """
    make, warnings = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)), []
    if owner:
        make += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
    tablespace = source.properties.tablespace
    if tablespace != "pg_default" and server.value(_MAY_USE, (tablespace,)):
        make += sql.SQL(" TABLESPACE {}").format(sql.Identifier(tablespace))
    elif tablespace != "pg_default":
        warnings.append(
            f"The source's tablespace {tablespace!r} is not available on this server; its default one is used."
        )
    encoding = source.encoding
    if encoding:
        make += sql.SQL(" ENCODING {}").format(sql.Literal(encoding))
    try:
        server.execute(make + _locale(source))
    except DatabaseError as error:
        if error.sqlstate not in _NOT_AVAILABLE or not encoding:
            raise
        wanted = source.properties.locale or source.collate
        warnings.append(f"The source's locale {wanted!r} is not available on this server; its own is used.")
        server.execute(make)
    return warnings


_MAY_USE = (
    "SELECT coalesce((SELECT has_tablespace_privilege(oid, 'CREATE') FROM pg_tablespace WHERE spcname = %s), false)"
)


def _locale(source: Source) -> Any:
    """The options of CREATE DATABASE for the source's locale: of libc, and since PostgreSQL 15 perhaps of another provider."""
    if not (source.collate and source.ctype):
        return sql.SQL("")
    options = sql.SQL(" LC_COLLATE {} LC_CTYPE {}").format(sql.Literal(source.collate), sql.Literal(source.ctype))
    properties = source.properties
    provider, word = _PROVIDERS.get(str(properties.locale_provider), ("", ""))
    if provider:
        options += sql.SQL(f" LOCALE_PROVIDER {provider} {word} {{}}").format(sql.Literal(properties.locale))
    if properties.icu_rules:
        options += sql.SQL(" ICU_RULES {}").format(sql.Literal(properties.icu_rules))
    return options


def lacks_locale(database: Database, source: Source) -> str:
    """The name of the source's locale, if the connected database had to be made in another one; empty if it has it."""
    found = read_properties(database)
    row = database.row(
        "SELECT datcollate::text AS collate, datctype::text AS ctype FROM pg_database WHERE datname = current_database()"
    )
    has = row or {}
    properties = source.properties
    pairs = (
        (source.collate, has.get("collate")),
        (source.ctype, has.get("ctype")),
        (properties.locale_provider, found.locale_provider),
        (properties.locale, found.locale),
    )
    different = any(wanted and wanted != is_there for wanted, is_there in pairs)
    return properties.locale or source.collate if different else ""


def drop_database(server: Database, name: str) -> None:
    """Drop the database if it is there; a subscription in it goes first, and leaves the publisher's slot alone."""
    subscriptions = [row["name"] for row in server.rows(_SUBSCRIPTIONS, (name,))]
    if subscriptions:
        with writing(server.settings.to(name)) as database:
            for each in map(sql.Identifier, subscriptions):
                database.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(each))
                database.execute(sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(each))
                database.execute(sql.SQL("DROP SUBSCRIPTION {}").format(each))
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


_SUBSCRIPTIONS = (
    "SELECT subname::text AS name FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = %s)"
)


def remake_database(settings: ConnectionSettings, source: Source, owner: str = "") -> None:
    """Drop the database that a load has failed in, and make it again."""
    with maintenance(settings) as server:
        drop_database(server, settings.database)
        create_database(server, settings.database, source, owner)


def restore_temp_directory() -> str | None:
    return "/var/tmp" if os.access("/var/tmp", os.W_OK) else None  # noqa: S108
