# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a server the queries of the checks. One that fails or may not see is unknown; the others are still made."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from ...errors import DatabaseError
from ...postgres.database import Database
from ...postgres.disk import is_here
from ...postgres.stand_ins import must_not_plan, stand_in
from ...text.listed import listed
from ...text.quoted import quoted_name
from .definition import OK, UNKNOWN, WITHOUT_QUERIES, Check, Limits, NotChecked, SqlCheck, judge, unknown

_SHOWN = 5  # findings that a message names


# What a standby does, too: functions of the system that only look or act on its own sessions and settings.
_ON_A_STANDBY = re.compile(
    r"\s*(?:SELECT\b(?!.*\b(?:setval|unschedule|alter_job)\s*\()|ALTER\s+SYSTEM\b)", re.IGNORECASE | re.DOTALL
)


class Place(NamedTuple):
    """How psql reaches the database, as somebody on this host types it.

    Attributes:
        options: Of psql: where the server is.
        primary: The same of the server that a standby receives from, or of a name to be filled in; "" on a primary.
    """

    database: str
    options: str = ""
    primary: str = ""

    def psql(self, *statements: str, database: str = "") -> str:
        """The command that runs the statements one after the other, each in its own transaction; on the primary what writes."""
        run = " ".join(f"-c {shlex.quote(statement)}" for statement in statements)
        writes = not all(map(_ON_A_STANDBY.match, statements))
        where = f"on the primary: psql {self.primary}" if self.primary and writes else f"psql {self.options}"
        return f"{where}-d {shlex.quote(database or self.database)} {run}"


def place_of(database: Database) -> Place:
    """Where the connection leads to; nothing is said of a server at its usual place on this host."""
    there = database.settings
    host = "" if is_here(database) else f"-h {shlex.quote(there.host)} "
    host = f"-h {shlex.quote(there.socket)} " if there.socket else host
    port = "" if there.port == 5432 else f"-p {there.port} "
    primary = str(database.value(_PRIMARY) or "")
    return Place(str(database.value("SELECT current_database()")), host + port, primary)


# SQL: psql's options for the server that this standby receives from; NULL on a primary.
_PRIMARY = """
SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(
    (SELECT format('-h %s -p %s ', sender_host, sender_port) FROM pg_stat_wal_receiver WHERE sender_host ~ '^[A-Za-z0-9_./:-]+$' LIMIT 1),
    '-h PRIMARY ') END
"""


def run_checks(
    database: Database, checks: Iterable[SqlCheck], limits: Limits, place: Place, days: int
) -> tuple[list[Check], list[NotChecked]]:
    """Make the checks; statistics of fewer days are not judged.

    Raises:
        DatabaseError: the connection was lost.
    """
    found: list[Check] = []
    silent: list[NotChecked] = []
    for check in checks:
        made = _run(database, check, limits, place, days)
        (silent if isinstance(made, NotChecked) else found).append(made)  # type: ignore[arg-type]
    return found, silent


def missing_grants(database: Database, checks: Iterable[SqlCheck], days: int) -> list[str]:
    """The predefined roles that the connected role needs to see all that the checks are about; empty when it sees it."""
    found: dict[str, None] = {}
    for check in checks:
        if not check.sees or not check.grant.startswith("pg_") or check.grant in found:
            continue
        if _why_not(database, check, days):
            continue
        if not _sees(database, check):
            found[check.grant] = None
    return list(found)


def to_see_more(grant: str, user: str, place: Place) -> tuple[str, str]:
    """What is to be granted to the user, as words, and as the command that does it."""
    return f"grant {grant} to {user!r}", place.psql(f"GRANT {grant} TO {quoted_name(user)}")


def _why_not(database: Database, check: SqlCheck, days: int) -> object:
    """Why the check has no meaning on this server; NULL or "" when it has."""
    return database.value(f"SELECT {check.applies}".replace("{days}", str(days))) if check.applies else None


def _sees(database: Database, check: SqlCheck) -> bool:
    """Whether the connected role sees all that the check is about."""
    return not check.sees or bool(database.value(f"SELECT {check.sees}"))


def _run(database: Database, check: SqlCheck, limits: Limits, place: Place, days: int) -> Check | NotChecked:
    try:
        if reason := _why_not(database, check, days):
            return NotChecked(check.name, str(reason))
        rows = _rows(database, check)
        sees = _sees(database, check)
        made = _judged(check, rows, limits, place)
        return made if sees else partly(made, check.grant, str(database.value("SELECT current_user")), place)
    except DatabaseError as error:
        if error.lost:
            raise
        return unknown(check, error.message)


def _rows(database: Database, check: SqlCheck) -> list[dict[str, object]]:
    query = next((text for version, text in check.before if database.server_version < version), check.query)
    if check.made_by:
        made_by = check.made_by
        if WITHOUT_QUERIES in made_by:
            made_by = made_by.replace(WITHOUT_QUERIES, str(must_not_plan(database)))
        query = str(database.value(f"SELECT {made_by}") or "")
    return database.rows(_without_tables_of_others(database, query)) if query else []


# What the queries read beside the catalog: our own tables, whose owner may be anybody.
_OURS = {
    "skipped_index": {
        "name": "text", "schema": "text", "table_name": "text", "version": "text", "duplicate_of": "text", "definition": "text",
        "table_oid": "bigint", "columns": "int[]", "duplicate_oid": "bigint",
    },
    "retention_policy": {"table_schema": "text", "table_name": "text"},
}  # fmt: skip


def _without_tables_of_others(database: Database, query: str) -> str:
    for name, columns in _OURS.items():
        if f"titan_ops.{name}" in query:
            query = query.replace(f"titan_ops.{name}", stand_in(database, "titan_ops", name, columns))
    return query


def _judged(check: SqlCheck, rows: list[dict[str, object]], limits: Limits, place: Place) -> Check:
    if check.counts:
        names = listed([str(row["what"]) for row in rows], _SHOWN)
        return judge(check, len(rows), limits, names or check.none, _fix(check, rows[:_SHOWN], place))
    if not rows:
        return judge(check, 0, limits, check.none, "")
    first = rows[0]
    value = None if first["value"] is None else float(str(first["value"]))
    return judge(check, value, limits, str(first["what"]), _fix(check, rows[:1], place))


def _fix(check: SqlCheck, rows: list[dict[str, object]], place: Place) -> str:
    """The sentence with the commands of the rows in it; the commands of one database together."""
    by_database: dict[str, list[str]] = {}
    for row in rows:
        given = row.get("sql")
        statements = given if isinstance(given, list) else [given] if given else []
        by_database.setdefault(str(row.get("db") or place.database), []).extend(map(str, statements))
    commands = "; ".join(place.psql(*sql, database=name) for name, sql in by_database.items() if sql)
    if not commands and check.fix == "{sql}":
        return ""
    return check.fix.replace("{sql}", commands).rstrip("; :")


def partly(made: Check, grant: str, user: str, place: Place) -> Check:
    """What was seen may be too much already; but it can never be said to be all."""
    needs = f"{user!r} needs {grant}"
    said, mend = to_see_more(grant, user, place) if grant.startswith("pg_") else (needs, needs)
    what = f"{made.message}; the role does not see all of it; to see all, {said}"
    if made.status == OK:
        return replace(made, status=UNKNOWN, message=what, fix=mend)
    return replace(made, message=what)
