# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a query asks of each table that it reads: from EXPLAIN (VERBOSE, FORMAT JSON) of a plan that uses no index. Pure.

PostgreSQL has parsed the query, and qualified each column by its table's alias; what is left are conditions that it has written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..migrations.sql.tokens import QUOTED, SYMBOL, WORD, Token, tokenize

# How a partial index's condition is written; {} is the column.
TRUE, FALSE, NULL, NOT_NULL = "{}", "NOT {}", "{} IS NULL", "{} IS NOT NULL"

_CONDITIONS = ("Filter", "Hash Cond", "Merge Cond", "Join Filter", "Index Cond", "Recheck Cond")
_OPERATORS = frozenset("=<>!~@#%^&|*+-/?")
BTREE, GIN, TRIGRAM = "btree", "gin", "gin_trgm_ops"
_OF_GIN = ("@>", "<@", "&&", "?", "?|", "?&", "@@", "@?")  # of jsonb, arrays and texts to search
_OF_TRIGRAMS = ("~~", "~~*", "~", "~*")  # LIKE, ILIKE and regular expressions
_RANGES = ("<", ">", "<=", ">=")


class Table(NamedTuple):
    """A table as the plan names it."""

    schema: str
    name: str


class Key(NamedTuple):
    """A column of an index; order is empty, or what follows its name: "DESC", "NULLS FIRST"."""

    column: str
    order: str = ""


class Condition(NamedTuple):
    """A condition on one column that is the same in every execution; form is one of TRUE, FALSE, NULL, NOT_NULL."""

    column: str
    form: str


class Special(NamedTuple):
    """What an index of another kind could find: expression is SQL without the table's alias, using one of BTREE, GIN, TRIGRAM."""

    expression: str
    using: str


class Asked(NamedTuple):
    """What a query asks of one table, each in the order in which the plan has it.

    Attributes:
        equal: Columns that are compared with a value for equality.
        joined: Columns that must equal another table's.
        ranged: Columns that must be less or greater than a value.
        sorted: The keys of a sort of this table's rows.
        conditions: What could be a partial index's condition.
        special: What is compared that is no bare column, or not by a B-tree's operators.
    """

    table: Table
    equal: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    ranged: tuple[str, ...] = ()
    sorted: tuple[Key, ...] = ()
    conditions: tuple[Condition, ...] = ()
    special: tuple[Special, ...] = ()


class _Column(NamedTuple):
    alias: str
    name: str


def read_whole(node: Mapping[str, Any]) -> set[Table]:
    """The tables that a plan reads from the first page to the last."""
    own = {_table(node)} if node["Node Type"] == "Seq Scan" else set()
    return own.union(*(read_whole(below) for below in node.get("Plans", ())))


def asked_of(plan: Mapping[str, Any]) -> list[Asked]:
    """What the plan asks of each table that it reads; of a table that is read twice, twice."""
    nodes = list(_nodes(plan))
    found = {str(node["Alias"]): Asked(_table(node)) for node in nodes if "Relation Name" in node and "Schema" in node}
    for node in nodes:
        for name in _CONDITIONS:
            for condition in _conjuncts(tokenize(node.get(name, ""))):
                _add(found, condition)
        keys = [_sort_key(tokenize(text)) for text in node.get("Sort Key", ())]
        aliases = {key[0] for key in keys if key}
        if len(aliases) == 1 and None not in keys and aliases <= set(found):
            alias = aliases.pop()
            found[alias] = found[alias]._replace(sorted=tuple(key[1] for key in keys if key))
    return list(found.values())


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _table(node: Mapping[str, Any]) -> Table:
    return Table(str(node["Schema"]), str(node["Relation Name"]))


