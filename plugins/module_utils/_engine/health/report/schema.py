# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page says of the database beyond its tables: policies, indexes, migrations. Each part may be unknown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Callable, TypeVar

from ...errors import DatabaseError, TitanError
from ...migrations.history.read import has_history_column, history_table
from ...postgres.database import Database, sql
from ...postgres.stand_ins import must_not_plan
from ...reindex.duplicates import find_redundant
from ...reindex.indexes import measure, read_indexes, read_shapes, statistics_since
from ...reindex.options import REINDEX
from ...retention.plan.due_now import due_now
from ...retention.policies.policy import Policy
from ...retention.policies.store import read_policies

MOST = 100  # rows of any part
_Part = TypeVar("_Part")
_SUPERUSER = "a superuser would run functions of the table's owner; connect as a role that is none"
_NO_BLOAT: tuple[list[BloatFacts], int] = ([], 0)
_TWINS = {"exact": "is the same as", "prefix": "is the beginning of", "unique_duplicate": "is the same as the unique"}
_NOT_KNOWN: tuple[str | None, bool] = (None, False)
# Indexes below the size are left alone, as titan-db reindex does; beyond the number and the time none is measured.
_SMALLEST, _LARGEST, _SECONDS = 1 << 20, 30, 10.0
_WORTH = float(REINDEX["min_reclaimable"].default)

_ATTEMPTS = """
SELECT {history} AS history, version::text, name::text, action::text, outcome::text, milliseconds::bigint AS milliseconds,
       extract(epoch FROM started)::float8 AS started FROM {source} AS h ORDER BY id DESC LIMIT 100
"""
_TIMES = """
SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND attname = %s
   AND NOT attisdropped AND atttypid::regtype::text IN ('timestamp with time zone', 'timestamp without time zone', 'date')
"""


@dataclass(frozen=True)
class PolicyFacts:
    """A stored policy, and the oldest time in its table's column ("" for an empty table), or why that is unknown.

    due: The rows that a clean-up would take now; None where that is unknown, and why.
    """

    policy: Policy
    oldest: str
    unknown: str = ""
    due: int | None = None
    due_unknown: str = ""


@dataclass(frozen=True)
class IndexFacts:
    """An index: its name with its schema, why it may go ("" where nothing says so), and the statement that removes it."""

    name: str
    table: str
    bytes: int
    scans: int
    reason: str = ""
    statement: str = ""


@dataclass(frozen=True)
class BloatFacts:
    """An index of which a rebuild gives a share back: bytes now, those that it gives back, and how that is known."""

    name: str
    table: str
    bytes: int
    free: int
    share: float
    source: str


@dataclass(frozen=True)
class Attempt:
    """One attempt at a migration; started in seconds since 1970."""

    history: str
    version: str
    name: str
    action: str
    outcome: str
    milliseconds: int | None
    started: float


@dataclass(frozen=True)
class SchemaFacts:
    """What was read; unknown holds why a part was not, by its name (policies, indexes, migrations).

    Attributes:
        policies, indexes, attempts: At most so many of each; the largest indexes, the newest attempts.
        index_count: All of them.
        scans_since: Since when index scans are counted; "" where the server does not know.
        scans_judged: Whether that is long enough to call an index unused.
        bloated: Of the largest indexes, those that titan-db reindex would rebuild; measured: how many were looked at.
    """

    policies: tuple[PolicyFacts, ...] = ()
    indexes: tuple[IndexFacts, ...] = ()
    index_count: int = 0
    scans_since: str = ""
    scans_judged: bool = False
    attempts: tuple[Attempt, ...] = ()
    bloated: tuple[BloatFacts, ...] = ()
    measured: int = 0
    unknown: Mapping[str, str] | None = None


