# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database the variables of an application name. Pure.

Variables are read in families (DATABASE_URL, DB_*, SPRING_DATASOURCE_*, POSTGRES_*, PG*), each with the spellings that
frameworks use. A family has to name the database and the user, and two families must not disagree: nothing is guessed,
and libpq's defaults never choose a database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, MutableMapping
from dataclasses import dataclass, field

from ..errors import OptionError, TitanError
from .connection import ConnectionSettings
from .families import (
    DEMANDS,
    FAMILIES,
    LIBPQ,
    PASSWORD_ENDS,
    SESSION,
    URL_ENDS,
    USER_ENDS,
    Family,
)
from .look_alikes import is_postgresql_url, look_alikes, servers_named
from .urls import settings_from_url, settings_of

_PARTS = ("host", "port", "user", "password", "dbname")
_IDENTITY = ("url", "host", "user", "dbname")
_OTHER_KINDS = re.compile(r"mysql|mariadb|sqlite|sqlsrv|sqlserver|mssql|mongo|oracle|h2\b", re.IGNORECASE)
NAMES = [name for each in FAMILIES for group in each.names.values() for name in group]
_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class _Found:
    """What one family says: values by part, and the variable that holds each."""

    family: Family
    values: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)

    def missing(self, given: Collection[str], settings: ConnectionSettings) -> list[str]:
        """The variables that have to be added, one for each part that nobody names."""
        need = []
        if not (settings.database or "database" in given):
            need.append("dbname")
        by_peer = (
            not settings.host and "url" in self.values
        )  # over a socket libpq takes the user of the operating system
        if not (settings.user or "user" in given or by_peer):
            need.append("user")
        return [self.family.names[part][0] if part in self.family.names else _in_url(part) for part in need]


def settings_from_variables(
    variables: Mapping[str, str], source: str, url_variable: str = "", given: Collection[str] = ()
) -> ConnectionSettings:
    """Settings from the families of variables; with url_variable from that variable alone.

    Args:
        variables: As an env file or a process has them.
        source: Where they stand, for messages.
        url_variable: Name of the variable that holds the URL; "" to look for the families.
        given: Fields of ConnectionSettings that options name already.

    Raises:
        TitanError: no family is there, one is there in part, or two disagree.
        OptionError: a value cannot be used.
    """
    found = _all_found(variables, source, url_variable)
    read = [(each, _settings(each, variables, source)) for each in found]
    complete = [(each, settings) for each, settings in read if not each.missing(given, settings)]
    if not complete:
        each, settings = read[0]
        raise TitanError(
            f"{source} names a database in part: {', '.join(sorted(each.variables.values()))} "
            f"{'is' if len(each.variables) == 1 else 'are'} set, {' and '.join(each.missing(given, settings))} "
            f"{'is' if len(each.missing(given, settings)) == 1 else 'are'} missing. "
            f"{look_alikes(variables, set(each.variables.values()))}".rstrip()
        )
    chosen, settings = complete[0]
    for other, others in read:
        if other is not chosen:
            settings = _on_the_server_of(others, chosen, settings)
            _require_agreement((chosen, settings), (other, others), source)
    _require_server(chosen, settings, variables, source, given)
    if (
        not settings.password and variables.get("PGUSER", settings.user) == settings.user
    ):  # libpq takes it beside a URL, too
        settings = settings._replace(password=variables.get("PGPASSWORD", ""))
    return settings


def _require_server(
    chosen: _Found, settings: ConnectionSettings, variables: Mapping[str, str], source: str, given: Collection[str]
) -> None:
    """Refuse a database without a server where another variable may name one: this machine's may have such a database, too.

    Raises:
        TitanError: names the variables, not their values.
    """
    if settings.host or settings.socket or "host" in given or "hostaddr" in dict(settings.options):
        return
    used = set(chosen.variables.values())
    servers = servers_named(variables, used)
    urls = [
        name
        for name, value in sorted(variables.items())
        if name not in used and is_postgresql_url(value) and _is_elsewhere(value, settings.database)
    ]
    if servers or urls:
        label = chosen.variables.get("url") or chosen.variables.get("dbname") or chosen.family.name
        remedy = (
            f"name {urls[0]} with database_url_variable" if urls else "set DB_HOST, PGHOST or POSTGRES_HOST beside it"
        )
        raise TitanError(
            f"{label} in {source} names a database without its server, and {', '.join([*servers, *urls])} may name that: {remedy}."
        )


def _is_elsewhere(url: str, database: str) -> bool:
    """Whether the URL names the same database on another machine."""
    try:
        settings = settings_from_url(url, "it")
    except TitanError:
        return False
    return settings.database == database and bool(_server(settings))


def forget_session_variables(environ: MutableMapping[str, str]) -> None:
    """Remove what libpq would take from the environment beside the settings: an application's own server and session options.

    Variables that say how to connect (PGSSLMODE, PGPASSFILE ...) stay.
    """
    for name in SESSION:
        environ.pop(name, None)


def take_demands(environ: MutableMapping[str, str]) -> dict[str, str]:
    """Remove from the environment what is demanded of the server that was named, by libpq's keywords.

    libpq would demand it of each server, also of a throw-away one: it would look for that at PGHOSTADDR, or want a password of it.
    """
    return {LIBPQ[name]: value for name in DEMANDS if (value := environ.pop(name, ""))}


def with_demands(settings: ConnectionSettings, demands: Mapping[str, str]) -> ConnectionSettings:
    """The settings with these demands, as far as they say nothing else."""
    return settings._replace(options=tuple(sorted({**demands, **dict(settings.options)}.items())))


