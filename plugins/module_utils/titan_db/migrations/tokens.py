# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of SQL text by the rules that psql follows. Pure: no database."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import TitanError

WORD, QUOTED, STRING, NUMBER, SYMBOL = "word", "quoted", "string", "number", "symbol"

_LETTER = r"[A-Za-z_\u0080-\U0010ffff]"
_TOKEN = re.compile(
    rf"""
    (?P<space>[ \t\n\r\f\v]+)
  | (?P<comment>--[^\n\r]*)
  | (?P<block>/\*)
  | (?P<dollar>\$(?:{_LETTER}[A-Za-z0-9_\u0080-\U0010ffff]*)?\$)
  | (?P<escape>[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*')
  | (?P<string>(?:[nNbBxX]|[uU]&)?'[^']*(?:''[^']*)*')
  | (?P<quoted>(?:[uU]&)?"[^"]*(?:""[^"]*)*")
  | (?P<word>{_LETTER}[A-Za-z0-9_$\u0080-\U0010ffff]*)
  | (?P<number>(?:[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?|\$[0-9]+)
  | (?P<open>['"])
  | (?P<symbol>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_ESCAPE_BODY = re.compile(r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'", re.DOTALL)
_KINDS = {"word": WORD, "quoted": QUOTED, "string": STRING, "number": NUMBER, "symbol": SYMBOL}


class LexerError(TitanError):
    """The text cannot be cut; details hold the line (counted from 1)."""


class Token(NamedTuple):
    """One significant token: offsets count characters of the text."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The keyword or unquoted identifier in lower case (ASCII only, as the server folds); else the text as it is."""
        return ascii_lower(self.text) if self.kind == WORD else self.text

    @property
    def name(self) -> str:
        """The identifier that the token stands for, or an empty string."""
        if self.kind == WORD:
            return _truncated(ascii_lower(self.text))
        if self.kind == QUOTED and self.text[0] == '"':
            return _truncated(self.text[1:-1].replace('""', '"'))
        return ""


def ascii_lower(text: str) -> str:
    """The text with A to Z in lower case and every other letter as it is."""
    if text.isascii():
        return text.lower()
    return "".join(chr(ord(char) + 32) if "A" <= char <= "Z" else char for char in text)


def _truncated(name: str) -> str:
    return name if len(name) < 16 else name.encode("utf-8", "surrogatepass")[:63].decode("utf-8", "ignore")


def line_of(text: str, offset: int) -> int:
    """The line of a character offset, from 1; CRLF, LF and a lone CR each end a line."""
    before = text[:offset]
    return before.count("\n") + before.count("\r") - before.count("\r\n") + 1


def tokenize(text: str) -> list[Token]:
    """The significant tokens of the text.

    Raises:
        LexerError: an unterminated quote or comment, or a backslash command; names the line.
    """
    tokens: list[Token] = []
    position, size = 0, len(text)
    match = _TOKEN.match
    while position < size:
        found = match(text, position)
        if found is None:
            raise TypeError("the token pattern matches any character")
        kind, start, position = str(found.lastgroup), position, found.end()
        if kind in ("space", "comment"):
            continue
        if kind == "block":
            position = _block_end(text, start)
            continue
        if kind == "dollar":
            position = _dollar_end(text, start, found.group())
            kind = "string"
        elif kind == "escape":
            position = _escape_end(text, position)
            kind = "string"
        elif kind == "open":
            what = "string" if text[start] == "'" else "quoted identifier"
            raise refused(text, start, f"The {what} that begins here is never closed.")
        elif kind == "symbol" and found.group() == "\\":
            raise refused(
                text, start, "Backslash commands are psql's own; the server does not know them. Write it as plain SQL."
            )
        tokens.append(Token(_KINDS[kind], text[start:position], start, position))
    return tokens


def refused(text: str, offset: int, message: str) -> LexerError:
    line = line_of(text, offset)
    return LexerError(f"line {line}: {message}", line=line)


def _block_end(text: str, start: int) -> int:
    """The offset after a comment, which may hold further comments."""
    depth, position = 1, start + 2
    while depth:
        edge = _COMMENT_EDGE.search(text, position)
        if edge is None:
            raise refused(text, start, "The comment that begins here is never closed.")
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position


def _dollar_end(text: str, start: int, tag: str) -> int:
    end = text.find(tag, start + len(tag))
    if end < 0:
        raise refused(text, start, f"The {tag} quote that begins here is never closed.")
    return end + len(tag)


def _escape_end(text: str, position: int) -> int:
    """The end of an E'' string with its continuations: a quote after white space with a newline goes on with E's rules."""
    while True:
        cursor, newline = position, False
        while cursor < len(text):
            found = _TOKEN.match(text, cursor)
            if found is None or found.lastgroup not in ("space", "comment"):
                break
            newline = newline or "\n" in found.group() or "\r" in found.group()
            cursor = found.end()
        if not newline or not text.startswith("'", cursor):
            return position
        body = _ESCAPE_BODY.match(text, cursor)
        if body is None:
            raise refused(text, cursor, "The string that begins here is never closed.")
        position = body.end()
