# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases in the text of a dump that others made. Pure.

pg_dumpall and pg_dump --create change the database with ``\\connect``, and newer versions put everything else between
``\\restrict KEY`` and ``\\unrestrict KEY``, whose random key no text of a user can hold. In older dumps the lines around a
``\\connect`` decide; a function's body that imitates them lets the load fail, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...errors import TitanError
from .others import KEPT, TAIL, windows

_RESTRICT = re.compile(rb"\n\\restrict (?P<key>[0-9A-Za-z]+)\r?(?=\n)")
_ENCODING = rb"(?:\\encoding SQL_ASCII\r?\n)?"  # written before a name that is not made of letters, digits, dots and underscores
_CONNECT = re.compile(rb"\n" + _ENCODING + rb"\\connect (?P<target>[^\r\n]+)\r?(?=\n)")
_OLD_CONNECT = re.compile(
    rb'\n(?:-- Database "[^\n]*" dump\r?\n--\r?\n\r?\n|(?<=;\n)\n*|(?<=;\r\n)(?:\r\n)*)'
    + _ENCODING
    + rb"\\connect (?P<target>[^\r\n]+)\r?(?=\n\s*(?:SET|--))"
)
_NAME = re.compile(rb'(?:-reuse-previous=on )?(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^\s"]+))\s*')
_CONNECTION = re.compile(r"dbname='((?:[^'\\]|\\.)*)'")


class Part(NamedTuple):
    """A piece of a dump's text, and the database that it is for; empty for what is for none."""

    number: int
    database: str
    text: bytes


def parts(pieces: Iterable[bytes]) -> Iterator[Part]:
    """The dump's text by database, without the lines that change the database and those that restrict psql.

    Raises:
        TitanError: a line that changes the database is not understood.
    """
    number, database, key, has_keys = 0, "", b"", False
    for waiting, last in windows(pieces):
        text = waiting.text
        while found := _next_change(text, key, has_keys):
            if found.end() > len(text) - TAIL and not last:
                break
            yield Part(number, database, text[: found.start()] + b"\n")
            text = text[found.end() :]
            if key:
                key = b""
            elif found.re is _RESTRICT:
                key, has_keys = found["key"], True
            else:
                number, database = number + 1, _database(found["target"])
        held = 0 if last else max(min(len(text), TAIL), len(text) - found.start() if found else 0)
        yield Part(number, database, text[: len(text) - held])
        waiting.text = text[len(text) - held :]


def _next_change(text: bytes, key: bytes, has_keys: bool) -> re.Match[bytes] | None:
    """The next line that changes what psql may do, or the database."""
    if key:
        return re.search(rb"\n\\unrestrict " + key + rb"\r?(?=\n)", text)
    patterns = [_RESTRICT, _CONNECT if has_keys else _OLD_CONNECT] if b"\n\\" in text else []
    matches = [match for pattern in patterns if (match := pattern.search(text))]
    return min(matches, key=lambda match: match.start(), default=None)


def _database(target: bytes) -> str:
    found = _NAME.fullmatch(target)
    if not found:
        raise TitanError("The dump changes the database in a way that is not understood.")
    if found["bare"] is not None:
        return found["bare"].decode(errors="surrogateescape")
    name = found["quoted"].replace(b'""', b'"').decode(errors="surrogateescape")
    inside = _CONNECTION.fullmatch(name) if target.startswith(b"-reuse") else None
    return re.sub(r"\\(.)", r"\1", inside[1]) if inside else name


NO_DATABASE = "it holds roles and settings only, and no database (pg_dumpall --globals-only)"


def of_database(text: Iterable[Part], database: str, several: bool) -> Iterator[bytes]:
    """The text that is for one database.

    Args:
        text: From parts().
        database: Its name; empty for the only one.
        several: Whether the dump is one of a whole cluster, whose first part is for no database.

    Raises:
        TitanError: it is not in the dump, or there are several and none is named.
    """
    first, plain, held, taken, names = not several, False, b"", 0, set[str]()
    for part in text:
        if plain and part.database:
            raise TitanError("It connects to another database further on: pg_dump alone does not write that.")
        if part.database:
            names.add(part.database)
            if len(names) > 1 and not database:
                raise TitanError("It holds several databases: name one in the option 'database'.")
            first, held = False, b""
            if not database or part.database == database:
                taken += 1
                yield part.text
        elif first:
            held += part.text
            if len(held) > KEPT:  # it is not followed by a change of the database
                yield held
                first, plain, held = False, True, b""
        elif plain:
            yield part.text
    if held:
        yield held
    if several and not names:
        raise TitanError(NO_DATABASE, programs=["decoder"])
    if names and not taken:
        raise TitanError(f"It holds no database {database!r}, but: {', '.join(map(repr, sorted(names)))}.")
