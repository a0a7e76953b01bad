# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut SQL text into statements by the rules that psql follows. Pure: no database.

Used to plan, to lint, and to run files whose statements cannot share a transaction. A transactional file is cut to be
looked at only: it is sent whole, and the server splits it with its own grammar.
"""

from __future__ import annotations

from dataclasses import dataclass

from .tokens import SYMBOL, WORD, LexerError, Token, refused, tokenize

_ROUTINE_HEADS = (
    ("create", "function"),
    ("create", "procedure"),
    ("create", "or", "replace", "function"),
    ("create", "or", "replace", "procedure"),
)
_BLOCK_WORDS = ("begin", "case", "end")


@dataclass(frozen=True)
class Statement:
    """One statement: text from its first to its last token, without the semicolon.

    Attributes:
        start, end: Character offsets; ``text[start:end]`` is the statement.
        line: Line of the first token, from 1.
        tokens: Its significant tokens; comments and white space are left out.
        terminated: A semicolon ends it.
        said: See key.
    """

    start: int
    end: int
    line: int
    tokens: tuple[Token, ...]
    terminated: bool
    said: tuple[str, ...]

    def words(self, count: int = 6) -> tuple[str, ...]:
        """The first tokens as lower-case words."""
        return self.said[:count]

    def key(self) -> tuple[str, ...]:
        """What the statement says, whatever its comments, white space and letter case of keywords."""
        return self.said


def split(text: str) -> list[Statement]:
    """Cut the text into its statements; empty ones are dropped.

    A semicolon inside parentheses (CREATE RULE) or inside the body of a routine (BEGIN ATOMIC) ends nothing.

    Raises:
        LexerError: see tokenize; also for COPY ... FROM STDIN, whose data only psql can send.
    """
    statements: list[Statement] = []
    current: list[Token] = []
    depth = blocks = 0
    counted, line = 0, 1
    for token in tokenize(text):
        kind, said, _start, _end, word = token
        if kind == SYMBOL:
            if said == ";" and not depth and not blocks:
                if current:
                    line += _newlines(text, counted, current[0].start)
                    counted = current[0].start
                    statements.append(_statement(text, current, line, True))
                current = []
                continue
            if said == "(":
                depth += 1
            elif said == ")" and depth:
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
    if words[0] == "copy" and "from" in words and "stdin" in words[words.index("from") : words.index("from") + 2]:
        raise refused(text, tokens[0].start, "COPY ... FROM STDIN carries data that only psql sends. Use INSERT.")
    return Statement(tokens[0].start, tokens[-1].end, line, tuple(tokens), terminated, words)


def same_meaning(first: str, second: str) -> bool:
    """True if the two texts differ only in comments, white space and the letter case of unquoted words."""
    try:
        return [item.word for item in tokenize(first)] == [item.word for item in tokenize(second)]
    except LexerError:
        return False
