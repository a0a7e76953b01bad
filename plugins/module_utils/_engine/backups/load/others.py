# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a dump that others made, piece by piece: whether it is whole, and what a new database does not bear. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...errors import TitanError

KEPT = 1 << 16  # bytes that are held back until it is known how they go on
TAIL = 4096
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


class Waiting:
    """What has been read and not yet been passed on."""

    def __init__(self) -> None:
        self.text = b""


def windows(pieces: Iterable[bytes]) -> Iterator[tuple[Waiting, bool]]:
    """What waits, each time that enough has come, and whether it is the last time."""
    waiting = Waiting()
    for piece in pieces:
        waiting.text += piece
        if len(waiting.text) > KEPT:
            yield waiting, False
    yield waiting, True


def without_database_entries(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text without what pg_dump --create says of the database itself, which would make, or change, another one."""
    for waiting, last in windows(pieces):
        text = waiting.text
        while found := _OF_DATABASE.search(text) if _HEADER in text else None:
            if found.end() > len(text) - TAIL and not last:
                break
            yield text[: found.start()] + b"\n"
            text = text[found.end() - 1 :]
        held = 0 if last else len(text) - found.start() if found else min(len(text), TAIL)
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
        tail = (tail + piece)[-TAIL:]
        yield piece
    if _END[cluster] not in tail:
        raise TitanError("it is cut: pg_dump's last line is missing", programs=["decoder"])


_SECOND = re.compile(
    rb"\n-- PostgreSQL database dump complete\r?\n--\s*(?:\\unrestrict [0-9A-Za-z]+\s*)?--\r?\n-- PostgreSQL database dump\r?\n--\r?\n"
)


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
        tail = window[-TAIL:]
        yield piece


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
