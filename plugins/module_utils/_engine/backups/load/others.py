# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a dump that others made, piece by piece: the databases in it, and what a new database does not bear. Pure.

pg_dumpall and pg_dump --create change the database with ``\\connect``, and newer versions put everything else between
``\\restrict KEY`` and ``\\unrestrict KEY``, whose random key no text of a user can hold. In older dumps the lines around a
``\\connect`` decide; a function's body that imitates them lets the load fail, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ...errors import TitanError

_KEPT = 1 << 16  # bytes that are held back until it is known how they go on
_TAIL = 4096
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
_HEADER = b"\n-- Name: "
_STATEMENT = rb"(?:[^'\";]|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")*?;\r?\n"
_OF_DATABASE = re.compile(
    rb"\n(?:(?:DROP DATABASE|UPDATE pg_catalog\.pg_database) [^\n]*;\r?\n\s*)*--\r?\n(?:-- TOC entry [^\n]*\n)?"
    rb"-- Name: (?:[^\n]*; Type: DATABASE(?: PROPERTIES)?|DATABASE [^\n]*; Type: (?:ACL|COMMENT|SECURITY LABEL))"
    rb"; Schema: -; Owner: [^\n]*\n--\r?\n"
    rb"(?:\s*(?:(?:CREATE|COMMENT ON|SECURITY LABEL [^\n]{0,80}ON) DATABASE|ALTER (?:DATABASE|ROLE)|GRANT|REVOKE|UPDATE pg_catalog\.pg_database)\s"
    + _STATEMENT
    + rb")*"
)
_END = {False: b"\n-- PostgreSQL database dump complete", True: b"\n-- PostgreSQL database cluster dump complete"}


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
    for waiting, last in _windows(pieces):
        text = waiting.text
        while found := _next_change(text, key, has_keys):
            if found.end() > len(text) - _TAIL and not last:
                break
            yield Part(number, database, text[: found.start()] + b"\n")
            text = text[found.end() :]
            if key:
                key = b""
            elif found.re is _RESTRICT:
                key, has_keys = found["key"], True
            else:
                number, database = number + 1, _database(found["target"])
        held = 0 if last else max(min(len(text), _TAIL), len(text) - found.start() if found else 0)
        yield Part(number, database, text[: len(text) - held])
        waiting.text = text[len(text) - held :]


def _next_change(text: bytes, key: bytes, has_keys: bool) -> re.Match[bytes] | None:
    """The next line that changes what psql may do, or the database."""
    if key:
        return re.search(rb"\n\\unrestrict " + key + rb"\r?(?=\n)", text)
    patterns = [_RESTRICT, _CONNECT if has_keys else _OLD_CONNECT] if b"\n\\" in text else []
    matches = [match for pattern in patterns if (match := pattern.search(text))]
    return min(matches, key=lambda match: match.start(), default=None)


class _Waiting:
    """What has been read and not yet been passed on."""

    def __init__(self) -> None:
        self.text = b""


def _windows(pieces: Iterable[bytes]) -> Iterator[tuple[_Waiting, bool]]:
    """What waits, each time that enough has come, and whether it is the last time."""
    waiting = _Waiting()
    for piece in pieces:
        waiting.text += piece
        if len(waiting.text) > _KEPT:
            yield waiting, False
    yield waiting, True


def _database(target: bytes) -> str:
    found = _NAME.fullmatch(target)
    if not found:
        raise TitanError("The dump changes the database in a way that is not understood.")
    if found["bare"] is not None:
        return found["bare"].decode(errors="surrogateescape")
    name = found["quoted"].replace(b'""', b'"').decode(errors="surrogateescape")
    inside = _CONNECTION.fullmatch(name) if target.startswith(b"-reuse") else None
    return re.sub(r"\\(.)", r"\1", inside[1]) if inside else name


def without_database_entries(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text without what pg_dump --create says of the database itself, which would make, or change, another one."""
    for waiting, last in _windows(pieces):
        text = waiting.text
        while found := _OF_DATABASE.search(text) if _HEADER in text else None:
            if found.end() > len(text) - _TAIL and not last:
                break
            yield text[: found.start()] + b"\n"
            text = text[found.end() - 1 :]
        held = 0 if last else len(text) - found.start() if found else min(len(text), _TAIL)
        yield text[: len(text) - held]
        waiting.text = text[len(text) - held :]


def without_drops(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text without what pg_dump --clean drops before its first object: in a new database there is nothing to drop."""
    waiting, head = iter(pieces), b""
    for piece in waiting:
        head += piece
        at = head.find(_HEADER)
        if at >= 0:
            yield _without_drops(head[:at]) + head[at:]
            break
    else:
        yield head
        return
    yield from waiting


_DROP = re.compile(
    rb"^(?:DROP |ALTER |SELECT pg_catalog\.lo_unlink\(|CREATE OR REPLACE VIEW )" + _STATEMENT, re.MULTILINE
)
_PUBLIC = re.compile(rb"^DROP SCHEMA (?:IF EXISTS )?public;$", re.MULTILINE)


def _without_drops(head: bytes) -> bytes:
    kept = b"DROP SCHEMA IF EXISTS public;\n" if _PUBLIC.search(head) else b""
    return _DROP.sub(b"", head) + kept


def ended(pieces: Iterable[bytes], cluster: bool) -> Iterator[bytes]:
    """The pieces; psql takes the end of a cut file for the end of the dump.

    Args:
        pieces: The dump's text.
        cluster: Whether pg_dumpall wrote it, whose databases each end as a dump.

    Raises:
        TitanError: at the end, if pg_dump's last line is missing.
    """
    tail = b""
    for piece in pieces:
        tail = (tail + piece)[-_TAIL:]
        yield piece
    if _END[cluster] not in tail:
        raise TitanError("it is cut: pg_dump's last line is missing", programs=["decoder"])


_SECOND = re.compile(
    rb"\n-- PostgreSQL database dump complete\r?\n--\s*(?:\\unrestrict [0-9A-Za-z]+\s*)?--\r?\n-- PostgreSQL database dump\r?\n--\r?\n"
)


NO_DATABASE = "it holds roles and settings only, and no database (pg_dumpall --globals-only)"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def without_mark(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text without the byte order mark that editors put before UTF-8; psql knows it at the begin of a file only."""
    begin = b""
    waiting = iter(pieces)
    for piece in waiting:
        begin += piece
        if len(begin) >= len(_BYTE_ORDER_MARK):
            break
    yield begin.removeprefix(_BYTE_ORDER_MARK)
    yield from waiting


def only_one(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text for one database.

    Raises:
        TitanError: a second dump follows the first one, which would be loaded on top of it.
    """
    tail = b""
    for piece in pieces:
        window = tail + piece
        if b"-- PostgreSQL database dump" in window and _SECOND.search(window):
            raise TitanError(
                "it holds several dumps, one behind the other: cut them apart, and drill each", programs=["decoder"]
            )
        tail = window[-_TAIL:]
        yield piece


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


def by_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text in pieces that end with a line."""
    rest = b""
    for piece in pieces:
        head, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield rest + head + newline
            rest = tail
        else:
            rest += piece
    yield rest


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
            if len(held) > _KEPT:  # it is not followed by a change of the database
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
