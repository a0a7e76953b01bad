# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expressions in a table's definition, as queries that the server can plan before there is such a table. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...text.quoted import quoted_name
from ..lint.view import Action, View, closing, parts_of
from ..sql.lexer import Statement
from ..sql.statements import qualified
from ..sql.tokens import WORD, Token

# What may follow the type of a column.
_BEHIND_TYPE = frozenset((
    "constraint", "not", "null", "default", "check", "primary", "unique", "references", "generated", "collate", "storage", "compression",
    "deferrable", "initially",
))  # fmt: skip
_SERIAL = {
    "serial": "int", "serial4": "int", "bigserial": "bigint", "serial8": "bigint", "smallserial": "smallint", "serial2": "smallint",
}  # fmt: skip
_OF_THE_TABLE = "tableoid"  # a column of every table, and of no query in its place


def planned_expressions(statement: Statement, text: str) -> list[str]:
    """A query for each CHECK and generated column of a CREATE TABLE or ALTER TABLE.

    It names a column in vain if the expression does; whatever else the server says of it means nothing.

    Args:
        text: That of the file.
    """
    view = View(statement, True)
    if view.words[:2] == ("alter", "table"):
        table = view.name_at(2)
        added = [Action(action.definition) for action in view.actions() if action.adds_column]
        found = [item for action in view.actions() if action.starts("add") for item in _expressions(action, text)]
        row = f"SELECT t.*{_columns(added, text, True)} FROM {table} AS t"  # noqa: S608 - the file's own text, which is planned only
        return _queries(row, table, found) if table else []
    at = view.words.index("table") + 1 if "table" in view.words[:5] else 0
    at += 3 * (view.words[at : at + 3] == ("if", "not", "exists"))
    opening = qualified(view.tokens, at)
    if view.words[0] != "create" or not at or view.words[opening : opening + 1] != ("(",):
        return []
    parts = view.parts(opening)
    columns = view.columns()
    if not columns or not has_own_columns_only(view, opening):
        return []
    found = [item for part in parts for item in _expressions(part, text)]
    return _queries(f"SELECT {_columns(columns, text, False)}", view.name_at(at), found)


def has_own_columns_only(view: View, opening: int) -> bool:
    """Whether the columns of a CREATE TABLE are those that it lists, and none come from LIKE or INHERITS.

    Args:
        opening: The place of the parenthesis that begins its list.
    """
    behind = view.words[closing(view.tokens, opening) :]
    return "inherits" not in behind and not any(part.starts("like") for part in view.parts(opening))


def _queries(row: str, table: str, expressions: Sequence[str]) -> list[str]:
    alias = quoted_name(parts_of(table)[-1])
    return [f"SELECT ({item}\n) FROM ({row}) AS {alias}" for item in expressions]  # noqa: S608 - see above


def _columns(columns: Sequence[Action], text: str, more: bool) -> str:
    """The columns as NULLs of their types."""
    pieces = [f"NULL::{_type(column, text)} AS {quoted_name(column.name_at(0))}" for column in columns]
    return ", ".join(["", *pieces] if more else pieces)


def _type(column: Action, text: str) -> str:
    tokens = column.tokens[1 : next((at for at in range(1, len(column.words)) if _ends_type(column, at)), None)]
    if not tokens:
        return "text"
    return _SERIAL.get(tokens[0].word) or text[tokens[0].start : tokens[-1].end]


def _ends_type(column: Action, at: int) -> bool:
    return column.tokens[at].kind == WORD and column.words[at] in _BEHIND_TYPE


def _expressions(part: Action, text: str) -> Iterator[str]:
    """What stands in parentheses behind CHECK and AS, without NO INHERIT and the like."""
    depth = 0
    for at, token in enumerate(part.tokens[:-1]):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if not depth and token.kind == WORD and token.word in ("check", "as") and part.words[at + 1] == "(":
            inside: Sequence[Token] = part.tokens[at + 2 : closing(part.tokens, at + 1)]
            if inside and _OF_THE_TABLE not in (item.word for item in inside):
                yield text[inside[0].start : inside[-1].end]
