# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Candidates built on the copy, as far as room and time allow, or asked of HypoPG first; those that no plan uses go again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from ..backups.copy.copy import Copy
from ..backups.programs.pipeline import Deadline
from ..errors import DatabaseError
from ..postgres.database import Database, connect, sql
from ..postgres.disk import data_directory, free_bytes
from ..steps import step
from ..text.sizes import shown_bytes
from .candidates import Candidate
from .clauses import BTREE, TRIGRAM
from .indexes import Index, read_indexes
from .missing import explained, read_only, text_of
from .plans import indexes_in
from .samples import Prepared

MOST_CANDIDATES = 40  # that are built in one run
_LONGEST = 3600.0  # seconds that one build may take, where the run has no limit
_SHARE = 0.5  # of the free room that one index may take
_NAME_BYTES = 63


class Built(NamedTuple):
    """Indexes that some plan uses.

    Attributes:
        indexes: As the catalog has them.
        rejected: (candidate as text, why) of the others.
    """

    indexes: tuple[Index, ...]
    rejected: tuple[tuple[str, str], ...]


def build_candidates(
    copy: Copy, database: Database, prepared: Sequence[Prepared], candidates: Sequence[Candidate], deadline: Deadline,
    say: Callable[[str], None],
) -> Built:  # fmt: skip
    """Build the candidates, and drop those that no plan uses.

    Args:
        copy: Where.
        database: The session that has prepared the queries, as a role that owns the tables.
        prepared: The queries.
        candidates: What might serve, the most likely first.
        deadline: When all must be done.
        say: Takes progress lines.
    """
    rejected = [
        (text_of(each), f"it is not among the first {MOST_CANDIDATES}") for each in candidates[MOST_CANDIDATES:]
    ]
    wanted = list(candidates[:MOST_CANDIDATES])
    with _hypothetical(copy, database) as make:
        if make:
            say(f"Asking the planner about {len(wanted)} indexes, by HypoPG ...")
            likely = _used_hypothetically(database, prepared, wanted, make)
            likely |= {each for each in wanted if each.special and each.special.using != BTREE}  # it knows no GIN
            rejected += [
                (text_of(each), "no plan would use it, according to HypoPG") for each in wanted if each not in likely
            ]
            wanted = [each for each in wanted if each in likely]
    say(f"Building {len(wanted)} indexes ...")
    names: dict[int, Candidate] = {}
    with connect(copy.superuser, "measure") as server:
        folder = data_directory(server)
    for each in wanted:
        try:
            names[_build(database, each, folder, deadline)] = each
        except _NotBuiltError as error:
            rejected.append((text_of(each), str(error)))
    used = set().union(*_plans(database, prepared), frozenset())
    found = []
    for index in read_indexes(database):
        candidate = names.get(index.oid)
        if candidate and index.plain_name in used:
            found.append(index)
        elif candidate:
            drop(database, index)
            rejected.append((text_of(candidate), "no plan uses it"))
    return Built(tuple(found), tuple(rejected))


def drop(database: Database, index: Index) -> None:
    """Take a candidate away again."""
    database.execute(sql.SQL("DROP INDEX {}").format(index.identifier))


def _plans(database: Database, prepared: Sequence[Prepared]) -> Iterator[set[str]]:
    """The names of the indexes in each plan."""
    for each in prepared:
        for statement in each.statements:
            try:
                with read_only(database):
                    yield indexes_in(explained(database, statement))
            except DatabaseError as error:
                if error.lost:
                    raise


class _NotBuiltError(Exception):
    """The text says why, for people."""


_ROOM = """
SELECT (greatest(c.reltuples, 0) * (24 + (SELECT coalesce(sum(coalesce(s.avg_width, 32)), 0) FROM unnest(%s::text[]) AS k (name)
          LEFT JOIN pg_stats s ON s.schemaname = %s AND s.tablename = %s AND s.attname = k.name AND NOT s.inherited)))::bigint
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s
"""


