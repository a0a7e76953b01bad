# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut SQL text into statements by the rules that psql follows. Pure: no database.

Used to plan, to lint, and to run files whose statements cannot share a transaction. A transactional file is cut to be
looked at only: it is sent whole, and the server splits it with its own grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .client_lines import sql_only
from .tokens import STRING, SYMBOL, WORD, LexerError, Token, tokenize

_ROUTINE_HEADS = (
    ("create", "function"),
    ("create", "procedure"),
    ("create", "or", "replace", "function"),
    ("create", "or", "replace", "procedure"),
)
_ENDING = re.compile(r"\b(?:commit|rollback)\b", re.IGNORECASE)
_BEFORE_ENDING = (";", "begin", "then", "else", "loop")
_BLOCK_WORDS = ("begin", "case", "end")


@dataclass(frozen=True)
class Statement:
    """One statement: text from its first to its last token, without the semicolon.

    Attributes:
        start, end: Character offsets; ``text[start:end]`` is the statement.
        line: Line of the first token, from 1.
        tokens: Its significant tokens; comments and white space are left out.
        terminated: A semicolon ends it.
        normalized: See key.
    """

    start: int
    end: int
    line: int
    tokens: tuple[Token, ...]
    terminated: bool
    normalized: tuple[str, ...]

    def words(self, count: int = 6) -> tuple[str, ...]:
        """The first tokens as lower-case words."""
        return self.normalized[:count]

    def key(self) -> tuple[str, ...]:
        """Its tokens, whatever its comments, white space and letter case of keywords."""
        return self.normalized


def split(text: str) -> list[Statement]:
    """Cut the text into its statements; empty ones are dropped.

    A semicolon inside parentheses (CREATE RULE) or inside the body of a routine (BEGIN ATOMIC) ends nothing.

    Raises:
        LexerError: see tokenize.
    """
    tokens = tokenize(sql_only(text))
    statements: list[Statement] = []
    current: list[Token] = []
    depth = blocks = 0
    counted, line = 0, 1
    for token in tokens:
        kind, piece, _start, _end, word = token
        if kind == SYMBOL:
            if piece == ";" and not depth and not blocks:
                if current:
                    line += _newlines(text, counted, current[0].start)
                    counted = current[0].start
                    statements.append(_statement(text, current, line, True))
                current = []
                continue
            if piece == "(":
                depth += 1
            elif piece == ")" and depth:
                depth -= 1
        elif kind == WORD and not depth and word in _BLOCK_WORDS:
            blocks = _blocks(current, word, blocks)
        current.append(token)
    if current:
        line += _newlines(text, counted, current[0].start)
        statements.append(_statement(text, current, line, False))
    return statements


def _newlines(text: str, start: int, end: int) -> int:
    piece = text[start:end]
    return piece.count("\n") + piece.count("\r") - piece.count("\r\n")


def _blocks(before: list[Token], word: str, blocks: int) -> int:
    """The depth of BEGIN ... END blocks after one of their words; only CREATE FUNCTION and CREATE PROCEDURE have such blocks."""
    heads = tuple(token.word for token in before[:4])
    if not any(heads[: len(head)] == head for head in _ROUTINE_HEADS):
        return blocks
    if word == "begin":
        return blocks + 1
    if word == "case":
        return blocks + 1 if blocks else 0
    return max(blocks - 1, 0)


def _statement(text: str, tokens: list[Token], line: int, terminated: bool) -> Statement:
    words = tuple([token.word for token in tokens])
    return Statement(tokens[0].start, tokens[-1].end, line, tuple(tokens), terminated, words)


def same_meaning(first: str, second: str) -> bool:
    """True if the two texts differ only in comments, white space and the letter case of unquoted words."""
    try:
        return [item.word for item in tokenize(first)] == [item.word for item in tokenize(second)]
    except LexerError:
        return False


def ends_transactions(statement: Statement) -> bool:
    """True if the quoted body of a DO block holds a COMMIT or ROLLBACK, which no transaction around it allows."""
    return any(
        token.kind == STRING and _ENDING.search(token.text) is not None and _holds_ending(_body(token.text))
        for token in statement.tokens
    )


def _holds_ending(body: str) -> bool:
    try:
        words = ["begin", *(token.word for token in tokenize(body))]
    except LexerError:
        return False  # another language
    return any(
        word in ("commit", "rollback") and before in _BEFORE_ENDING and after in (";", "and")
        for before, word, after in zip(words, words[1:], words[2:])
    )


def _body(quoted: str) -> str:
    if quoted[0] == "$":
        return quoted[quoted.index("$", 1) + 1 : quoted.rindex("$", 0, -1)]
    return quoted[quoted.index("'") + 1 : -1].replace("''", "'")
