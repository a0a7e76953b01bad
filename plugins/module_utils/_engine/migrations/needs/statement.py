# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be there for a statement to work: the roles, relations, types, columns ... that it names. Pure.

Only what is needed for certain: nothing of a statement with IF EXISTS, and nothing that the statement itself makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..lint.view import View
from ..sql.lexer import Statement
from ..sql.statements import qualified, written
from ..sql.tokens import STRING, Token
from .need import (
    COLUMN,
    INDEX,
    LABEL,
    LANGUAGE,
    MATERIALIZED_VIEW,
    NEW_LABEL,
    PARTS,
    RELATION,
    ROUTINE,
    SERVER,
    TYPE,
    Need,
    column,
    kind_at,
    of_kind,
    place,
    roles,
)
from .rights import of_default_privileges, of_grant, of_reassign, of_set, owner
from .tables import of_alter_table, of_create_table
from .types import of_function, type_at


def needs(statement: Statement) -> list[Need]:
    """What the statement needs, in the order in which the server is likely to look."""
    view = View(statement, False)
    find = _BY_WORD.get(view.words[0])
    if find is None or ("if", "exists") in zip(view.words, view.words[1:]):
        return []
    found = list(find(view))
    if view.words[0] == "alter":
        found += owner(view)
    return [need for need in found if need.name]


def _alter(view: View) -> Iterator[Need]:
    words = view.words
    if words[1:3] == ("default", "privileges"):
        yield from of_default_privileges(view)
    elif words[1] in PARTS:
        yield from _part_of(view, 2, PARTS[words[1]])
        if words[1] == "policy":
            yield from roles(view, place(view, "to", 5))
    elif words[1] == "table":
        yield from of_alter_table(view)
    else:
        kind, at = kind_at(view, 1)
        if kind and words[1:3] != ("user", "mapping") and words[at : at + 1] != ("all",):
            yield from of_kind(view, kind, at)
        if words[1] == "sequence":
            yield from _owned_by(view)
        if words[1] == "type":
            yield from _labels(view)


def _part_of(view: View, at: int, kind: str) -> Iterator[Need]:
    """A part of a table: its name, ON, and the table."""
    table = view.name_at(at + 2)
    if view.words[at + 1 : at + 2] == ("on",) and view.words[at + 2 : at + 3] != ("domain",):
        yield Need(RELATION, table)
        yield Need(kind, view.tokens[at].name, table)


def _labels(view: View) -> Iterator[Need]:
    """The label of an enum that is renamed, or beside which another one is put."""
    words, at = view.words, qualified(view.tokens, 2)
    texts = [token for token in view.tokens[at:] if token.kind == STRING and token.text.startswith("'")]
    named = (
        texts[:1]
        if words[at : at + 2] == ("rename", "value")
        else texts[1:2]
        if words[at : at + 2] == ("add", "value")
        else []
    )
    enum = written(view.tokens[2:at])
    for token in named:
        yield Need(LABEL, _stored(token), enum)
    if words[at : at + 2] == ("add", "value") and words[at + 2 : at + 3] != ("if",):
        for token in texts[:1]:
            yield Need(NEW_LABEL, _stored(token), enum)


def _stored(token: Token) -> str:
    return token.text[1:-1].replace("''", "'")


def _owned_by(view: View) -> Iterator[Need]:
    for at in range(2, len(view.words) - 2):
        if view.words[at : at + 2] == ("owned", "by"):
            yield from column(view.tokens[at + 2 : qualified(view.tokens, at + 2)])


def _comment(view: View) -> Iterator[Need]:
    if view.words[2:3] == ("column",):
        yield from column(view.tokens[3 : qualified(view.tokens, 3)])
    elif view.words[2:3] and view.words[2] in PARTS:
        yield from _part_of(view, 3, PARTS[view.words[2]])
    else:
        kind, at = kind_at(view, 2)
        if kind:
            yield from of_kind(view, kind, at)


def _create(view: View) -> Iterator[Need]:
    words = view.words
    at = next(
        (
            i
            for i in range(1, len(words))
            if words[i] not in ("or", "replace", "unlogged", "constraint", "temp", "temporary")
        ),
        1,
    )
    kind = words[at]
    if kind == "trigger":
        yield Need(RELATION, view.name_at(place(view, "on", at + 2)))
        yield from _executed(view)
    elif kind == "event" and words[at + 1 : at + 2] == ("trigger",):
        yield from _executed(view)
    elif kind == "policy":
        yield Need(RELATION, view.name_at(place(view, "on", at + 2)))
        yield from roles(view, place(view, "to", at + 2))
    elif kind == "schema" and "authorization" in words[at + 1 : at + 6]:
        yield from roles(view, words.index("authorization") + 1)
    elif kind == "rule":
        yield Need(RELATION, view.name_at(place(view, "to", at + 2)))
    elif kind == "sequence":
        yield from _owned_by(view)
    elif kind == "table":
        yield from of_create_table(view, at + 1)
    elif kind in ("function", "procedure"):
        yield from (Need(*found) for found in of_function(view, at + 1))
    elif kind == "domain":
        end = qualified(view.tokens, at + 1)
        yield Need(TYPE, type_at(view.tokens, end + (words[end : end + 1] == ("as",))))
    elif kind == "type":
        end = qualified(view.tokens, at + 1)
        if words[end : end + 2] == ("as", "("):
            yield from (Need(TYPE, type_at(column.tokens, 1)) for column in view.parts(end + 1))
    elif kind == "statistics":
        yield from _of_statistics(view, at)
    elif kind == "aggregate":
        yield from _named_after(view, "sfunc", "finalfunc", "combinefunc", "msfunc", "minvfunc")
    elif kind == "operator" and words[at + 1 : at + 2] not in (("class",), ("family",)):
        yield from _named_after(view, "function", "procedure")
    elif kind == "cast":
        yield from _of_cast(view, at + 1)
    elif kind == "publication" and words[at + 2 : at + 4] == ("for", "table"):
        yield Need(RELATION, view.name_at(at + 4))


