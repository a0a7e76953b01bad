# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the text of a dump that others made expects to be there: its roles and tablespaces. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_NAMED = rb'("(?:[^"\n]|"")+"|[A-Za-z_][\w$]*)'
_LINES = {
    b"\nCREATE ROLE ": re.compile(_NAMED),
    b"\nALTER DEFAULT PRIVILEGES ": re.compile(rb"(?:^FOR ROLE | TO | FROM )" + _NAMED),
    b"\nALTER ": re.compile(rb" OWNER TO " + _NAMED),
    b"\nSET SESSION AUTHORIZATION ": re.compile(rb"^'?" + _NAMED),
    b"\nCREATE SCHEMA ": re.compile(rb" AUTHORIZATION " + _NAMED),
    b"\nCREATE USER MAPPING FOR ": re.compile(rb"^" + _NAMED),
    b"\nCREATE POLICY ": re.compile(rb"(?: TO |, )" + _NAMED),
    b"\nGRANT ": re.compile(rb" TO " + _NAMED),
    b"\nREVOKE ": re.compile(rb" FROM " + _NAMED),
}
_TABLESPACES = {
    b"\nSET default_tablespace = ": re.compile(rb"^" + _NAMED),
    b"\nCREATE TABLESPACE ": re.compile(rb"^" + _NAMED),
}
_NO_ROLES = {"PUBLIC", "DEFAULT", "CURRENT_USER", "SESSION_USER", "CURRENT_ROLE"}
_LINE_AT_MOST = 4096


class Needs(NamedTuple):
    """What a dump expects to be there."""

    roles: frozenset[str]
    tablespaces: frozenset[str]


def needs_of(text: bytes) -> Needs:
    """The roles and tablespaces that the lines of a dump name; perhaps also words of rows that look like such lines."""
    roles = _named(b"\n" + text, _LINES)
    return Needs(
        frozenset(name for name in roles if name not in _NO_ROLES and not name.startswith("pg_")),
        frozenset(_named(b"\n" + text, _TABLESPACES)),
    )


def _named(text: bytes, lines: Mapping[bytes, re.Pattern[bytes]]) -> Iterator[str]:
    for beginning, pattern in lines.items():
        at = text.find(beginning)
        while at >= 0:
            start = at + len(beginning)
            end = text.find(b"\n", start, start + _LINE_AT_MOST)
            line = text[start : end if end >= 0 else start + _LINE_AT_MOST]
            yield from (_unquoted(found[1]) for found in pattern.finditer(line))
            at = text.find(beginning, start)


def _unquoted(name: bytes) -> str:
    text = name.decode(errors="surrogateescape")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
