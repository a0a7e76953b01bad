# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that psql keeps to itself: the data behind COPY ... FROM STDIN, and the \\restrict lines of pg_dump. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from .tokens import LexerError, tokenize

_CLIENT = re.compile(
    r"^[ \t]*(?P<copy>copy)\b[^;]*?\bfrom\s+std(?:in|out)\b|^(?P<mark>\\(?:un)?restrict[ \t]+[A-Za-z0-9]+[ \t]*)$",
    re.IGNORECASE | re.MULTILINE,
)
# What ends such a COPY, and what a semicolon in it does not end it in.
_TAIL = re.compile(r"[eE]'(?:[^'\\]|\\.|'')*'|'[^']*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(?P<semicolon>;)", re.DOTALL)
_END = re.compile(r"^\\\.\r?$", re.MULTILINE)


class CopyData(NamedTuple):
    """A COPY ... FROM STDIN and its rows.

    Attributes:
        start, end: Offsets of the statement and of its semicolon.
        data_start, data_end: Those of its rows: the lines behind it up to the one that says backslash and dot, or to the file's end.
        after: The offset behind that line.
    """

    start: int
    end: int
    data_start: int
    data_end: int
    after: int


class ClientLines(NamedTuple):
    """What psql does not send as SQL: the rows of COPY, and the spans of restrict and unrestrict lines."""

    copies: tuple[CopyData, ...] = ()
    marks: tuple[tuple[int, int], ...] = ()


def names_client(text: str) -> bool:
    """True if the text may hold a COPY from or to the client; PostgreSQL takes either word for both directions."""
    lowered = text.lower()
    return "stdin" in lowered or "stdout" in lowered


def client_lines(text: str) -> ClientLines:
    """Find them; what stands in a string, a comment or a body is none."""
    if "\\" not in text and not names_client(text):
        return ClientLines()
    copies: list[CopyData] = []
    marks: list[tuple[int, int]] = []
    begun = 0  # from where the statement at hand may begin
    while (found := _next_outside(text, begun)) is not None:
        if found["mark"]:
            marks.append(found.span("mark"))
            begun = found.end("mark")
            continue
        semicolon = next((item.start() for item in _TAIL.finditer(text, found.end()) if item["semicolon"]), -1)
        if semicolon < 0:
            break
        newline = text.find("\n", semicolon)
        start = len(text) if newline < 0 else newline + 1
        last = _END.search(text, start)
        stop, begun = (last.start(), last.end()) if last else (len(text), len(text))
        copies.append(CopyData(found.start("copy"), semicolon, start, stop, begun))
    return ClientLines(tuple(copies), tuple(marks))


def blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with everything in the spans but line ends overwritten by blanks, so that offsets and lines stay."""
    pieces, position = [], 0
    for start, end in sorted(spans):
        pieces += [text[position:start], re.sub(r"[^\r\n]", " ", text[start:end])]
        position = end
    return "".join([*pieces, text[position:]])


def sql_only(text: str) -> str:
    """The text with such lines blank."""
    found = client_lines(text)
    spans = [*((copy.data_start, copy.after) for copy in found.copies), *found.marks]
    return blanked(text, spans) if spans else text


def _next_outside(text: str, begun: int) -> re.Match[str] | None:
    """The next such line behind an offset at which no quote is open, that begins a statement or stands between two."""
    found = _CLIENT.search(text, begun)
    while found is not None:
        try:
            tokens = tokenize(text[begun : found.start()])
        except LexerError:
            tokens = None  # inside a quote or a comment that is still open
        if tokens is not None and (not tokens or found["mark"] or tokens[-1].text == ";"):
            return found
        found = _CLIENT.search(text, found.end())
    return None
