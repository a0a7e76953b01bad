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
_AFTER_TEXT = ("as", "into", "from", "where", "loop", "union", "order", "then", "using")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "'": "'", '"': '"', "\\": "\\"}
_FORMAT = re.compile(r"%(?:\d+\$)?[Is]")


def statements_in(block: Statement) -> list[Statement]:
    """Those of a DO block, EXECUTE of a text among them; each where it stands in the file, else where the block stands."""
    literal = _body(block)
    tokens = _tokens(literal)
    exact = literal is not None and literal.text[0] == "$"
    first = literal.start + literal.text.index("$", 1) + 1 if literal is not None and exact else block.start
    text = literal.text if literal is not None else ""
    found = []
    for piece in _pieces(tokens):
        if piece[0].word == "execute":
            found += _moved(_executed(piece[1:]), block)
        elif exact:
            line = block.line + text.count("\n", 0, text.index("$", 1) + 1 + piece[0].start)
            found.append(_statement(piece, first + piece[0].start, first + piece[-1].end, line))
        else:
            found.append(_statement(piece, block.start, block.end, block.line))
    return found


def possible_statements_in(block: Statement) -> list[Statement]:
    """Those that a DO block may run by EXECUTE of a variable: texts in it that begin as statements do. Each stands where the block stands."""
    tokens = _tokens(_body(block))
    executed = [_executed(piece[1:]) for piece in _pieces(tokens) if piece[0].word == "execute"]
    if all(any(each.tokens[0].kind == WORD for each in found) for found in executed):
        return []
    return [each for at, end in _texts(tokens) for each in _moved(_executed(tokens[at:end]), block)]


def _body(block: Statement) -> Token | None:
    body = next((token for token in block.tokens if token.kind == STRING), None)
    return None if "language" in block.key() and "plpgsql" not in block.key() else body


def _tokens(literal: Token | None) -> Sequence[Token]:
    text = _content(literal.text) if literal is not None else None
    try:
        return tokenize(text) if text is not None else ()
    except LexerError:
        return ()


def _moved(statements: Sequence[Statement], block: Statement) -> list[Statement]:
    return [replace(each, start=block.start, end=block.end, line=block.line) for each in statements]


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


def _texts(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Where expressions begin and end whose first literal begins a statement."""
    end = 0
    for at, token in enumerate(tokens):
        words = (_content(token.text) or "").split(None, 1) if token.kind == STRING and at >= end else ()
        if not words or words[0].lower() not in _HEADS:
            continue
        before = [each.word for each in tokens[max(0, at - 2) : at]]
        start = at - 2 if before == ["format", "("] else at
        depth = 0
        for end in range(start, len(tokens)):
            depth += {"(": 1, ")": -1}.get(tokens[end].text, 0)
            comma = tokens[end].text == "," and before != ["concat", "("]
            if depth < 0 or (not depth and (comma or tokens[end].text == ";" or tokens[end].word in _AFTER_TEXT)):
                break
        yield start, end


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
            elif token.text not in ("|", ",") and known:
                pieces.append(UNKNOWN)
                known = False
    try:
        return split("".join(pieces))
    except LexerError:
        return []


def _content(literal: str) -> str | None:
    """The text that a string literal stands for; None for one with escapes of characters by their numbers."""
    if literal[0] == "$":
        tag = literal[: literal.index("$", 1) + 1]
        return literal[len(tag) : -len(tag)]
    if literal[0] in "eE":
        if any(each not in _ESCAPES for each in re.findall(r"\\(.)", literal, re.DOTALL)):
            return None
        return re.sub(
            r"''|\\(.)", lambda found: _ESCAPES[found[1]] if found[1] else "'", literal[2:-1], flags=re.DOTALL
        )
    return literal[1:-1].replace("''", "'") if literal[0] == "'" else None
