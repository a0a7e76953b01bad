# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that are not there, or there already, and rights that are missing, before anything runs.

Only what is certain is told. A statement is asked about as long as nothing that is pending before it can have to do with it:
what an earlier statement makes or changes is known by name, and after one whose effects cannot be known (a DO block, a function
of somebody's own, a change of search_path) nothing more is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ...errors import DatabaseError
from ...postgres.database import Database
from ...postgres.sqlstates import (
    DUPLICATE_COLUMN,
    INSUFFICIENT_PRIVILEGE,
    INVALID_COLUMN_REFERENCE,
    INVALID_SCHEMA_NAME,
    SYNTAX_ERROR,
    UNDEFINED_COLUMN,
    UNDEFINED_FUNCTION,
    UNDEFINED_OBJECT,
    UNDEFINED_TABLE,
)
from ..files.script import Script
from ..needs.expressions import planned_expressions
from ..needs.statement import needs
from ..sql.lexer import Statement
from ..sql.statements import Named, created, dropped, qualified, written
from ..sql.tokens import WORD
from .already_there import altered_in_vain, dropped_in_vain, made_again
from .changes import Changes
from .lock_levels import lock_of
from .missing_queries import COLUMN, EXTENSION, RELATION, SCHEMA, SCHEMA_THERE, THERE
from .names_in_statements import (
    end_of_query,
    is_relation,
    last_part,
    made_by_a_query,
    stored_name,
)
from .not_there import not_there
from .problem import Problem
from .search_path import followed_path

_UNAVAILABLE = "the extension {} is not available on this server: install its package first"
_QUERIES = ("select", "insert", "update", "delete", "with", "values", "merge")
# A syntax error also if a row has more values than columns, or a column is assigned twice; an invalid column reference if ON CONFLICT
# means no constraint.
_CERTAIN = (
    SYNTAX_ERROR,
    DUPLICATE_COLUMN,
    UNDEFINED_TABLE,
    UNDEFINED_COLUMN,
    UNDEFINED_FUNCTION,
    UNDEFINED_OBJECT,
    INVALID_SCHEMA_NAME,
    INVALID_COLUMN_REFERENCE,
)


class Foresight:
    """Looks at one file after the other, in the order in which they will run.

    Args:
        known: Names that a statement may use although the catalog does not have them: of indexes that were left out.
    """

    def __init__(self, database: Database, known: Iterable[str] = ()) -> None:
        self._database = database
        self._changes = Changes(database, known)

    def look(self, script: Script) -> list[Problem]:
        """What will fail in this file for certain."""
        problems = []
        with followed_path(self._database) as path:
            for statement in script.statements:
                if self._changes.unsure:
                    problems += self._whatever_came_before(statement, script)
                    continue
                text = script.text[statement.start : statement.end]
                asked = path.known and not self._changes.may_change(statement)
                if asked and not self._changes.names(text.lower()):
                    message = self._ask(statement, text, script)
                    if message:
                        problems.append(Problem(script.file, statement.line, message))
                path.follow(statement, script, self._changes.touched)
                self._changes.note(statement)
        return problems

    def _whatever_came_before(self, statement: Statement, script: Script) -> list[Problem]:
        """What no statement before it can mend: the extension's files are not on the server."""
        named = created(statement) if statement.key()[:2] == ("create", "extension") else None
        if named is None:
            return []
        name, there = named.name.strip('"'), "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = %s)"
        if named.tolerant and self._database.value(there, (name,)):
            return []
        if self._database.row(EXTENSION, (name,)) is not None:
            return []
        return [Problem(script.file, statement.line, _UNAVAILABLE.format(name))]

    def _ask(self, statement: Statement, text: str, script: Script) -> str:
        """Why the statement will fail; empty if it will not, or if that is not certain."""
        return (
            self._ask_of_kind(statement, text)
            or not_there(self._database, needs(statement))
            or self._expressions(statement, script)
        )

    def _expressions(self, statement: Statement, script: Script) -> str:
        """The column that a CHECK or a generated column names in vain."""
        named = created(statement)
        if named is not None and named.tolerant and self._database.row(RELATION, (named.name,)):
            return ""  # IF NOT EXISTS makes nothing
        found = (self._planned(query, (UNDEFINED_COLUMN,)) for query in planned_expressions(statement, script.text))
        return next(filter(None, found), "")

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
            or self._unless_vanishing(altered_in_vain(self._database, statement, table, self._changes.touched))
        )

    def _unless_vanishing(self, problem: str) -> str:
        return "" if self._changes.vanishing else problem

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
        if named.tolerant or self._changes.vanishing or named.kind not in ("relation", "type"):
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
            denied = not named.tolerant and not self._changes.rights_change and self._database.value(allowed) is False
            if not (denied or named.tolerant or self._changes.vanishing) and self._database.value(
                SCHEMA_THERE, (named.name,)
            ):
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
        """Plan the query, which looks up every name in it, and the rights."""
        certain = set(_CERTAIN)
        if with_rights and not self._changes.rights_change:
            certain.add(INSUFFICIENT_PRIVILEGE)
        if any(table in query.lower() for table in self._changes.indexed):
            certain.discard(INVALID_COLUMN_REFERENCE)
        return self._planned(query, certain)

    def _planned(self, query: str, certain: Collection[str]) -> str:
        """What the server says of the query, if it says it with one of these SQLSTATEs; nothing of it is run."""
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
        if (
            self._changes.rights_change
            or row["own"]
            or not (own or own_or_schema)
            or (own_or_schema and row["own_schema"])
        ):
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
        if row["allowed"] or self._changes.rights_change:
            return ""
        return f"the role may not create anything in the schema {row['name']}: GRANT CREATE ON SCHEMA {row['name']}"

    def _extension(self, named: Named) -> str:
        name = named.name.strip('"')
        row = self._database.row(EXTENSION, (name,))
        if row is None:
            return _UNAVAILABLE.format(name)
        if row["installed"] and not (named.tolerant or self._changes.vanishing):
            return f"the extension {name} already exists"
        denied = row["needs_superuser"] and not row["super"] and not row["installed"]
        return f"only a superuser may create the extension {name}" if denied else ""