def _all_found(variables: Mapping[str, str], source: str, url_variable: str) -> list[_Found]:
    """What the families say; that of url_variable alone, if it is given.

    Raises:
        OptionError: there is no such variable.
        TitanError: they say nothing.
    """
    if url_variable and not variables.get(url_variable):
        raise OptionError("database_url_variable", url_variable, f"{source} does not set it. {look_alikes(variables)}")
    families = (_family_of_url(url_variable),) if url_variable else FAMILIES
    found = [each for each in (_read(family, variables, source) for family in families) if each]
    if not found:
        raise TitanError(
            f"No database is named in {source}: set DATABASE_URL, or DB_HOST, DB_PORT, DB_USER, DB_PASSWORD and DB_NAME. "
            f"{look_alikes(variables)}".rstrip()
        )
    return found


def _family_of_url(name: str) -> Family:
    """The family of one variable that holds a URL, with the user and the password that may stand beside it."""
    stems = [name[: -len(end)] for end in URL_ENDS if name.endswith(end)]
    users = tuple(stem + end for stem in stems for end in USER_ENDS)
    passwords = tuple(stem + end for stem in stems for end in PASSWORD_ENDS)
    return Family(name, {"url": (name,), "user": users, "password": passwords})


def _read(family: Family, variables: Mapping[str, str], source: str) -> _Found | None:
    """What the family says; None if it names neither server, user nor database, or a database of another kind."""
    if any(_OTHER_KINDS.search(variables.get(name, "")) for name in family.kind):
        return None
    values: dict[str, str] = {}
    names: dict[str, str] = {}
    for part, spellings in family.names.items():
        said = [name for name in spellings if variables.get(name)]
        if family.direct:
            said = [name for name in said if is_postgresql_url(variables[name])]
        if len({variables[name] for name in said}) > 1:
            raise TitanError(f"{' and '.join(said)} in {source} disagree: keep one of them.")
        if said:
            values[part], names[part] = variables[said[0]], said[0]
    return _Found(family, values, names) if any(part in values for part in _IDENTITY) else None


def _settings(found: _Found, variables: Mapping[str, str], source: str) -> ConnectionSettings:
    """The family's settings; empty where it is silent."""
    options = {keyword: variables[name] for name, keyword in LIBPQ.items() if variables.get(name)}
    if "sslmode" in found.values:
        options["sslmode"] = found.values["sslmode"]
    label = found.variables.get("url") or found.variables.get("host") or next(iter(found.variables.values()))
    for part, value in found.values.items():
        _require_text(value, f"{found.variables[part]} in {source}")
    if "url" in found.values:
        settings = settings_from_url(found.values["url"], f"{found.variables['url']} in {source}")
        is_same_user = not settings.user or found.values.get("user", settings.user) == settings.user
        return settings._replace(
            user=settings.user or found.values.get("user", ""),
            password=settings.password or (found.values.get("password", "") if is_same_user else ""),
            database=settings.database or found.values.get("dbname", ""),
            options=tuple(sorted({**options, **dict(settings.options)}.items())),
        )
    parts = {part: found.values[part] for part in _PARTS if part in found.values}
    if parts.get("host", "").startswith("["):
        parts["host"] = parts["host"].strip("[]")
    return settings_of(parts, options, f"{label} in {source}" if label else source)


def _require_text(value: str, option: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise OptionError(option, "(hidden)", "It is not UTF-8 text.") from error


def _on_the_server_of(others: ConnectionSettings, chosen: _Found, settings: ConnectionSettings) -> ConnectionSettings:
    """The settings, with the server of the others where they name none: a container's own variables are such."""
    if {"url", "host"} & set(chosen.values) or settings.host or settings.socket:
        return settings
    settings = settings._replace(host=others.host, socket=others.socket, ports=others.ports)
    return settings if "port" in chosen.values else settings._replace(port=others.port)


def _require_agreement(
    chosen: tuple[_Found, ConnectionSettings], other: tuple[_Found, ConnectionSettings], source: str
) -> None:
    """Refuse when the other family says something else about what both name.

    Raises:
        TitanError: they disagree; names the variables, not their values.
    """
    (first, ours), (second, theirs) = chosen, other
    same_user = bool(theirs.user) and theirs.user == ours.user
    if first.family.direct:
        # One database, by two ways: a pooler has a host, a port, and often a user name of its own.
        theirs = theirs._replace(host="", socket="", user="", password="", ports=ours.ports, port=ours.port)
    checks: tuple[tuple[str, bool, Callable[[ConnectionSettings], object]], ...] = (
        ("host", bool(theirs.host or theirs.socket), _server),
        ("port", "port" in second.values or "url" in second.values, lambda each: each.ports or each.port),
        ("user", bool(theirs.user), lambda each: each.user),
        ("dbname", bool(theirs.database), lambda each: each.database),
        ("password", bool(theirs.password and ours.password) and same_user, lambda each: each.password),
    )
    for part, is_said, value in checks:
        if is_said and value(theirs) != value(ours):
            what = "database" if part == "dbname" else part
            raise TitanError(
                f"{_label(first, part)} and {_label(second, part)} in {source} disagree about the {what}: keep one of them, or "
                f"name the one that holds the URL with database_url_variable."
            )


def _label(found: _Found, part: str) -> str:
    return found.variables.get(part) or found.variables.get("url") or found.family.name


def _server(settings: ConnectionSettings) -> str:
    where = settings.socket or settings.host
    return "" if where in _LOOPBACK else where


def _in_url(part: str) -> str:
    return {"dbname": "the database in the URL", "user": "the user in the URL"}[part]
