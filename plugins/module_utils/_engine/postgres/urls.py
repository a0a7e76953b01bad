# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Database URLs as applications write them, read as libpq would read what they mean. Pure.

Beyond libpq's own form: a driver in the scheme, ``jdbc:``, other names of the scheme, special characters in the password
that were not percent-encoded where only one reading is possible, and parameters of pools and ORMs, which are dropped.
"""

from __future__ import annotations

import re

from ..errors import OptionError
from .connection import ConnectionSettings

# How a URL of PostgreSQL begins: a driver's word before the scheme's name, the names that the scheme has.
DRIVERS = "jdbc|r2dbc(?::pool)?|vertx-reactive"
SCHEMES = "postgres|postgresql|psql|pgsql|postgis|timescalegis|ecto"
_SCHEME = re.compile(rf"(?:(?:{DRIVERS}):)?(?:{SCHEMES})(?:\+[a-z0-9_]+)?:", re.I)
_JDBC_WITHOUT_HOST = re.compile(r"jdbc:postgresql:(?!//)", re.I)
_HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+(?:%[\w.-]+)?|/.*|@.*")
# libpq's keywords that say how to connect; the names of a connection's parts are read apart from them.
KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """sslmode sslrootcert sslcert sslkey sslcrl sslcrldir sslcompression sslsni ssl_min_protocol_version
        ssl_max_protocol_version sslpassword sslcertmode sslnegotiation requiressl channel_binding require_auth
        requirepeer hostaddr options target_session_attrs load_balance_hosts keepalives keepalives_idle
        keepalives_interval keepalives_count tcp_user_timeout connect_timeout gssencmode gssdelegation krbsrvname gsslib
        min_protocol_version max_protocol_version passfile""",
    )
)
_SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# What drivers call sslmode's values.
_SSL = {
    "true": "require",
    "1": "require",
    "on": "require",
    "yes": "require",
    "false": "disable",
    "0": "disable",
    "off": "disable",
}
_SSL.update({"no": "disable", "no-verify": "require", **{mode: mode for mode in _SSLMODES}})
# Names that other drivers have for libpq's keywords.
_NAMES = {"ssl": "sslmode", "targetservertype": "target_session_attrs", "sslcertificate": "sslcert"}
_SERVER_TYPES = {"primary": "read-write", "master": "read-write", "secondary": "standby", "slave": "standby"}
_SERVER_TYPES.update({"preferSecondary": "prefer-standby", "preferSlave": "prefer-standby", "any": "any"})
_TWO_AT = "Write %40 for an '@' in the user's name or the password."
_ADVICE = "Use postgresql://user:password@host:port/database, with special characters in the password percent-encoded."


def settings_from_url(url: str, source: str = "DATABASE_URL") -> ConnectionSettings:
    """Parse ``postgresql://user:password@host:port/database?keyword=value`` and the other forms.

    A part that is not named stays empty; notes say what was dropped.

    Raises:
        OptionError: another scheme, a port that is no number, a second '@', an ambiguous special character, an unknown TLS parameter. The
            value is not repeated: it may hold a password.
    """
    url = url.strip()
    scheme = _SCHEME.match(url)
    if not scheme:
        raise _refused(source, _wrong_scheme(url))
    rest = url[scheme.end() :]
    if _JDBC_WITHOUT_HOST.match(url):
        rest = f"///{rest.lstrip('/')}"
    if not rest.startswith("//"):
        raise _refused(source, _ADVICE)
    authority, path, query = _split(rest[2:], source)
    user_info, _at, hosts = authority.rpartition("@")
    user, _colon, password = user_info.partition(":")
    if re.search(r"[/?#\s]", user):
        raise _refused(source, _ADVICE)
    parts = {"user": _decoded(user), "password": _decoded(password), "dbname": _decoded(path)}
    parts["host"], parts["port"] = _hosts(hosts, source)
    values, notes = _parameters(query, source)
    parts.update({key: values.pop(key) for key in list(values) if key in parts and values[key]})
    return settings_of(parts, values, source, tuple(notes))


def settings_of(
    parts: dict[str, str], options: dict[str, str], source: str, notes: tuple[str, ...] = ()
) -> ConnectionSettings:
    """Settings from parts under libpq's names; host and port may be lists, separated by commas.

    Raises:
        OptionError: a port or a host that is none.
    """
    host, ports = parts.get("host", ""), parts.get("port", "")
    for each in filter(None, ports.split(",")):
        if not each.isdecimal() or not 1 <= int(each) <= 65535:
            raise _refused(source, f"The port is not a number between 1 and 65535. {_ADVICE}")
    hosts = host.split(",")
    for each in filter(None, hosts):
        if not _HOST.fullmatch(each) or (len(hosts) > 1 and each.startswith("@")):
            raise _refused(source, f"The host is not a name, an address or a directory. {_ADVICE}")
    if len(hosts) > 1 and "target_session_attrs" not in options:
        options = {**options, "target_session_attrs": "read-write"}
        notes = (
            *notes,
            "several hosts are named: the one that accepts writes is used (target_session_attrs=read-write)",
        )
    several = "," in ports and len(set(ports.split(","))) > 1
    single = len(hosts) == 1 and host.startswith("/")
    return ConnectionSettings(
        host="" if single else host,
        socket=host if single else "",
        port=int(ports.split(",")[0] or 5432),
        ports=",".join(each or "5432" for each in ports.split(",")) if several else "",
        user=parts.get("user", ""),
        password=parts.get("password", ""),
        database=parts.get("dbname", ""),
        options=tuple(sorted(options.items())),
        notes=notes,
    )


def _split(rest: str, source: str) -> tuple[str, str, str]:
    """User, password and hosts; database; query."""
    authority, slash, tail = rest.partition("/")
    if "@" in authority:
        user_info, _at, hosts = authority.partition("@")  # libpq ends the password at the first one
        hosts, mark, query = hosts.partition("?")
        if "@" in hosts:
            raise _refused(source, f"It has two '@' before the first '/'. {_TWO_AT}")
        if mark:
            return f"{user_info}@{hosts}", "", query + slash + tail
    elif "?" in authority:
        authority, _mark, query = rest.partition("?")
        return authority, "", query
    path, _mark, query = tail.partition("?")
    if "@" in path or "#" in path or (not path and "#" in authority.rpartition("@")[2]):
        raise _refused(source, f"It has an '@' or '#' after the first '/'. {_ADVICE}")
    return authority, path, query


def _hosts(text: str, source: str) -> tuple[str, str]:
    """The hosts and the ports, each list separated by commas."""
    hosts, ports = [], []
    for each in text.split(","):
        bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\](?::(.*))?", each)
        if bracketed:
            hosts.append(bracketed[1].replace("%25", "%"))
            ports.append(bracketed[2] or "")
            continue
        host, _colon, port = each.partition(":")
        if ":" in port:
            raise _refused(source, "Write an IPv6 address in square brackets: postgresql://user@[::1]:5432/database.")
        hosts.append(_decoded(host))
        ports.append(port)
    if any("," in host for host in hosts):
        raise _refused(source, f"The host is not a name, an address or a directory. {_ADVICE}")
    return ",".join(hosts), ",".join(ports) if any(ports) else ""


def _parameters(query: str, source: str) -> tuple[dict[str, str], list[str]]:
    """The query's parameters under libpq's names, and notes on those that were dropped."""
    values: dict[str, str] = {}
    dropped: list[str] = []
    for pair in filter(None, re.split(r"&|;(?=\w+=)", query)):
        key, _equals, raw = pair.partition("=")
        key, value = _decoded(key), _decoded(raw)
        name = _NAMES.get(key.lower(), key)
        if name in ("host", "port", "user", "password", "dbname"):
            values[name] = value
        elif name == "sslmode":
            if value.lower() not in _SSL:
                raise OptionError(f"{key} in {source}", value, f"Allowed: {', '.join(_SSLMODES)}.")
            values[name] = _SSL[value.lower()]
        elif name == "target_session_attrs":
            values[name] = _SERVER_TYPES.get(value, value)
        elif name in ("service", "servicefile"):
            raise OptionError(f"{key} in {source}", "(hidden)", "Name host, user and database in the URL itself.")
        elif name in KEYWORDS:
            values[name] = value
        elif re.search("ssl|tls", name, re.IGNORECASE) and name.lower() not in (
            "sslaccept",
            "ssl_require",
            "sslidentity",
            "sslfactory",
        ):
            raise OptionError(
                f"{key} in {source}", "(hidden)", f"libpq does not know it; use sslmode={'|'.join(_SSLMODES)}."
            )
        else:
            dropped.append(key if re.fullmatch(r"[\w.-]{1,60}", key) else "(a parameter without a name)")
    return values, [f"the parameter {key} of the URL is not libpq's and was dropped" for key in dropped]


def _decoded(text: str) -> str:
    """Percent-decoded; a percent sign that begins no code stays as it is."""
    from urllib.parse import unquote  # a tenth of a short run's start, and most are given no URL

    return unquote(text, errors="surrogateescape")


def _wrong_scheme(url: str) -> str:
    name = url.partition("://")[0].lower()
    if name in ("prisma", "prisma+postgres"):
        return "It names Prisma's proxy, not a server: name the server's own URL (often DIRECT_URL)."
    if name in (
        "mysql",
        "mysql2",
        "mariadb",
        "sqlite",
        "sqlite3",
        "sqlserver",
        "mssql",
        "mongodb",
        "mongodb+srv",
        "oracle",
    ):
        return f"It is a database of another kind ({name}), not PostgreSQL."
    return _ADVICE


def _refused(source: str, reason: str) -> OptionError:
    return OptionError(source, "(hidden)", reason)
