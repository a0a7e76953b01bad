# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the database is and who asks: pure data, no connection is made here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import OptionError, TitanError

_URL_SCHEMES = ("postgresql", "postgres")
_DB_VARIABLES = ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME")


class ConnectionSettings(NamedTuple):  # see outcome.py for why it is no dataclass
    """The parameters of one connection, as libpq understands them.

    Attributes:
        host: Host name or address; empty for the Unix socket.
        socket: Directory of the Unix socket; wins over host.
        port, user, database: As in libpq; empty user or database means libpq's own default.
        password: Never printed; empty to use peer authentication or the user's own passfile.
        options: Further libpq keywords from a URL's query (sslmode, ...), as pairs.
    """

    host: str = ""
    port: int = 5432
    user: str = ""
    password: str = ""
    database: str = ""
    socket: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self._fields if name != "password")
        return f"ConnectionSettings({', '.join(shown)})"

    def parameters(self, with_password: bool = True) -> dict[str, str]:
        """The non-empty parameters under libpq's keywords."""
        wanted = {
            "host": self.socket or self.host,
            "port": str(self.port),
            "user": self.user,
            "password": self.password if with_password else "",
            "dbname": self.database,
            **dict(self.options),
        }
        return {key: value for key, value in wanted.items() if value}

    def to(self, database: str) -> ConnectionSettings:
        """The same server and user, another database."""
        return self._replace(database=database)

    def place(self) -> str:
        """Server and database for messages, without the password."""
        where = self.socket or self.host or "local socket"
        return f"database {self.database or self.user or '(default)'!r} at {where}:{self.port} as {self.user or '(default)'!r}"


def settings_from_url(url: str, source: str = "DATABASE_URL") -> ConnectionSettings:
    """Parse ``postgresql://user:password@host:port/database?keyword=value``.

    Raises:
        OptionError: another scheme, several hosts, or a port that is no number (the value is not repeated: it may hold a password).
    """
    from urllib.parse import parse_qsl, unquote, urlsplit  # a tenth of a short run's start, and most are given no URL

    try:
        parts = urlsplit(url.strip())
        port = parts.port or 5432
    except ValueError as error:
        raise OptionError(
            source, "(hidden)", "It is not a URL: percent-encode special characters in the password."
        ) from error
    if parts.scheme not in _URL_SCHEMES:
        raise OptionError(source, f"{parts.scheme}://...", "Use postgresql://user:password@host:port/database.")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    host = unquote(
        parts.netloc.rpartition("@")[2].rpartition(":")[0] if parts.port else parts.netloc.rpartition("@")[2]
    )
    if "," in host:
        raise OptionError(source, host, "Name one host: an operation must know which server it acts on.")
    host = query.pop("host", "") or host.strip("[]")
    return ConnectionSettings(
        host="" if host.startswith("/") else host,
        socket=host if host.startswith("/") else "",
        port=int(query.pop("port", "") or port),
        user=query.pop("user", "") or unquote(parts.username or ""),
        password=query.pop("password", "") or unquote(parts.password or ""),
        database=query.pop("dbname", "") or unquote(parts.path.lstrip("/")),
        options=tuple(sorted(query.items())),
    )


def settings_from_variables(variables: Mapping[str, str], source: str) -> ConnectionSettings:
    """Settings from DIRECT_URL, DATABASE_URL, or else DB_HOST, DB_PORT, DB_USER, DB_PASSWORD and DB_NAME.

    DIRECT_URL names the server itself where the application's DATABASE_URL names a pooler.

    Raises:
        TitanError: neither is there.
        OptionError: a value cannot be used.
    """
    if variables.get("DIRECT_URL"):
        return settings_from_url(variables["DIRECT_URL"], f"DIRECT_URL in {source}")
    if variables.get("DATABASE_URL"):
        return settings_from_url(variables["DATABASE_URL"], f"DATABASE_URL in {source}")
    if not any(variables.get(name) for name in _DB_VARIABLES):
        raise TitanError(
            f"No database is named in {source}: set DATABASE_URL, or DB_HOST, DB_PORT, DB_USER, DB_PASSWORD and DB_NAME."
        )
    host, port = variables.get("DB_HOST", ""), variables.get("DB_PORT", "") or "5432"
    if not port.isdigit():
        raise OptionError(f"DB_PORT in {source}", port, "Use a number between 1 and 65535.")
    return ConnectionSettings(
        host="" if host.startswith("/") else host,
        socket=host if host.startswith("/") else "",
        port=int(port),
        user=variables.get("DB_USER", ""),
        password=variables.get("DB_PASSWORD", ""),
        database=variables.get("DB_NAME", ""),
    )


def settings_from_options(options: Mapping[str, Any]) -> ConnectionSettings:
    """Settings from the ``login_*`` and ``env_file`` options of a module; explicit ``login_*`` values win."""
    env_file = options.get("env_file")
    base = ConnectionSettings()
    if env_file:
        from ..host.env_file import read_env_file  # only then: it brings subprocess and pathlib with it

        base = settings_from_variables(read_env_file(env_file), env_file)
    if options.get("login_db") and "://" in options["login_db"]:
        raise OptionError("login_db", "(hidden)", "Give a database name here and a URL in the env file.")
    given = {
        "host": options.get("login_host"),
        "port": options.get("login_port"),
        "user": options.get("login_user"),
        "password": options.get("login_password"),
        "database": options.get("login_db"),
        "socket": options.get("login_unix_socket"),
    }
    chosen: dict[str, Any] = {key: value for key, value in given.items() if value not in (None, "")}
    if "host" in chosen and "socket" not in chosen:
        chosen["socket"] = ""
    return base._replace(**chosen)
