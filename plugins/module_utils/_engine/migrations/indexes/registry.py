# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The skipped indexes of one run: looked up before each file, checked after it, built when they are needed after all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database
from ...postgres.sqlstates import UNDEFINED_OBJECT, UNDEFINED_TABLE
from ...steps import step
from ..history.read import full_version
from ..session.session import RETRIED, Session
from ..sql.lexer import Statement
from ..sql.statements import created, dropped, index_declaration, names_in
from . import skipped, standing
from .catalog import drop_statement
from .skipped import Key, SkippedIndex
from .standing import State

# Statements that may call a function, and the functions that drop an index by a name that may be made up when they run, or call
# one that does, as far as their source tells.
_CALLS = ("do", "select", "call", "with", "insert", "update", "delete", "values", "table")
_DROPPERS = """
WITH RECURSIVE own AS (
  SELECT p.proname::text AS name, p.prosrc AS source FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
), droppers AS (
  SELECT name FROM own WHERE source ~* '\\mdrop\\M' AND source ~* '\\mindex\\M'
  UNION
  SELECT own.name FROM own JOIN droppers d ON pg_catalog.strpos(own.source, d.name) > 0
)
SELECT name FROM droppers
"""


class Kept(NamedTuple):
    """The promises at one moment: those that hold, and those that the database has a record of."""

    items: dict[Key, SkippedIndex]
    saved: dict[Key, SkippedIndex]


class SkippedIndexes:
    """Those of a database as they stand in this run: by schema and name."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.items: dict[Key, SkippedIndex] = {}
        self._saved: dict[Key, SkippedIndex] = {}

    @property
    def database(self) -> Database:
        return self.session.database

    def look(self) -> list[dict[str, str]]:
        """Read them; return those whose duplicates are gone, and would be built."""
        self.items = {item.key: item for item in skipped.read(self.database)}
        state = standing.state_of(self.database, list(self.items.values()))
        self._take(state)
        return [_restored(item) for item in state.lost.values()]

    def open(self) -> list[dict[str, str]]:
        """Read them; build those whose duplicates are gone since the last run, and return these.

        Raises:
            TitanError: one of them cannot be built; names it and its duplicate.
        """
        self.items = {item.key: item for item in skipped.read(self.database)}
        self._saved = dict(self.items)
        if not self.items:
            return []
        state = standing.state_of(self.database, list(self.items.values()))
        for item in state.leftovers:
            self._drop_invalid(item)
        self._take(state)
        lost = list(state.lost.values())
        for item in lost:
            self.build_now(item)
        self.save()
        if lost or state.leftovers:
            self.session.reset_session()
        return [_restored(item) for item in lost]

    def copy(self) -> Kept:
        """What restore takes, after a transaction was rolled back."""
        return Kept(dict(self.items), dict(self._saved))

    def restore(self, kept: Kept) -> None:
        self.items, self._saved = dict(kept.items), dict(kept.saved)

    def mentioned(self, statements: Sequence[Statement], text: str) -> set[Key]:
        """Those that have to be there before these statements run, since one of them names the index or its duplicate, or
        reaches indexes that it does not name.
        """
        found: set[Key] = set()
        droppers = self._droppers(statements) if self.items else set()
        for statement in statements if self.items else ():
            declaration = index_declaration(statement, text)
            names = names_in(statement)
            dynamic = _reaches_unnamed(statement, droppers)
            for key, item in self.items.items():
                own = key[1] in names and not (declaration and declaration.name == key[1])
                if dynamic or item.duplicate_of in names or (own and not self.discharges(statement)):
                    found.add(key)
        return found

    def may_be_reached(self, statements: Sequence[Statement], after: Statement) -> bool:
        """Whether a later one of these statements reaches indexes that it does not name."""
        droppers = self._droppers(statements)
        return any(_reaches_unnamed(item, droppers) for item in statements if item.start > after.start)

    def _droppers(self, statements: Sequence[Statement]) -> set[str]:
        """The functions that drop indexes, as far as their source tells: those of the database, and of these statements."""
        if not any(statement.key()[0] in _CALLS for statement in statements):
            return set()
        own = {
            created(statement).name.rsplit(".", 1)[-1].strip('"').lower()  # type: ignore[union-attr]
            for statement in statements
            if created(statement) is not None and {"drop", "index"} <= {name.lower() for name in names_in(statement)}
        }
        return own | {row["name"] for row in self.database.rows(_DROPPERS)}

    def discharges(self, statement: Statement) -> list[Key]:
        """The skipped indexes that a DROP INDEX of nothing else names; empty for any other statement."""
        if statement.key()[:2] != ("drop", "index"):
            return []
        keys = [self._key_of(named.name) for named in dropped(statement)]
        return [key for key in keys if key] if all(keys) else []

    def discharge(self, statement: Statement) -> bool:
        """Take out those that the DROP INDEX names, if none of the names is another relation's by now; False if it has to run."""
        keys = self.discharges(statement)
        path = self.database.value("SELECT pg_catalog.current_schemas(false)::text[]") if keys else []
        for key, named in zip(keys, dropped(statement)):
            if key[0] not in path and len(_parts(named.name)) == 1:
                return False
            if self.database.value("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", (named.name,)):
                return False
        for key in keys:
            self.items.pop(key, None)
        return bool(keys)

    def _key_of(self, written: str) -> Key | None:
        *schema, name = (part if quoted else part.lower() for part, quoted in _parts(written))
        return next((key for key in self.items if key[1] == name and schema in ([], [key[0]])), None)

    def named_in(self, error: DatabaseError) -> set[Key]:
        """Those that an error misses, by its SQLSTATE and message."""
        if error.sqlstate not in (UNDEFINED_OBJECT, UNDEFINED_TABLE):
            return set()
        return {key for key in self.items if f'"{key[1]}"' in error.primary or f'.{key[1]}"' in error.primary}

    def check(self) -> set[Key]:
        """Look at all of them; return those whose duplicates do not stand for them any more, or nothing and know the others
        by their names of now.
        """
        if not self.items:
            return set()
        state = standing.state_of(self.database, list(self.items.values()), same_tables=True)
        missing = {*state.lost, *state.taken}
        if not missing:
            self._take(state)
        return missing

    def _take(self, state: State) -> None:
        self.items = {item.key: item for item in (*state.kept.values(), *state.lost.values())}

    def agrees(self, key: Key, oid: int) -> bool:
        """Whether the index ``oid`` can stand for the one that was left out under this name, if there is such a one."""
        return key not in self.items or standing.says_the_same(self.database, oid, self.items[key])

    def add(self, oid: int, schema: str, name: str, version: str) -> None:
        """The index is left out; the index ``oid`` stands for it."""
        full = full_version(self.session.rules.history, version)
        item = standing.standing_for(self.database, oid, schema, name, full)
        if item is not None:
            self.items[item.key] = item

    def save(self) -> None:
        """Write what has changed, as part of the transaction that is open."""
        gone = [key for key in self._saved if key not in self.items]
        changed = [item for key, item in self.items.items() if self._saved.get(key) != item]
        if gone or changed:
            step("migration.skipped_indexes")
            skipped.save(self.database, gone, changed)
            self._saved = dict(self.items)

    def build_inside(self, keys: Iterable[Key]) -> list[str]:
        """Build these as part of the open transaction; return sentences for people.

        Raises:
            TitanError: as build_now.
        """
        built = []
        for key in sorted(key for key in keys if key in self.items):
            step("migration.build_skipped")
            item = self.items.pop(key)
            try:
                self.session.watched(partial(standing.build, self.database, item, False))
            except DatabaseError as error:
                if error.lost or error.sqlstate in RETRIED:
                    raise
                raise _unbuilt(item, error) from error
            built.append(built_note(item))
        return built

    def build_now(self, item: SkippedIndex) -> None:
        """Build this one by itself, without blocking writers; it is skipped no more.

        Raises:
            TitanError: it cannot be built; names it and its duplicate.
        """
        session, rules = self.session, self.session.rules
        session.say(f"building the index {item.name}, which {item.duplicate_of} stood for")

        def once() -> None:
            self.database.execute(f"SET lock_timeout = {int(rules.concurrent_lock_timeout)}")
            session.watched(lambda: standing.build(self.database, item, concurrently=True))

        step("migration.build_skipped")
        try:
            session.retry(once, f"index {item.name}", 2)
        except DatabaseError as error:
            if not self.database.closed:
                self._drop_invalid(item)
            raise _unbuilt(item, error) from error
        step("migration.built_skipped")
        self.items.pop(item.key, None)
        self.save()

    def _drop_invalid(self, item: SkippedIndex) -> None:
        invalid = standing.state_of(self.database, [item]).leftovers
        for found in invalid:
            self.database.execute(f"SET lock_timeout = {int(self.session.rules.concurrent_lock_timeout)}")
            self.session.run(drop_statement(self.database, found.schema, found.name))


