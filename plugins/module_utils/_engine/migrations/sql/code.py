# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL statements in the body of a DO block, as far as they can be read without running it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .lexer import LexerError, Statement, split
from .tokens import STRING, WORD, Token, tokenize

UNKNOWN = '"%"'  # stands for a name that is put together when the block runs
_BEFORE_STATEMENT = ("begin", "then", "else", "loop")
_HEADS = (
    "alter", "create", "drop", "update", "delete", "insert", "truncate", "lock", "reindex", "cluster", "refresh", "with",
)  # fmt: skip
_FORMAT = re.compile(r"%(?:\d+\$)?[Is]")


def statements_in(block: Statement) -> list[Statement]:
    """Those of a DO block, EXECUTE of a text among them; each where it stands in the file, else where the block stands."""
    body = next((token for token in block.tokens if token.kind == STRING), None)
    if body is None or ("language" in block.key() and "plpgsql" not in block.key()):
        return []
    text = _content(body.text)
    if text is None:
        return []
    exact = body.text[0] == "$"
    first = body.start + body.text.index("$", 1) + 1 if exact else block.start
    try:
        tokens = tokenize(text)
    except LexerError:
        return []
    found = []
    for piece in _pieces(tokens):
        if piece[0].word == "execute":
            found += [replace(each, start=block.start, end=block.end, line=block.line) for each in _executed(piece[1:])]
        elif exact:
            line = block.line + text.count("\n", 0, piece[0].start)
            found.append(_statement(piece, first + piece[0].start, first + piece[-1].end, line))
        else:
            found.append(_statement(piece, block.start, block.end, block.line))
    return found


def _statement(tokens: Sequence[Token], start: int, end: int, line: int) -> Statement:
    return Statement(start, end, line, tuple(tokens), True, tuple(token.word for token in tokens))


def _pieces(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """From each word that may begin a statement of SQL to its semicolon."""
    piece: list[Token] = []
    before, depth = ";", 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if piece:
            if token.text == ";" and not depth:
                yield piece
                piece = []
            else:
                piece.append(token)
        elif (
            token.kind == WORD
            and (before == ";" or before in _BEFORE_STATEMENT)
            and (token.word in _HEADS or token.word == "execute")
        ):
            piece, depth = [token], 0
        before = token.word
    if piece:
        yield piece


def _executed(tokens: Sequence[Token]) -> list[Statement]:
    """The statements of a text that EXECUTE puts together; what is no literal in it is an unknown name."""
    words = [token.word for token in tokens]
    end = next((at for at, word in enumerate(words) if word in ("using", "into")), len(words))
    pieces: list[str] = []
    if words[:2] == ["format", "("]:
        literal = next((token for token in tokens if token.kind == STRING), None)
        pieces = [_FORMAT.sub(UNKNOWN, _content(literal.text) or "").replace("%L", "'%'")] if literal else []
    else:
        known = True
        for token in tokens[:end]:
            if token.kind == STRING:
                pieces.append(_content(token.text) or "")
                known = True
            elif token.text != "|" and known:
                pieces.append(UNKNOWN)
                known = False
    try:
        return split("".join(pieces))
    except LexerError:
        return []


def _content(literal: str) -> str | None:
    """The text that a string literal stands for; None for one with escapes."""
    if literal[0] == "$":
        tag = literal[: literal.index("$", 1) + 1]
        return literal[len(tag) : -len(tag)]
    return literal[1:-1].replace("''", "'") if literal[0] == "'" else None
