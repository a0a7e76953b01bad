# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that may name the database under a name of their own: they are told in errors, never read. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from .urls import DRIVERS, SCHEMES

_SHOWN = 8
_URL = re.compile(rf"(?:(?:{DRIVERS}):)?(?:{SCHEMES})\w*(?:\+\w+)?:", re.IGNORECASE)
_NAME = re.compile(
    r"(^|_)(DB|DBHOST|DBNAME|DBUSER|DATABASE|DATASOURCE|PG|POSTGRES|POSTGRESQL|SQL|SQLSETTINGS|JDBC|DSN)(_|$)|^PG[A-Z]+$|^(TYPEORM|CONNECTIONSTRINGS)_",
    re.IGNORECASE,
)

# A server under a name of its own, but not that of another kind of database.
_SERVER = re.compile(
    r"(?:^|_)(?:DB|DATABASE|PG|POSTGRES|POSTGRESQL|SQL|TYPEORM)_(?:[A-Z0-9]+_)?(?:HOST|HOSTNAME|SERVER|SEEDS|ADDR|ADDRESS)$",
    re.IGNORECASE,
)
_OTHER_SERVER = re.compile(r"MYSQL|MARIA|MONGO|CLICKHOUSE|REDIS|VECTOR|ELASTIC|MSSQL", re.IGNORECASE)
_HERE = ("", "localhost", "127.0.0.1", "::1", "[::1]")  # what is no other server


def is_postgresql_url(value: str) -> bool:
    """Whether the value begins as the URL of a PostgreSQL server does."""
    return bool(_URL.match(value))


def servers_named(variables: Mapping[str, str], but: Collection[str] = ()) -> list[str]:
    """The variables that may name another machine as the server, under names that are never read."""
    return sorted(
        name
        for name, value in variables.items()
        if name not in but and _SERVER.search(name) and not _OTHER_SERVER.search(name) and value not in _HERE
    )


def look_alikes(variables: Mapping[str, str], but: Collection[str] = ()) -> str:
    """A sentence that names variables which may be meant, without their values; "" if there are none."""
    urls = sorted(name for name, value in variables.items() if name not in but and is_postgresql_url(value))
    if urls:
        holds, name = ("holds", "it") if len(urls) == 1 else ("hold", "one of them")
        return f"{', '.join(urls[:_SHOWN])} {holds} such a URL: name {name} with database_url_variable."
    named = sorted(name for name in variables if _NAME.search(name) and name not in but)
    empty = [name for name in named if not variables[name]]
    others = [name for name in named if variables[name]]
    sentences = []
    if others:
        sentences.append(f"Variables that look like it: {', '.join(others[:_SHOWN])}.")
    if empty:
        sentences.append(f"Without a value: {', '.join(empty[:_SHOWN])}.")
    return " ".join(sentences)
