# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What statements that have not run yet may change, as far as others behind them are concerned: known by name, or not at all."""

from __future__ import annotations

from collections.abc import Iterable

from ...postgres.database import Database
from ..sql.lexer import Statement
from ..sql.statements import created, dropped, qualified, written
from ..sql.tokens import QUOTED, WORD
from .lock_levels import lock_of
from .missing_queries import FACTS, HEIRS
from .names_in_statements import drops_more, last_part, names_of_drop

_HARMLESS = frozenset(
    ("comment", "analyze", "vacuum", "lock", "begin", "start", "commit", "end", "reindex", "explain", "show")
)
_MADE = frozenset(
    ("table", "view", "sequence", "index", "type", "domain", "function", "procedure", "schema", "policy", "trigger")
)
_ALTERED = frozenset(("table", "view", "sequence", "index", "type", "domain", "function", "procedure", "materialized"))
_RIGHTS = ("grant", "revoke")
# What no event trigger is told of: rows, settings, and what belongs to the whole server.
_UNWATCHED = frozenset((
    "select", "insert", "update", "delete", "merge", "values", "with", "set", "reset", "show", "copy", "lock", "truncate", "analyze", "vacuum",
    "explain", "begin", "start", "commit", "end", "rollback", "savepoint", "release", "do", "call",
))  # fmt: skip
_OF_THE_SERVER = frozenset(("role", "user", "group", "database", "tablespace", "event"))


class Changes:
    """What is known of the statements before the one at hand.

    Args:
        known: Names that a statement may use although the catalog does not have them.

    Attributes:
        unsure: Anything may be changed.
        watched: Event triggers run behind what is made, and may do anything.
        rights_change: Rights or owners may be others.
        vanishing: More may be dropped than is named.
        touched: Names of what is made, changed or dropped, in lower case.
        indexed: Tables that get a unique index, in lower case.
    """

    def __init__(self, database: Database, known: Iterable[str]) -> None:
        facts = database.row(FACTS) or {"watched": True, "before": True, "triggered": True, "routines": []}
        self._database = database
        self.watched, self._before, self._triggered = (bool(facts[name]) for name in ("watched", "before", "triggered"))
        self._routines: set[str] = set(facts["routines"])
        self.unsure = self.rights_change = self.vanishing = False
        self.touched = {name.lower() for name in known}
        self.indexed: set[str] = set()

    def may_change(self, statement: Statement) -> bool:
        """Whether what the statement finds may be anything: an event trigger runs before it."""
        return self.unsure or (self._before and _is_watched(statement.key()))

    def names(self, lowered: str) -> bool:
        """Whether the text, in lower case, has one of the names in it."""
        return any(name in lowered for name in self.touched)

    def note(self, statement: Statement) -> None:
        """What the statements after this one may find changed."""
        words = statement.key()
        first, named = words[0], created(statement)
        if self.watched and _is_watched(words):
            self.unsure = True
        if drops_more(words):
            self.vanishing = True
        if self._calls_own(statement):
            self.unsure = True
        elif first in _RIGHTS:
            self.rights_change = True
        elif named is not None and named.kind != "extension":
            self.touched.add(last_part(named.name))
            if named.kind == "schema" and (words[2] == "authorization" or "create" in words[2:]):
                self.unsure = True  # its name is the role's, or it makes more than itself
            if words[1] == "unique":
                self.indexed.add(last_part(lock_of(statement)[1]))
            if named.kind == "routine":
                self._routines.add(last_part(named.name))
        elif first == "create":
            self._note_other(words, statement)
        elif first == "alter" and words[1:2] and words[1] in _ALTERED:
            at = 2 + (words[1] == "materialized")
            while words[at : at + 1] and words[at] in ("if", "exists", "only"):
                at += 1
            self.touched.add(last_part(written(statement.tokens[at : qualified(statement.tokens, at)])))
            if "rename" in words or "schema" in words:
                self.touched.add(statement.tokens[-1].name.lower())
            if words[1] == "table":
                self._note_relatives(words, statement)
            self.rights_change = self.rights_change or "owner" in words
        elif first == "drop":
            self.touched |= {last_part(item.name) for item in dropped(statement)} or names_of_drop(statement)
        elif first in ("insert", "update", "delete", "truncate", "copy", "merge"):
            self.unsure = self._triggered
        elif first in ("select", "with"):
            self.unsure = "into" in words
        elif first not in _HARMLESS and first not in ("set", "reset", "values"):
            self.unsure = True

    def _note_relatives(self, words: tuple[str, ...], statement: Statement) -> None:
        """The tables that inherit from the altered one change along with it, and so does what becomes a partition."""
        if "attach" in words or "detach" in words or "inherit" in words:
            self.touched |= {token.name.lower() for token in statement.tokens if token.name}
        _level, table = lock_of(statement)
        self.touched |= {str(row["name"]) for row in self._database.rows(HEIRS, (table,))} if table else set()

    def _note_other(self, words: tuple[str, ...], statement: Statement) -> None:
        """CREATE TEMP TABLE, CREATE TRIGGER, CREATE ROLE and what else has a name of another kind."""
        kind = next((word for word in words[1:5] if word in _MADE), "")
        if kind == "trigger" and "event" not in words[:2]:
            self._triggered = True
            self.touched.add(statement.tokens[words.index(kind) + 1].name.lower())
        elif kind in ("table", "view", "sequence"):
            at = words.index(kind) + 1
            at += 3 * (words[at : at + 3] == ("if", "not", "exists"))
            self.touched.add(last_part(written(statement.tokens[at : qualified(statement.tokens, at)])))
        elif kind == "policy":
            self.touched.add(statement.tokens[2].name.lower())
        else:
            self.unsure = True

    def _calls_own(self, statement: Statement) -> bool:
        """Whether a function that is not PostgreSQL's own is called: it may do anything."""
        tokens = statement.tokens
        if statement.key()[0] in ("create", "alter", "drop", "comment", "grant", "revoke"):
            return False
        return any(
            token.kind in (WORD, QUOTED) and after.text == "(" and token.name.lower() in self._routines
            for token, after in zip(tokens, tokens[1:])
        )


def _is_watched(words: tuple[str, ...]) -> bool:
    """Whether event triggers are told of the statement."""
    return words[0] not in _UNWATCHED and not _OF_THE_SERVER.intersection(words[1:2])