def read_schema(database: Database, days: int) -> SchemaFacts:
    """Read all parts, each for at most a few seconds; days: how old the statistics have to be for a judgment."""
    unknown: dict[str, str] = {}

    def part(name: str, read: Callable[[], _Part], without: _Part) -> _Part:
        try:
            return read()
        except DatabaseError as error:
            unknown[name] = error.message
            return without

    database.execute(
        "SET statement_timeout = '5s'; SET lock_timeout = '1s'; SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC'"
    )
    policies = part(
        "policies",
        lambda: [_with_due(database, _policy(database, each)) for each in read_policies(database)[:MOST]],
        list[PolicyFacts](),
    )
    since, judged = part("indexes", lambda: statistics_since(database, days), _NOT_KNOWN)
    indexes = part("indexes", lambda: _indexes(database, judged, days), list[IndexFacts]())
    attempts = part("migrations", lambda: _attempts(database), list[Attempt]())
    bloated, measured = part("bloat", lambda: _bloat(database), _NO_BLOAT)
    return SchemaFacts(
        tuple(policies), tuple(indexes[:MOST]), len(indexes), since or "", judged, tuple(attempts), tuple(bloated), measured, unknown
    )  # fmt: skip


def _policy(database: Database, policy: Policy) -> PolicyFacts:
    """The oldest time by the column's index; where there is none the time limit of a statement ends the search."""
    try:
        if not database.value(_TIMES, (policy.schema, policy.table, policy.column)):
            return PolicyFacts(policy, "", "the column holds no times")
        if must_not_plan(database):
            return PolicyFacts(policy, "", _SUPERUSER)
        column = sql.Identifier(policy.column)
        query = sql.SQL("SELECT {c}::text FROM {t} WHERE {c} > '1970-01-02' ORDER BY {c} LIMIT 1")
        oldest = database.value(query.format(c=column, t=sql.Identifier(policy.schema, policy.table)))
        return PolicyFacts(policy, str(oldest or "")[:10])
    except DatabaseError as error:
        return PolicyFacts(policy, "", error.message)


def _with_due(database: Database, found: PolicyFacts) -> PolicyFacts:
    """The same with what is due; as the oldest row, a superuser does not ask for it where others own tables."""
    if must_not_plan(database):
        return replace(found, due_unknown=found.unknown or _SUPERUSER)
    try:
        return replace(found, due=due_now(database, found.policy))
    except TitanError as error:
        return replace(found, due_unknown=error.message)


def _bloat(database: Database) -> tuple[list[BloatFacts], int]:
    """The bloated among the largest indexes, the largest gain first, and how many were measured."""
    found, measured, end = [], 0, time.monotonic() + _SECONDS
    for one in read_indexes(database, _SMALLEST)[:_LARGEST]:
        if time.monotonic() > end:
            break
        try:
            bloat = measure(database, one)
        except DatabaseError:  # its time is over, or its pages may not be read
            continue
        if bloat is not None:
            measured += 1
            if bloat.share >= _WORTH:
                found.append(BloatFacts(one.full_name, one.table, one.bytes, bloat.bytes, bloat.share, bloat.source))
    return sorted(found, key=_gain), measured


def _gain(each: BloatFacts) -> tuple[int, str]:
    return -each.free, each.name


def _indexes(database: Database, judged: bool, days: int) -> list[IndexFacts]:
    """All indexes, those that may go first, then the largest."""
    shapes = read_shapes(database)
    superfluous = {each.index.oid: each for each in find_redundant(shapes)}
    found = []
    for one in shapes:
        reason = ""
        if twin := superfluous.get(one.oid):
            reason = f"{_TWINS[twin.kind]} {twin.keeper.full_name}"
        elif judged and not one.scans and one.droppable:
            reason = f"not used in {days} days or longer"
        statement = one.drop_statement if reason else ""
        found.append(IndexFacts(one.full_name, one.table, one.bytes, one.scans, reason, statement))
    return sorted(found, key=lambda each: (not each.reason, -each.bytes, each.name))


def _attempts(database: Database) -> list[Attempt]:
    layout = has_history_column(database)
    if layout is None:
        return []
    source = history_table(database, layout)
    return [
        Attempt(**row)
        for row in database.rows(_ATTEMPTS.format(history="history::text" if layout else "''", source=source))
    ]
