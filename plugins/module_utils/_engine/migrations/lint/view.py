# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A statement as the lint rules look at it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ..sql.lexer import Statement
from ..sql.statements import qualified, written
from ..sql.tokens import NUMBER, QUOTED, STRING, WORD, Token

_BEFORE_NAME = ("if", "not", "exists", "only", "concurrently")
_PARENTHESES = {"(": 1, ")": -1}
_DEPTHS = {**_PARENTHESES, "[": 1, "]": -1}
_NO_COLUMN = ("constraint", "primary", "unique", "foreign", "check", "exclude", "like", "not")


class View:
    """One statement, and the others of its file.

    Attributes:
        words: Its tokens in lower case.
        altered: Where the first ALTER TABLE of the file for each table stands, by the last part of the table's name as the server stores it.
        not_valid: The same for the first that adds a constraint NOT VALID.
        whole: The file runs in one transaction.
        place: PLAIN; IN_CODE, in a DO block; POSSIBLE, a text in a DO block that it may EXECUTE.
        in_code: Either of the latter.
    """

    PLAIN, IN_CODE, POSSIBLE = range(3)

    def __init__(
        self,
        statement: Statement,
        whole: bool,
        place: int = PLAIN,
        altered: Mapping[str, int] = MappingProxyType({}),
        not_valid: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.statement, self.whole, self.place = statement, whole, place
        self.altered, self.not_valid = altered, not_valid
        self.in_code = place != self.PLAIN
        self.words, self.tokens = statement.key(), statement.tokens
        self._actions: list[Action] | None = None
        self._columns: list[Action] | None = None  # each rule asks for them

    def name_at(self, at: int) -> str:
        """The possibly qualified name at this token, after IF EXISTS, ONLY and the like; as written."""
        while self.words[at : at + 1] and self.words[at] in _BEFORE_NAME:
            at += 1
        return written(self.tokens[at : qualified(self.tokens, at)])

    @property
    def table(self) -> str:
        """The last part of the table of an ALTER TABLE, as the server stores it."""
        return last_part(self.name_at(2))

    def name_after(self, word: str) -> str:
        """The name after the first such word; empty without one."""
        return self.name_at(self.words.index(word) + 1) if word in self.words else ""

    def has(self, *words: str) -> bool:
        """Whether these words follow each other somewhere in the statement."""
        return _contains(self.words, words)

    def changes_all(self, word: str) -> list[str]:
        """The tables of each UPDATE or DELETE without a condition, also of those in and behind a WITH."""
        found = []
        for at, token in enumerate(self.tokens):
            if token.kind == WORD and token.word == word and (not at or self.words[at - 1] in ("(", ")")):
                rest = self.tokens[at : _closing_before(self.tokens, at)]
                if not _has_condition(rest):
                    found.append(self.name_at(at + 1 + (word == "delete")))
        return found

    def actions(self) -> list[Action]:
        """What an ALTER TABLE does, one after the other."""
        if self._actions is None:
            self._actions = self._cut_actions()
        return self._actions

    def _cut_actions(self) -> list[Action]:
        if self.words[:2] != ("alter", "table"):
            return []
        at = 2
        while self.words[at : at + 1] and self.words[at] in _BEFORE_NAME:
            at += 1
        at = qualified(self.tokens, at)
        at += self.words[at : at + 1] == ("*",)
        return [Action(part) for part in _split(self.tokens[at:])]

    def columns(self) -> list[Action]:
        """The columns that a CREATE TABLE or ALTER TABLE ... ADD COLUMN defines: name, then type and constraints."""
        if self._columns is None:
            self._columns = self._cut_columns()
        return self._columns

    def _cut_columns(self) -> list[Action]:
        if self.words[0] == "alter":
            return [Action(action.definition) for action in self.actions() if action.adds_column]
        if self.words[0] != "create" or "(" not in self.words or "as" in self.words[: self.words.index("(")]:
            return []
        at = self.words.index("(")
        parts = _split(self.tokens[at + 1 : closing(self.tokens, at)])
        return [Action(part) for part in parts if part and not (part[0].kind == WORD and part[0].word in _NO_COLUMN)]

    def parts(self, at: int) -> list[Action]:
        """What stands between the parenthesis at this token and the one that closes it, cut at commas."""
        return [Action(part) for part in _split(self.tokens[at + 1 : closing(self.tokens, at)])]


def last_part(name: str) -> str:
    """A name without its schema, as the server stores it."""
    return parts_of(name)[-1]


def parts_of(name: str) -> tuple[str, ...]:
    """The parts of a possibly qualified name, as the server stores them; ("",) for none."""
    parts = re.findall(r'"(?:[^"]|"")*"|[^".]+', name)
    return tuple(part[1:-1].replace('""', '"') if part[0] == '"' else part.lower() for part in parts) or ("",)


class Action:
    """A part of a statement between two commas."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tuple(tokens)
        self.words = tuple(token.word for token in tokens)

    def has(self, *words: str) -> bool:
        return _contains(self.words, words)

    def starts(self, *words: str) -> bool:
        return self.words[: len(words)] == words

    def name_at(self, at: int) -> str:
        """The name that this token is, as the server stores it; empty behind the end."""
        return self.tokens[at].name if at < len(self.tokens) else ""

    @property
    def definition(self) -> tuple[Token, ...]:
        """What follows ADD COLUMN IF NOT EXISTS."""
        at = 1 + (self.words[1:2] == ("column",))
        at += 3 * (self.words[at : at + 3] == ("if", "not", "exists"))
        return self.tokens[at:]

    @property
    def adds_column(self) -> bool:
        rest = self.definition
        return self.words[:1] == ("add",) and bool(rest) and (rest[0].kind == QUOTED or rest[0].word not in _NO_COLUMN)

    @property
    def type(self) -> str:
        """The type's first word of a column definition."""
        return self.words[1] if len(self.words) > 1 else ""

    def default(self) -> tuple[str, ...]:
        """The words of the DEFAULT expression."""
        if "default" not in self.words:
            return ()
        rest = self.words[self.words.index("default") + 1 :]
        ends = [
            at
            for at, word in enumerate(rest)
            if word in ("not", "null", "check", "unique", "primary", "references", "constraint")
        ]
        return rest[: ends[0]] if ends and ends[0] else rest


def altered_tables(statements: Sequence[Statement]) -> tuple[dict[str, int], dict[str, int]]:
    """View.altered and View.not_valid of a file: made once, since each of its statements asks."""
    altered: dict[str, int] = {}
    not_valid: dict[str, int] = {}
    for item in statements:
        if item.key()[:2] != ("alter", "table"):
            continue
        view = View(item, True)
        altered.setdefault(last_part(view.name_at(2)), item.start)
        if any(action.starts("add") and action.has("not", "valid") for action in view.actions()):
            not_valid.setdefault(view.table, item.start)
    return altered, not_valid


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    count = len(wanted)
    return any(tuple(words[at : at + count]) == tuple(wanted) for at in range(len(words) - count + 1))


def _closing_before(tokens: Sequence[Token], at: int) -> int:
    """The position of the parenthesis that closes the one which the token stands in; the end without one."""
    depth = 0
    for position in range(at, len(tokens)):
        depth += _PARENTHESES.get(tokens[position].text, 0)
        if depth < 0:
            return position
    return len(tokens)


def _has_condition(tokens: Sequence[Token]) -> bool:
    """Whether there is a WHERE that is not of a subquery, and not just true."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += _PARENTHESES.get(token.text, 0)
        if not depth and token.kind == WORD and token.word == "where":
            return not _always(tokens[at + 1 :])
    return False


def _always(tokens: Sequence[Token]) -> bool:
    """Whether a condition is true, or a comparison of a literal with itself, and no more."""
    end = next((at for at, token in enumerate(tokens) if token.word == "returning"), len(tokens))
    rest = tokens[:end]
    while rest and rest[0].text == "(" and rest[-1].text == ")":
        rest = rest[1:-1]
    if len(rest) == 3 and rest[0].kind in (NUMBER, STRING):
        return rest[1].text == "=" and rest[0].text == rest[2].text
    return [token.word for token in rest] == ["true"]


def closing(tokens: Sequence[Token], at: int) -> int:
    """The position of the parenthesis that closes the one at this token; the end without one."""
    depth = 0
    for position in range(at, len(tokens)):
        depth += _PARENTHESES.get(tokens[position].text, 0)
        if not depth:
            return position
    return len(tokens)


def _split(tokens: Sequence[Token]) -> list[tuple[Token, ...]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += _DEPTHS.get(token.text, 0)
        if token.text == "," and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return [tuple(part) for part in parts if part]