def _restored(item: SkippedIndex) -> dict[str, str]:
    return {
        "index": item.name, "schema": item.schema, "table": item.table_name, "duplicate_of": item.duplicate_of,
        "version": item.version, "definition": item.definition,
    }  # fmt: skip


def _reaches_unnamed(statement: Statement, droppers: set[str]) -> bool:
    """Whether it drops by names that are made up only when it runs, or moves all indexes of a table or tablespace."""
    names, words = names_in(statement), statement.key()
    if words[0] == "do" and {"execute", "drop"} <= {name.lower() for name in names}:
        return True
    if words[:3] == ("alter", "index", "all") or (words[:2] == ("reindex", "(") and "tablespace" in words):
        return True
    return words[0] in _CALLS and bool(names & droppers)


def built_note(item: SkippedIndex) -> str:
    """Says why an index that was left out is there now."""
    return (
        f"The index {item.name!r} on {item.schema}.{item.table_name} was left out by migration {item.version} as a duplicate of "
        f"{item.duplicate_of!r}; it is needed now and was built."
    )


def _parts(written: str) -> list[tuple[str, bool]]:
    """The parts of a qualified name and whether each is quoted."""
    parts: list[tuple[str, bool]] = []
    rest = written
    while rest:
        if rest.startswith('"'):
            end = 1
            while rest[end : end + 1] != '"' or rest[end : end + 2] == '""':
                end += 2 if rest[end : end + 2] == '""' else 1
            parts.append((rest[1:end].replace('""', '"'), True))
            rest = rest[end + 1 :].removeprefix(".")
        else:
            part, _dot, rest = rest.partition(".")
            parts.append((part, False))
    return parts


def _unbuilt(item: SkippedIndex, error: DatabaseError) -> TitanError:
    details = {key: value for key, value in error.details.items() if key != "position"}
    return TitanError(
        f"The index {item.name!r} on {item.schema}.{item.table_name} was left out by migration {item.version} as a duplicate of "
        f"{item.duplicate_of!r}, which is gone or has changed, and it cannot be built: {error.message}. Build it by hand "
        f"({item.definition}), or, if it is no longer needed, delete its row of titan_ops.skipped_index.",
        **{**details, "index": item.name, "duplicate_of": item.duplicate_of},
    )