def _build(database: Database, candidate: Candidate, folder: str, deadline: Deadline) -> int:
    """Build it; its oid."""
    step("measure.candidate")
    deadline.left()
    table = tuple(candidate.table)
    size = int(database.value(_ROOM, ([key.column for key in candidate.keys], *table, *table)) or 0)
    free = free_bytes(folder)
    if free is not None and size > free * _SHARE:
        raise _NotBuiltError(f"it may need {shown_bytes(size)}, and the copy's disk has {shown_bytes(free)}")
    left = deadline.left()
    limit = min(_LONGEST, left / 4) if left else _LONGEST
    name = _free_name(database, candidate)
    of_trigrams = candidate.special is not None and candidate.special.using == TRIGRAM
    trigrams = database.extension_schema("pg_trgm") if of_trigrams else ""
    database.execute("BEGIN")
    try:
        database.execute(f"SET LOCAL statement_timeout = {int(limit * 1000) or 1}")
        database.execute(_statement(candidate, name, trigrams))
        database.execute("COMMIT")
    except DatabaseError as error:
        if error.lost:
            raise
        database.execute("ROLLBACK")
        raise _NotBuiltError(f"it cannot be built: {error.message}") from error
    return int(
        database.value("SELECT to_regclass(%s)::oid::bigint", (database.as_text(sql.Identifier(table[0], name)),))
    )


def _statement(candidate: Candidate, name: str | None, trigrams: str = "") -> Any:
    if candidate.special:
        operators = sql.SQL(" {}").format(sql.Identifier(trigrams, TRIGRAM)) if trigrams else sql.SQL("")
        return sql.SQL("CREATE INDEX {}ON {} USING {} (({}){})").format(
            sql.SQL("{} ").format(sql.Identifier(name)) if name else sql.SQL(""),
            sql.Identifier(*candidate.table),
            sql.SQL("btree" if candidate.special.using == BTREE else "gin"),
            sql.SQL(candidate.special.expression),
            operators,
        )
    keys = [sql.SQL(f"{{}} {key.order}".strip()).format(sql.Identifier(key.column)) for key in candidate.keys]
    conditions = [sql.SQL(each.form).format(sql.Identifier(each.column)) for each in candidate.conditions]
    return sql.SQL("CREATE INDEX {}ON {} ({}){}").format(
        sql.SQL("{} ").format(sql.Identifier(name)) if name else sql.SQL(""),
        sql.Identifier(*candidate.table),
        sql.SQL(", ").join(keys),
        sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(conditions)) if conditions else sql.SQL(""),
    )


def _free_name(database: Database, candidate: Candidate) -> str:
    """A name that the schema does not have: idx_TABLE_COLUMNS."""
    words = [candidate.table.name, *(key.column for key in candidate.keys)]
    if candidate.special:
        words += [candidate.special.expression, "" if candidate.special.using == BTREE else "gin"]
    if candidate.conditions:
        words += ["where", *(each.column for each in candidate.conditions)]
    whole = "idx_" + "_".join(re.sub(r"[^0-9a-z_]+", "_", word.lower()).strip("_") or "x" for word in words if word)
    number = 1
    while True:
        end = f"_{number}" if number > 1 else ""
        name = whole[: _NAME_BYTES - len(end)] + end
        taken = (
            "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s)"
        )
        if not database.value(taken, (candidate.table.schema, name)):
            return name
        number += 1


_EXTENSION = "titan_hypopg"  # the schema that HypoPG gets


@contextmanager
def _hypothetical(copy: Copy, database: Database) -> Iterator[Callable[[Candidate], str] | None]:
    """What makes a hypothetical index and returns its name; None where the copy's server does not have HypoPG."""
    if not database.value("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hypopg')"):
        yield None
        return
    schema = sql.Identifier(_EXTENSION)
    try:
        with connect(copy.superuser, "measure") as server:
            server.execute("DROP EXTENSION IF EXISTS hypopg")
            server.execute(sql.SQL("CREATE SCHEMA {0}; GRANT USAGE ON SCHEMA {0} TO PUBLIC").format(schema))
            server.execute(sql.SQL("CREATE EXTENSION hypopg SCHEMA {}").format(schema))
    except DatabaseError:
        yield None  # the package is there and of no use: the candidates are built
        return

    def make(candidate: Candidate) -> str:
        text = database.as_text(_statement(candidate, None))
        query = sql.SQL("SELECT indexname::text FROM {}.hypopg_create_index({})").format(schema, sql.Literal(text))
        return str(database.value(query))

    try:
        yield make
    finally:
        if not database.closed:
            with suppress(DatabaseError):
                database.execute(sql.SQL("SELECT {}.hypopg_reset()").format(schema))


def _used_hypothetically(
    database: Database, prepared: Sequence[Prepared], candidates: Sequence[Candidate], make: Callable[[Candidate], str]
) -> set[Candidate]:
    """Those that a plan would use."""
    names: dict[str, Candidate] = {}
    for each in candidates:
        with suppress(DatabaseError):  # a type without an order
            names[make(each)] = each
    used: Mapping[str, Candidate] = names
    return {used[name] for found in _plans(database, prepared) for name in found if name in used}