def _conjuncts(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """The conditions that must all hold."""
    inner = _without_parentheses(tokens)
    found, begun, depth = [], 0, 0
    for at, token in enumerate(inner):
        depth += (token.text in "([") - (token.text in ")]")
        if not depth and token.kind == WORD and token.word in ("or", "case"):
            return []
        if not depth and token.kind == WORD and token.word == "and":
            found.append(inner[begun:at])
            begun = at + 1
    if not begun:
        return [inner] if inner else []
    return [each for part in (*found, inner[begun:]) for each in _conjuncts(part)]


def _without_parentheses(tokens: Sequence[Token]) -> Sequence[Token]:
    while len(tokens) > 1 and tokens[0].text == "(" and _closing(tokens) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closing(tokens: Sequence[Token]) -> int:
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if not depth:
            return at
    return -1


def _column(tokens: Sequence[Token]) -> _Column | None:
    """The column that this is, with or without a cast."""
    return _bare_column(_without_cast(tokens))


def _without_cast(tokens: Sequence[Token]) -> Sequence[Token]:
    tokens = _without_parentheses(tokens)
    if len(tokens) > 4 and tokens[0].text == "(":
        cast = _closing(tokens) + 1
        of_type = [token.word for token in tokens[cast + 2 :]]
        if [token.text for token in tokens[cast : cast + 2]] == [":", ":"] and not _OPERATORS.union(("is",)) & {
            *of_type
        }:
            tokens = tokens[:cast]
    return _without_parentheses(tokens)


def _bare_column(tokens: Sequence[Token]) -> _Column | None:
    tokens = _without_parentheses(tokens)
    if len(tokens) != 3 or tokens[1].text != "." or not {tokens[0].kind, tokens[2].kind} <= {WORD, QUOTED}:
        return None
    return _Column(tokens[0].name, tokens[2].name)


def _sort_key(tokens: Sequence[Token]) -> tuple[str, Key] | None:
    order: list[str] = []
    while tokens and tokens[-1].kind == WORD and tokens[-1].word in ("asc", "desc", "nulls", "first", "last"):
        order.insert(0, tokens[-1].word.upper())
        tokens = tokens[:-1]
        if tokens and tokens[-1].text == ".":
            return None  # a column of that name
    column = _column(tokens)
    return (column.alias, Key(column.name, " ".join(order))) if column else None


def _add(found: dict[str, Asked], tokens: Sequence[Token]) -> None:
    """Note what one condition says of the tables that it names."""
    for of, form in _conditions(tokens):
        _note(found, of, "conditions", Condition(of.name, form))
        return
    at = _operator(tokens)
    if not at:
        return
    left, right = _column(tokens[: at[0]]), _column(tokens[at[1] :])
    operator = "".join(token.text for token in tokens[at[0] : at[1]])
    _note_special(found, tokens[: at[0]], operator, tokens[at[1] :])
    if left and right and left.alias == right.alias:
        return
    for column, other in ((left, right), (right, left)):
        if column and operator == "=":
            _note(found, column, "joined" if other else "equal", column.name)
        elif column and operator in _RANGES and not other:
            _note(found, column, "ranged", column.name)


def _note(found: dict[str, Asked], column: _Column, what: str, value: str | Condition | Special) -> None:
    asked = found.get(column.alias)
    if asked:
        new: Any = {what: tuple(dict.fromkeys((*getattr(asked, what), value)))}
        found[column.alias] = asked._replace(**new)


def _note_special(found: dict[str, Asked], left: Sequence[Token], operator: str, right: Sequence[Token]) -> None:
    """Note what an expression, or an operator that a B-tree does not know, asks of one table."""
    sides = ((left, right),) if operator in _OF_TRIGRAMS else ((left, right), (right, left))
    for side, other in sides:
        aliases, column = _aliases(side, found), _column(side)
        using = GIN if operator in _OF_GIN else TRIGRAM if operator in _OF_TRIGRAMS else BTREE
        if using == BTREE and (column or operator not in ("=", *_RANGES)):
            continue
        if len(aliases) != 1 or _aliases(other, found) or any(token.text[:1] == "$" for token in side):
            continue
        alias = aliases.pop()
        bare = _without_cast(side) if column else side
        _note(found, _Column(alias, ""), "special", Special(_written(bare, alias), using))


def _aliases(tokens: Sequence[Token], found: Mapping[str, Asked]) -> set[str]:
    """The tables whose columns are named."""
    return {
        first.name
        for first, dot, second, after in zip(tokens, tokens[1:], tokens[2:], [*tokens[3:], None])
        if dot.text == "." and first.kind in (WORD, QUOTED) and first.name in found and second.kind in (WORD, QUOTED)
        and not (after and after.text == "(")
    }  # fmt: skip


def _written(tokens: Sequence[Token], alias: str) -> str:
    """The SQL of these tokens, in which the columns stand without their table."""
    text, end, at = "", 0, 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind in (WORD, QUOTED) and token.name == alias and at + 2 < len(tokens) and tokens[at + 1].text == ".":
            text += " " if end and token.start > end else ""
            at += 2
            token = tokens[at]
        elif end and token.start > end:
            text += " "
        text, end, at = text + token.text, token.end, at + 1
    return text


def _conditions(tokens: Sequence[Token]) -> list[tuple[_Column, str]]:
    """The column and the form, if this is such a condition."""
    words = [token.word if token.kind == WORD else "" for token in tokens]
    tails = {NOT_NULL: ["is", "not", "null"], NULL: ["is", "null"]}
    for form, tail in tails.items():
        if words[-len(tail) :] == tail:
            column = _bare_column(tokens[: -len(tail)])
            return [(column, form)] if column else []
    negated = bool(words) and words[0] == "not"
    column = _bare_column(tokens[1:] if negated else tokens)
    return [(column, FALSE if negated else TRUE)] if column else []


def _operator(tokens: Sequence[Token]) -> tuple[int, int] | None:
    """Where the operator outside of all parentheses begins and ends."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token.text in "([") - (token.text in ")]")
        if not depth and token.kind == SYMBOL and token.text in _OPERATORS:
            end = at
            while end < len(tokens) and tokens[end].kind == SYMBOL and tokens[end].text in _OPERATORS:
                end += 1
            return at, end
    return None
