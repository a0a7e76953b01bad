# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting a dump's text into its statements, by the rules of psql, and the rows of COPY between them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MARK = re.compile(rb"['\"$;()]|--|/\*")
_MARK_OR_WORD = re.compile(rb"['\"$;()]|--|/\*|[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*")
_ESCAPES = re.compile(rb"(?:\A|[^A-Za-z0-9_$\x80-\xff])[eE]\Z")
_IN_WORD = re.compile(rb"[A-Za-z0-9_$\x80-\xff]")
_DOLLAR = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$")
_PLAIN_END = re.compile(rb"'")
_ESCAPED_END = re.compile(rb"[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL)
_BLOCK_EDGE = re.compile(rb"/\*|\*/")
_ROWS_END = re.compile(rb"(?:^|(?<=\n))\\\.\r?(?:\n|\Z)")
_FROM_STDIN = re.compile(rb"\bFROM\s+STDIN\b", re.IGNORECASE)
_REMARKS = re.compile(rb"(?:\s+|--[^\n]*(?:\n|\Z))*")
_CREATES_ROUTINE = re.compile(rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b", re.IGNORECASE)
_BACKSLASHES = re.compile(rb"SET\s+standard_conforming_strings\s*(?:=|TO)\s*'?(off|on)\b", re.IGNORECASE)
_LONGEST_TAG = 64
_LEAST = 1 << 16  # bytes to wait for before an unfinished statement is looked at again


@dataclass(frozen=True)
class Statement:
    """One statement with its semicolon, and what stands before it."""

    text: bytes

    @property
    def bare(self) -> bytes:
        """Without white space and comments around it."""
        return self.text[_after_remarks(self.text, 0) :].rstrip()


@dataclass(frozen=True)
class Rows:
    """A piece of the lines that follow a COPY ... FROM stdin."""

    text: bytes


class _Unfinished(Exception):  # noqa: N818  it is no error
    """The text ends within something."""


def _after_remarks(text: bytes, at: int) -> int:
    """Where white space and comments end; in the text's end, if a comment does not."""
    while True:
        found = _REMARKS.match(text, at)
        at = found.end() if found else at
        if not text.startswith(b"/*", at):
            return at
        try:
            at = _after_block(text, at + 2)
        except _Unfinished:
            return len(text)


def cut(pieces: Iterable[bytes]) -> Iterator[Statement | Rows]:
    """The statements and rows of a dump's text, which put together again are the text.

    What follows the last semicolon comes as a statement, too.
    """
    rest, wanted, in_rows, backslashes = b"", 0, False, False
    waiting = iter(pieces)
    while True:
        piece = next(waiting, None)
        rest += piece or b""
        if piece is not None and len(rest) < wanted:
            continue
        position = 0
        while position < len(rest):
            if in_rows:
                end = _rows_end(rest, position)
                if end and (piece is None or end.group().endswith(b"\n")):
                    yield Rows(rest[position : end.end()])
                    position, in_rows = end.end(), False
                    continue
                whole = rest.rfind(b"\n", position) + 1 if piece is not None else len(rest)
                if whole > position:
                    yield Rows(rest[position:whole])
                    position = whole
                break
            try:
                end_of_statement = _end(rest, position, backslashes)
            except _Unfinished:
                if piece is None:
                    yield Statement(rest[position:])
                    position = len(rest)
                break
            found = Statement(rest[position:end_of_statement])
            yield found
            position, bare = end_of_statement, found.bare
            in_rows = bare[:4].upper() == b"COPY" and bool(_FROM_STDIN.search(bare))
            if in_rows:  # they begin after the line's end
                line_end = rest.find(b"\n", position)
                if line_end < 0:
                    in_rows = piece is not None
                    continue
                yield Rows(rest[position : line_end + 1])
                position = line_end + 1
            switch = _BACKSLASHES.match(bare)
            backslashes = switch[1].lower() == b"off" if switch else backslashes
        rest = rest[position:]
        wanted = max(_LEAST, 2 * len(rest)) if rest and not in_rows else 0
        if piece is None:
            return


def _rows_end(text: bytes, start: int) -> re.Match[bytes] | None:
    """The line that ends the rows of a COPY; found some twenty times faster than by the pattern alone."""
    at = text.find(b"\\.", start)
    while at >= 0:
        found = _ROWS_END.match(text, at)
        if found:
            return found
        at = text.find(b"\\.", at + 1)
    return None


def _end(text: bytes, start: int, backslashes: bool) -> int:
    """Where the statement that begins at start ends, after its semicolon."""
    at, depth, blocks = start, 0, 0
    routine = bool(_CREATES_ROUTINE.match(text, _after_remarks(text, start)))
    marks = _MARK_OR_WORD if routine else _MARK  # psql looks at words within functions only
    while True:
        found = marks.search(text, at)
        if not found:
            raise _Unfinished
        mark, began, at = found.group(), found.start(), found.end()
        if mark == b";":
            if not depth and not blocks:
                return at
        elif mark in (b"(", b")"):
            depth = max(depth + (1 if mark == b"(" else -1), 0)
        elif mark[:1] in b"'\"$-/":
            at = _after_quoted(text, mark, max(began, start), at, backslashes)
        elif mark in (b"e", b"E") and text[at : at + 1] == b"'":
            at = _after(_ESCAPED_END.match(text, at + 1))
        elif mark.upper() == b"BEGIN" or (blocks and mark.upper() == b"CASE"):
            blocks += 1
        elif blocks and mark.upper() == b"END":
            blocks -= 1


def _after_quoted(text: bytes, mark: bytes, began: int, at: int, backslashes: bool) -> int:
    """Where the string, quoted name or comment ends that the mark begins."""
    if mark == b"'":
        escapes = backslashes or _ESCAPES.search(text[max(began - 2, 0) : began])
        return _after((_ESCAPED_END.match if escapes else _PLAIN_END.search)(text, at))
    if mark == b'"':
        return _found(text, b'"', at) + 1
    if mark == b"--":
        return _found(text, b"\n", at)
    if mark == b"/*":
        return _after_block(text, at)
    if began and _IN_WORD.match(text, began - 1):
        return at  # a name may have it inside
    tag = _DOLLAR.match(text, began)
    if tag:
        return _found(text, tag.group(), tag.end()) + len(tag.group())
    if len(text) - at < _LONGEST_TAG:  # it may go on
        raise _Unfinished
    return at


def _after(found: re.Match[bytes] | None) -> int:
    if not found:
        raise _Unfinished
    return found.end()


def _found(text: bytes, what: bytes, at: int) -> int:
    position = text.find(what, at)
    if position < 0:
        raise _Unfinished
    return position


def _after_block(text: bytes, at: int) -> int:
    depth = 1
    while depth:
        found = _BLOCK_EDGE.search(text, at)
        at = _after(found)
        depth += 1 if found and found.group() == b"/*" else -1
    return at
