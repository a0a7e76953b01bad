# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of SQL text by the rules that psql follows. Pure: no database."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import TitanError

WORD, QUOTED, STRING, NUMBER, SYMBOL = "word", "quoted", "string", "number", "symbol"

# A letter, what may follow it in a word, and in a dollar tag: every character beyond ASCII counts as a letter. Said by what
# they are not, since sets without large characters match (and compile) several times as fast.
_LETTER = r"[^\x00-\x40\x5b-\x5e\x60\x7b-\x7f]"  # A-Z _ a-z
_INNER = r"[^\x00-\x23\x25-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]"  # $ 0-9 A-Z _ a-z
_TAG = r"[^\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f]"  # 0-9 A-Z _ a-z
# The first two groups only save time: they take what is neither a prefix of a quote nor anything else below.
_TOKEN = re.compile(
    rf"""
    [ \t\n\r\f\v]*
    (?: (?P<plain>{_LETTER}{_INNER}*)(?!{_INNER}|['"&])
  | (?P<mark>[(),;=])
  | (?P<comment>--[^\n\r]*)
  | (?P<block>/\*)
  | (?P<dollar>\$(?:{_LETTER}{_TAG}*)?\$)
  | (?P<escape>[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*')
  | (?P<string>(?:[nNbBxX]|[uU]&)?'[^']*(?:''[^']*)*')
  | (?P<quoted>(?:[uU]&)?"[^"]*(?:""[^"]*)*")
  | (?P<word>{_LETTER}{_INNER}*)
  | (?P<number>(?:[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?|\$[0-9]+)
  | (?P<open>['"])
  | (?P<symbol>.)
  | (?P<end>\Z)
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_REMARK = re.compile(r"[ \t\n\r\f\v]+|--[^\n\r]*")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_ESCAPE_BODY = re.compile(r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'", re.DOTALL)
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class LexerError(TitanError):
    """The text cannot be cut; details hold the line (counted from 1)."""


class Token(NamedTuple):
    """One significant token.

    Attributes:
        start, end: Character offsets in the text.
        word: The keyword or unquoted identifier in lower case (ASCII only, as the server folds); else the text as it is.
    """

    kind: str
    text: str
    start: int
    end: int
    word: str

    @property
    def name(self) -> str:
        """The identifier that the token stands for, or an empty string."""
        if self.kind == WORD:
            return _truncated(self.word)
        if self.kind == QUOTED and self.text[0] == '"':
            return _truncated(self.text[1:-1].replace('""', '"'))
        return ""


def ascii_lower(text: str) -> str:
    """The text with A to Z in lower case and every other letter as it is; as long as before."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


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
    lowered = ascii_lower(text)
    position, ended = 0, False
    make, add = tuple.__new__, tokens.append  # Token(...) takes three times as long
    while not ended:
        for found in _TOKEN.finditer(text, position):
            kind = str(found.lastgroup)
            start, position = found.span(kind)
            if kind in ("plain", "word"):
                add(make(Token, (WORD, text[start:position], start, position, lowered[start:position])))
            elif kind == "end":
                ended = True
            elif kind in ("block", "dollar", "escape"):  # longer than the pattern can tell: go on behind it
                position = _LONG[kind](text, start, position)
                if kind != "block":
                    piece = text[start:position]
                    add(make(Token, (STRING, piece, start, position, piece)))
                break
            elif kind != "comment":
                piece = text[start:position]
                if kind == "open" or piece == "\\":
                    raise _unusable(text, start)
                add(make(Token, (SYMBOL if kind == "mark" else kind, piece, start, position, piece)))
    return tokens


def _unusable(text: str, start: int) -> LexerError:
    if text[start] == "\\":
        return refused(
            text, start, "Backslash commands are psql's own; the server does not know them. Write it as plain SQL."
        )
    what = "string" if text[start] == "'" else "quoted identifier"
    return refused(text, start, f"The {what} that begins here is never closed.")


def refused(text: str, offset: int, message: str) -> LexerError:
    line = line_of(text, offset)
    return LexerError(f"line {line}: {message}", line=line)


def _block_end(text: str, start: int, _position: int) -> int:
    """The offset after a comment, which may hold further comments."""
    depth, position = 1, start + 2
    while depth:
        edge = _COMMENT_EDGE.search(text, position)
        if edge is None:
            raise refused(text, start, "The comment that begins here is never closed.")
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position


def _dollar_end(text: str, start: int, position: int) -> int:
    tag = text[start:position]
    end = text.find(tag, start + len(tag))
    if end < 0:
        raise refused(text, start, f"The {tag} quote that begins here is never closed.")
    return end + len(tag)


def _escape_end(text: str, _start: int, position: int) -> int:
    """The end of an E'' string with its continuations: a quote after white space with a newline goes on with E's rules."""
    while True:
        cursor, newline = position, False
        while found := _REMARK.match(text, cursor):
            newline = newline or "\n" in found.group() or "\r" in found.group()
            cursor = found.end()
        if not newline or not text.startswith("'", cursor):
            return position
        body = _ESCAPE_BODY.match(text, cursor)
        if body is None:
            raise refused(text, cursor, "The string that begins here is never closed.")
        position = body.end()


_LONG = {"block": _block_end, "dollar": _dollar_end, "escape": _escape_end}
