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
    r"(^|_)(DB|DATABASE|DATASOURCE|PG|POSTGRES|POSTGRESQL|SQL|SQLSETTINGS|JDBC|DSN)(_|$)|^PG[A-Z]+$|^(TYPEORM|CONNECTIONSTRINGS)_",
    re.IGNORECASE,
)


def is_postgresql_url(value: str) -> bool:
    """Whether the value begins as the URL of a PostgreSQL server does."""
    return bool(_URL.match(value))


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
