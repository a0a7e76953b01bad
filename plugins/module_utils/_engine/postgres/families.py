# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that applications name their database with. Data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import DatabaseError
from ..typed import NamedTuple

# What a URL's user and password are called beside it, after the URL's own name without its last words.
URL_ENDS = ("_JDBC_URL", "_CONNECTION_URI", "_CONNECTION_STRING", "_REACTIVE_URL", "_URL", "_URI")
USER_ENDS = ("_USERNAME", "_USER")
PASSWORD_ENDS = ("_PASSWORD", "_PASS")


class Family(NamedTuple):
    """Variables that belong together.

    Attributes:
        name: For messages.
        names: Part of a connection (url, or libpq's keyword) -> the variables that may hold it.
        kind: A variable that says which kind of database it is.
        direct: They name the server itself, where others may name a pooler; and some are another application's words for other
            things, so that only a URL of PostgreSQL counts.
    """

    name: str
    names: Mapping[str, tuple[str, ...]]
    kind: tuple[str, ...] = ()
    direct: bool = False


FAMILIES = (
    Family("DIRECT_URL", {"url": ("DIRECT_URL", "DATABASE_URL_UNPOOLED", "POSTGRES_URL_NON_POOLING")}, direct=True),
    Family("DATABASE_URL", {"url": ("DATABASE_URL",)}),
    Family(
        "DB_*",
        {
            "url": ("DB_URL",),
            "host": ("DB_HOST", "DB_HOSTNAME"),
            "port": ("DB_PORT",),
            "user": ("DB_USER", "DB_USERNAME"),
            "password": ("DB_PASSWORD", "DB_PASS"),
            "dbname": ("DB_NAME", "DB_DATABASE", "DB_DATABASE_NAME"),
            "sslmode": ("DB_SSLMODE", "DB_SSL_MODE"),
        },
        ("DB_CONNECTION", "DB_ENGINE", "DB_DIALECT", "DB_TYPE", "DB_ADAPTER", "DB_DRIVER", "DB_CLIENT"),
    ),
    Family(
        "SPRING_DATASOURCE_*",
        {
            "url": ("SPRING_DATASOURCE_URL",),
            "user": ("SPRING_DATASOURCE_USERNAME",),
            "password": ("SPRING_DATASOURCE_PASSWORD",),
        },
        ("SPRING_DATASOURCE_DRIVER_CLASS_NAME",),
    ),
    Family(
        "POSTGRES_*",
        {
            "url": ("POSTGRES_URL",),
            "host": ("POSTGRES_HOST", "POSTGRES_SERVER", "POSTGRES_HOSTNAME"),
            "port": ("POSTGRES_PORT",),
            "user": ("POSTGRES_USER", "POSTGRES_USERNAME"),
            "password": ("POSTGRES_PASSWORD", "POSTGRES_PASS"),
            "dbname": (
                "POSTGRES_DB",
                "POSTGRES_DATABASE",
                "POSTGRES_DBNAME",
                "POSTGRES_NAME",
                "POSTGRES_DATABASE_NAME",
            ),
            "sslmode": ("POSTGRES_SSLMODE", "POSTGRES_SSL_MODE"),
        },
    ),
    Family(
        "PG*",
        {
            "host": ("PGHOST",),
            "port": ("PGPORT",),
            "user": ("PGUSER",),
            "password": ("PGPASSWORD",),
            "dbname": ("PGDATABASE",),
        },
    ),
)
# How to connect, whichever family says where: libpq takes them beside a URL, too.
LIBPQ = {
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGSSLCRL": "sslcrl",
    "PGSSLCRLDIR": "sslcrldir",
    "PGSSLSNI": "sslsni",
    "PGSSLCERTMODE": "sslcertmode",
    "PGSSLNEGOTIATION": "sslnegotiation",
    "PGSSLCOMPRESSION": "sslcompression",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
    "PGCHANNELBINDING": "channel_binding",
    "PGREQUIREAUTH": "require_auth",
    "PGREQUIREPEER": "requirepeer",
    "PGGSSENCMODE": "gssencmode",
    "PGGSSDELEGATION": "gssdelegation",
    "PGKRBSRVNAME": "krbsrvname",
    "PGGSSLIB": "gsslib",
    "PGMINPROTOCOLVERSION": "min_protocol_version",
    "PGMAXPROTOCOLVERSION": "max_protocol_version",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGLOADBALANCEHOSTS": "load_balance_hosts",
    "PGHOSTADDR": "hostaddr",
    "PGOPTIONS": "options",
    "PGPASSFILE": "passfile",
}
# Where the one server is that they mean, and what is demanded of it: nothing that a server of our own has to fulfil.
DEMANDS = (
    "PGHOSTADDR", "PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS", "PGREQUIREAUTH", "PGREQUIREPEER", "PGCHANNELBINDING", "PGGSSENCMODE",
    "PGSSLNEGOTIATION", "PGSSLCERTMODE", "PGMINPROTOCOLVERSION", "PGMAXPROTOCOLVERSION",
)  # fmt: skip
# Of libpq's keywords, the later ones, with the release that brought each: an older libpq ignores their variables without a word.
LATER = {
    "require_auth": 16,
    "sslcertmode": 16,
    "load_balance_hosts": 16,
    "gssdelegation": 16,
    "sslnegotiation": 17,
    "min_protocol_version": 18,
    "max_protocol_version": 18,
}

SESSION = (
    "PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGSERVICEFILE", "PGOPTIONS", "PGAPPNAME",
    "PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS", "PGCLIENTENCODING", "PGDATESTYLE", "PGTZ", "PGGEQO",
)  # fmt: skip


def unknown_to_libpq(parameters: Sequence[str], whose: str) -> DatabaseError:
    """What to say where a libpq does not know one of the parameters (of LATER)."""
    named = " or ".join(f"{name} (of release {LATER[name]})" for name in parameters)
    return DatabaseError(
        f"The libpq of {whose} does not know the connection's parameter {named}; nothing was done without it. Install a newer libpq "
        "(package libpq5, from PostgreSQL's own repository where the distribution's is older), or take the parameter out of the URL or "
        "the environment if the connection is safe without it."
    )
