# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that are not there, or there already, and rights that are missing, before anything runs.

Only what is certain is told. A statement is asked about as long as nothing that is pending before it can have to do with it:
what an earlier statement makes or changes is known by name, and after one whose effects cannot be known (a DO block, a function
of somebody's own, a change of search_path) nothing more is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import DatabaseError
from ...postgres.database import Database
from ...postgres.sqlstates import (
    DUPLICATE_COLUMN,
    INSUFFICIENT_PRIVILEGE,
    INVALID_SCHEMA_NAME,
    SYNTAX_ERROR,
    UNDEFINED_COLUMN,
    UNDEFINED_FUNCTION,
    UNDEFINED_OBJECT,
    UNDEFINED_TABLE,
)
from ..files.script import Script
from ..needs.statement import needs
from ..sql.lexer import Statement
from ..sql.statements import Named, created, dropped, moves_names, qualified, written
from ..sql.tokens import QUOTED, WORD
from .already_there import altered_in_vain, dropped_in_vain, made_again
from .lock_levels import lock_of
from .missing_queries import COLUMN, EXTENSION, FACTS, HEIRS, RELATION, SCHEMA, SCHEMA_THERE, THERE
from .names_in_statements import (
    drops_more,
    end_of_query,
    is_relation,
    last_part,
    made_by_a_query,
    names_of_drop,
    stored_name,
)
from .not_there import not_there
from .problem import Problem

_QUERIES = ("select", "insert", "update", "delete", "with", "values", "merge")
# a syntax error also if a row has more values than columns, or a column is assigned twice
_CERTAIN = (
    SYNTAX_ERROR,
    DUPLICATE_COLUMN,
    UNDEFINED_TABLE,
    UNDEFINED_COLUMN,
    UNDEFINED_FUNCTION,
    UNDEFINED_OBJECT,
    INVALID_SCHEMA_NAME,
)
_HARMLESS = frozenset(
    ("comment", "analyze", "vacuum", "lock", "begin", "start", "commit", "end", "reindex", "explain", "show")
)
_MADE = frozenset(
    ("table", "view", "sequence", "index", "type", "domain", "function", "procedure", "schema", "policy", "trigger")
)
_ALTERED = frozenset(("table", "view", "sequence", "index", "type", "domain", "function", "procedure", "materialized"))
_RIGHTS = ("grant", "revoke")


class Foresight:
    """Looks at one file after the other, in the order in which they will run.

    Args:
        known: Names that a statement may use although the catalog does not have them: of indexes that were left out.
    """

    def __init__(self, database: Database, known: Iterable[str] = ()) -> None:
        facts = database.row(FACTS) or {"watched": True, "triggered": True, "routines": []}
        self._database = database
        self._unsure, self._triggered = bool(facts["watched"]), bool(facts["triggered"])
        self._routines: set[str] = set(facts["routines"])
        self._rights_change = False
        self._vanishing = False  # a pending statement drops more than it names
        self._touched = {name.lower() for name in known}

    def look(self, script: Script) -> list[Problem]:
        """What will fail in this file for certain."""
        problems = []
        settled = True  # as far as the file's own settings go
        for statement in script.statements:
            if self._unsure:
                break
            text = script.text[statement.start : statement.end]
            lowered = text.lower()
            if settled and not any(name in lowered for name in self._touched):
                message = self._ask(statement, text)
                if message:
                    problems.append(Problem(script.file, statement.line, message))
            settled = settled and not moves_names(statement)
            self._note(statement)
        return problems

    def _note(self, statement: Statement) -> None:
        """What the statements after this one may find changed."""
        words = statement.key()
        first, named = words[0], created(statement)
        if drops_more(words):
            self._vanishing = True
        if self._calls_own(statement):
            self._unsure = True
        elif first in _RIGHTS:
            self._rights_change = True
        elif named is not None and named.kind != "extension":
            self._touched.add(last_part(named.name))
            if named.kind == "schema" and (words[2] == "authorization" or "create" in words[2:]):
                self._unsure = True  # its name is the role's, or it makes more than itself
            if named.kind == "routine":
                self._routines.add(last_part(named.name))
        elif first == "create":
            self._note_other(words, statement)
        elif first == "alter" and words[1:2] and words[1] in _ALTERED:
            at = 2 + (words[1] == "materialized")
            while words[at : at + 1] and words[at] in ("if", "exists", "only"):
                at += 1
            self._touched.add(last_part(written(statement.tokens[at : qualified(statement.tokens, at)])))
            if "rename" in words or "schema" in words:
                self._touched.add(statement.tokens[-1].name.lower())
            if words[1] == "table":
                self._note_relatives(words, statement)
            self._rights_change = self._rights_change or "owner" in words
        elif first == "drop":
            self._touched |= {last_part(item.name) for item in dropped(statement)} or names_of_drop(statement)
        elif first in ("insert", "update", "delete", "truncate", "copy", "merge"):
            self._unsure = self._triggered
        elif first in ("select", "with"):
            self._unsure = "into" in words
        elif first not in _HARMLESS and first not in ("set", "reset", "values"):
            self._unsure = True

    def _note_relatives(self, words: tuple[str, ...], statement: Statement) -> None:
        """The tables that inherit from the altered one change along with it, and so does what becomes a partition."""
        if "attach" in words or "detach" in words or "inherit" in words:
            self._touched |= {token.name.lower() for token in statement.tokens if token.name}
        _level, table = lock_of(statement)
        self._touched |= {str(row["name"]) for row in self._database.rows(HEIRS, (table,))} if table else set()

    def _note_other(self, words: tuple[str, ...], statement: Statement) -> None:
        """CREATE TEMP TABLE, CREATE TRIGGER, CREATE ROLE and what else has a name of another kind."""
        kind = next((word for word in words[1:5] if word in _MADE), "")
        if kind == "trigger" and "event" not in words[:2]:
            self._triggered = True
            self._touched.add(statement.tokens[words.index(kind) + 1].name.lower())
        elif kind in ("table", "view", "sequence"):
            at = words.index(kind) + 1
            at += 3 * (words[at : at + 3] == ("if", "not", "exists"))
            self._touched.add(last_part(written(statement.tokens[at : qualified(statement.tokens, at)])))
        elif kind == "policy":
            self._touched.add(statement.tokens[2].name.lower())
        else:
            self._unsure = True

    def _calls_own(self, statement: Statement) -> bool:
        """Whether a function that is not PostgreSQL's own is called: it may do anything."""
        tokens = statement.tokens
        if statement.key()[0] in ("create", "alter", "drop", "comment", "grant", "revoke"):
            return False
        return any(
            token.kind in (WORD, QUOTED) and after.text == "(" and token.name.lower() in self._routines
            for token, after in zip(tokens, tokens[1:])
        )

    def _ask(self, statement: Statement, text: str) -> str:
        """Why the statement will fail; empty if it will not, or if that is not certain."""
        return self._ask_of_kind(statement, text) or not_there(self._database, needs(statement))

    def _ask_of_kind(self, statement: Statement, text: str) -> str:
        words = statement.key()
        if words[0] in _QUERIES:
            return "" if "into" in words and words[0] in ("select", "with") else self._explain(text, True)
        if words[0] == "create":
            return self._ask_create(statement, text, words)
        if words[0] == "drop":
            found = [self._relation(item.name, False, True) for item in dropped(statement) if is_relation(item)]
            return next(filter(None, found), "") or self._unless_vanishing(dropped_in_vain(self._database, statement))
        _level, table = lock_of(statement)
        if not table or words[2:4] == ("if", "exists") or words[0] not in ("alter", "truncate", "lock"):
            return ""
        return (
            self._relation(table, words[:2] == ("alter", "table"), False)
            or self._column_there(statement, table)
            or self._unless_vanishing(altered_in_vain(self._database, statement, table, self._touched))
        )

    def _unless_vanishing(self, problem: str) -> str:
        return "" if self._vanishing else problem

    def _column_there(self, statement: Statement, table: str) -> str:
        """The column that ALTER TABLE ... ADD COLUMN adds once more."""
        words = statement.key()
        at = next((at for at, word in enumerate(words) if word == "add"), len(words))
        if (
            words[:2] != ("alter", "table")
            or words[at + 1 : at + 2] != ("column",)
            or words[at + 2 : at + 3] == ("if",)
        ):
            return ""
        if at + 2 >= len(words) or "drop" in words[:at] or "rename" in words[:at]:
            return ""
        name = statement.tokens[at + 2].name
        return f"the column {name} of {table} already exists" if self._database.value(COLUMN, (table, name)) else ""

    def _there(self, named: Named) -> str:
        """The relation or type that is made once more, where an unqualified name would be made."""
        if named.tolerant or self._vanishing or named.kind not in ("relation", "type"):
            return ""
        prefix, _dot, _last_part = named.name.rpartition(".")
        name = stored_name(named.name)
        there = name and self._database.value(THERE, (prefix or None, name, named.kind))
        return f"{named.name} already exists" if there else ""

    def _ask_create(self, statement: Statement, text: str, words: tuple[str, ...]) -> str:
        named = created(statement)
        if "index" in words[1:3]:
            _level, table = lock_of(statement)
            return self._relation(table, True, False) if table and "if" not in words[2:6] else ""
        if named is None:
            return self._unless_vanishing(made_again(self._database, statement))
        if named.kind == "extension":
            return self._extension(named)
        if named.kind == "schema":
            allowed = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"
            denied = not named.tolerant and not self._rights_change and self._database.value(allowed) is False
            if not (denied or named.tolerant or self._vanishing) and self._database.value(SCHEMA_THERE, (named.name,)):
                return f"the schema {named.name} already exists"
            return "CREATE SCHEMA needs the right CREATE on the database" if denied else ""
        problem = self._schema(named) or self._there(named)
        query = "view" in words[1:5] or ("table" in words[1:4] and made_by_a_query(words))
        if problem or not query or "as" not in words or "recursive" in words[1:5]:
            return problem or self._references(statement, named, words)
        end = end_of_query(words)
        return self._explain(
            text[
                statement.tokens[words.index("as")].end - statement.start : statement.tokens[end - 1].end
                - statement.start
            ],
            False,
        )

    def _references(self, statement: Statement, named: Named, words: tuple[str, ...]) -> str:
        """The tables that a new table's foreign keys refer to."""
        if "table" not in words[1:4]:
            return ""
        for at, word in enumerate(words):
            if word == "references" and statement.tokens[at].kind == WORD:
                table = written(statement.tokens[at + 1 : qualified(statement.tokens, at + 1)])
                problem = (
                    ""
                    if last_part(table) == last_part(named.name) or not table
                    else self._relation(table, False, False)
                )
                if problem:
                    return problem
        return ""

    def _explain(self, query: str, with_rights: bool) -> str:
        """Plan the query, which looks up every name in it, and the rights; nothing of it is run."""
        certain = (*_CERTAIN, INSUFFICIENT_PRIVILEGE) if with_rights and not self._rights_change else _CERTAIN
        try:
            with self._database.transaction("BEGIN READ ONLY"):
                self._database.execute("SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '2s'")
                self._database.execute(f"EXPLAIN {query}")
        except DatabaseError as error:
            return error.message if error.sqlstate in certain else ""
        return ""

    def _relation(self, name: str, own: bool, own_or_schema: bool) -> str:
        row = self._database.row(RELATION, (name,))
        if row is None:
            return f"{name} does not exist"
        if self._rights_change or row["own"] or not (own or own_or_schema) or (own_or_schema and row["own_schema"]):
            return ""
        return f"{name} belongs to another role, and only its owner may do this"

    def _schema(self, named: Named) -> str:
        prefix, dot, _name = named.name.rpartition(".")
        if dot and prefix.count(".") != prefix.count('"."'):
            return ""  # with the database's name, or a dot in a quoted name
        if prefix.lower().strip('"').startswith("pg_temp"):
            return ""  # made when it is first used
        row = self._database.row(SCHEMA, (prefix or None,))
        if row is None or row["name"] is None:
            return "no schema of search_path exists, so that nothing can be created without a schema's name"
        if not row["there"]:
            return f"the schema {row['name']} does not exist"
        if row["allowed"] or self._rights_change:
            return ""
        return f"the role may not create anything in the schema {row['name']}: GRANT CREATE ON SCHEMA {row['name']}"

    def _extension(self, named: Named) -> str:
        name = named.name.strip('"')
        row = self._database.row(EXTENSION, (name,))
        if row is None:
            return f"the extension {name} is not available on this server: install its package first"
        if row["installed"] and not (named.tolerant or self._vanishing):
            return f"the extension {name} already exists"
        denied = row["needs_superuser"] and not row["super"] and not row["installed"]
        return f"only a superuser may create the extension {name}" if denied else ""