def _of_statistics(view: View, at: int) -> Iterator[Need]:
    """The table, and those of the columns that are no expressions."""
    begin, end = place(view, "on", at), place(view, "from", at)
    table = view.name_at(end)
    yield Need(RELATION, table)
    listed = view.words[begin : end - 1]
    if all(word == "," for word in listed[1::2]):
        yield from (Need(COLUMN, token.name, table) for token in view.tokens[begin : end - 1 : 2])


def _named_after(view: View, *options: str) -> Iterator[Need]:
    """The functions that options say, by their names alone."""
    for at in range(2, len(view.words) - 2):
        if view.words[at] in options and view.words[at + 1] == "=" and view.words[at - 1] in ("(", ","):
            yield Need(ROUTINE, view.name_at(at + 2))


def _of_cast(view: View, at: int) -> Iterator[Need]:
    """The types of a cast, and the name of its function."""
    between = place(view, "as", at + 1) if view.words[at : at + 1] == ("(",) else 0
    if between:
        yield Need(TYPE, type_at(view.tokens, at + 1))
        yield Need(TYPE, type_at(view.tokens, between))
        name = place(view, "function", at)
        if view.words[name - 2 : name - 1] == ("with",):
            yield Need(ROUTINE, view.name_at(name))


def _executed(view: View) -> Iterator[Need]:
    """The function of a trigger, which has no arguments whatever stands between the parentheses."""
    at = place(view, "execute")
    name = view.name_at(at + 1)
    if name:
        yield Need(ROUTINE, f"{name}()")


def _drop(view: View) -> Iterator[Need]:
    words = view.words
    if words[1:3] == ("owned", "by"):
        yield from roles(view, 3)
    elif words[1] in PARTS:
        yield from _part_of(view, 2, PARTS[words[1]])
    elif words[1] == "cast" and words[2:3] == ("(",):
        yield from _of_cast(view, 2)
    elif words[1:3] != ("user", "mapping") and words[1:3] != ("foreign", "data"):
        kind, at = kind_at(view, 1)
        at += words[at : at + 1] == ("concurrently",)
        if kind and kind != ROUTINE:
            yield from of_kind(view, kind, at)
        elif kind:
            yield from (need for need in of_kind(view, kind, at) if "(" not in need.name)


def _refresh(view: View) -> Iterator[Need]:
    yield Need(RELATION, view.name_at(3))
    yield Need(MATERIALIZED_VIEW, view.name_at(3))


def _tables(view: View) -> Iterator[Need]:
    at = 1 + (view.words[1:2] == ("table",))
    at += view.words[at : at + 1] == ("only",)
    yield from of_kind(view, RELATION, at)


def _table(view: View) -> Iterator[Need]:
    at = 1 + (view.words[1:2] == ("verbose",))
    yield Need(RELATION, view.name_at(at))
    end = qualified(view.tokens, at)
    if view.words[0] == "cluster" and view.words[end : end + 1] == ("using",):
        yield Need(INDEX, view.tokens[end + 1].name, view.name_at(at))


def _import(view: View) -> Iterator[Need]:
    at = place(view, "server")
    if at < len(view.words):
        yield Need(SERVER, view.tokens[at].name)


def _do(view: View) -> Iterator[Need]:
    at = place(view, "language")
    if at < len(view.words) and view.tokens[at].kind != STRING:
        yield Need(LANGUAGE, view.tokens[at].name)


def _call(view: View) -> Iterator[Need]:
    """By its name alone: which one of that name is meant, the arguments' types say."""
    yield Need(ROUTINE, view.name_at(1))


def _reindex(view: View) -> Iterator[Need]:
    if view.words[1:2] in (("table",), ("index",)):
        yield Need(RELATION, view.name_at(2))


_BY_WORD: dict[str, Callable[[View], Iterator[Need]]] = {
    "grant": of_grant, "revoke": of_grant, "alter": _alter, "comment": _comment, "create": _create, "drop": _drop, "set": of_set,
    "reassign": of_reassign, "refresh": _refresh, "truncate": _tables, "lock": _tables, "copy": _table, "cluster": _table, "analyze": _table,
    "call": _call, "import": _import, "do": _do, "reindex": _reindex,
}  # fmt: skip
