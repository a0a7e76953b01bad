# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the database is and who asks: pure data, no connection is made here."""

from __future__ import annotations

from ..typed import NamedTuple


class ConnectionSettings(NamedTuple):  # see outcome.py for why it is no dataclass
    """The parameters of one connection, as libpq understands them.

    Attributes:
        host: Host name or address, or several separated by commas; empty for the Unix socket.
        socket: Directory of the Unix socket; wins over host.
        port, user, database: As in libpq; empty user or database means libpq's own default.
        password: Never printed; empty to use peer authentication or the user's own passfile.
        options: Further libpq keywords from a URL's query (sslmode, ...), as pairs.
        ports: The ports of several hosts, separated by commas, if they differ; empty otherwise.
        notes: What was read otherwise than it stands there, for the user.
        own: It is the private socket of a server that this program has started: nobody stands between.
    """

    host: str = ""
    port: int = 5432
    user: str = ""
    password: str = ""
    database: str = ""
    socket: str = ""
    options: tuple[tuple[str, str], ...] = ()
    ports: str = ""
    notes: tuple[str, ...] = ()
    own: bool = False

    def __repr__(self) -> str:
        public = self._replace(options=tuple(pair for pair in self.options if pair[0] != "sslpassword"))
        shown = (f"{name}={getattr(public, name)!r}" for name in self._fields if name != "password")
        return f"ConnectionSettings({', '.join(shown)})"

    def parameters(self, with_password: bool = True) -> dict[str, str]:
        """The non-empty parameters under libpq's keywords."""
        wanted = {
            "host": self.socket or self.host,
            "port": self.ports or str(self.port),
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

    def without_secrets(self, text: str) -> str:
        """What libpq says of a connection with these settings, in one line without its end: it may hold the password."""
        cleaned = " ".join(text.split()).rstrip(".")
        for secret in filter(None, (self.password, dict(self.options).get("sslpassword", ""))):
            cleaned = cleaned.replace(secret, "********")
        return cleaned
