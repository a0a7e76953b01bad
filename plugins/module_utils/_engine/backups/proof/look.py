# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restored database holds, and whether it is what a person expects: newest times, checks, a live database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...errors import DatabaseError, OptionError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect, sql
from ...postgres.from_options import settings_from_options
from ..content.fingerprint import Fingerprint, canceller, fix_settings
from ..programs.pipeline import Deadline
from .against import TableDifference, differences_from


class TimeColumn(NamedTuple):
    """A column whose newest time is wanted; the table as one writes it, with or without its schema."""

    table: str
    column: str


class Newest(NamedTuple):
    """The newest time in a column, as text in UTC; None if there is none, or no such column."""

    table: str
    column: str
    newest: str | None


class Check(NamedTuple):
    """A check and why it did not hold; empty if it did."""

    sql: str
    problem: str


@dataclass(frozen=True)
class Wishes:
    """What is looked for in a restored database.

    Attributes:
        time_columns: Whose newest time is reported, beside those of the policies that the database itself holds.
        checks: SQL that has to return true.
        against: A live database to compare with; None for none.
        database: Which one of several databases is checked and compared; empty for the only one.
    """

    time_columns: tuple[TimeColumn, ...] = ()
    checks: tuple[str, ...] = ()
    against: ConnectionSettings | None = None
    database: str = ""

    @property
    def of_one(self) -> bool:
        """Whether something is wished of one database."""
        return bool(self.checks or self.against)


NO_WISHES = Wishes()


def wishes_from(options: Mapping[str, Any]) -> Wishes:
    """The wishes that the options express.

    Raises:
        OptionError: an option is not understood, or the env file cannot be read.
    """
    for number, check in enumerate(options["checks"] or ()):
        if not str(check).strip():
            raise OptionError(f"checks[{number}]", check, "Write SQL that returns one row with one boolean.")
    return Wishes(
        tuple(TimeColumn(each["table"], each["column"]) for each in options["time_columns"] or ()),
        tuple(options["checks"] or ()),
        settings_from_options({"env_file": options["against"]}) if options["against"] else None,
        options["database"] or "",
    )


@dataclass(frozen=True)
class Seen:
    """What was seen in one restored database.

    Attributes:
        database: Its name in the dump; empty if the dump does not say.
        content: Its tables and their rows.
        newest: The newest times.
        checks: Each check, and why it did not hold.
        against: What differs from the live database; None if it was not compared.
    """

    database: str
    content: Fingerprint
    newest: tuple[Newest, ...] = ()
    checks: tuple[Check, ...] = ()
    against: tuple[TableDifference, ...] | None = None

    @property
    def problems(self) -> list[str]:
        """Sentences on what is not as it has to be."""
        found = [f"check {each.sql!r} {each.problem}" for each in self.checks if each.problem]
        return found + [f"against the live database, {each}" for each in self.against or ()]


def look_at(
    target: ConnectionSettings, database: str, content: Fingerprint, wishes: Wishes, chosen: bool, deadline: Deadline
) -> Seen:
    """Look at one restored database.

    Args:
        target: The restored database.
        database: Its name in the dump.
        content: Its tables and rows.
        wishes: What is looked for.
        chosen: Whether it is the one that checks and comparison are about.
        deadline: When it must be done.
    """
    with connect(target, "drill") as connection, deadline.ends(canceller(connection)):
        fix_settings(connection)
        newest = _newest(connection, wishes.time_columns)
    checks = run_checks(target, wishes.checks, deadline) if chosen and wishes.checks else ()
    against = differences_from(wishes.against, target, deadline) if chosen and wishes.against else None
    return Seen(database, content, newest, checks, against)


_POLICIES = """
SELECT table_schema || '.' || table_name AS "table", time_column AS "column" FROM titan_ops.retention_policy ORDER BY 1, 2
"""
_COLUMN = """
SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE a.attname = %(column)s AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
   AND (n.nspname || '.' || c.relname = %(table)s OR n.nspname = 'public' AND c.relname = %(table)s)
 ORDER BY n.nspname || '.' || c.relname <> %(table)s LIMIT 1
"""


def _newest(database: Database, wanted: Sequence[TimeColumn]) -> tuple[Newest, ...]:
    columns = list(wanted)
    if database.value("SELECT to_regclass('titan_ops.retention_policy') IS NOT NULL"):
        try:
            columns += [TimeColumn(row["table"], row["column"]) for row in database.rows(_POLICIES)]
        except DatabaseError:  # a table of this name that is not ours
            columns = list(wanted)
    return tuple(_newest_in(database, each) for each in dict.fromkeys(columns))


def _newest_in(database: Database, wanted: TimeColumn) -> Newest:
    found = database.row(_COLUMN, {"table": wanted.table.replace('"', ""), "column": wanted.column})
    if not found:
        return Newest(*wanted, None)
    query = sql.SQL("SELECT max({})::text FROM {} AS titan_row").format(
        sql.Identifier(wanted.column), sql.Identifier(found["schema"], found["name"])
    )
    try:
        value = database.value(query)
    except DatabaseError:  # a type that has no greatest value
        value = None
    return Newest(*wanted, None if value is None else str(value))


def run_checks(target: ConnectionSettings, checks: Sequence[str], deadline: Deadline) -> tuple[Check, ...]:
    """The checks, run with the settings that the restored database has."""
    with connect(target, "drill", fixed_settings=False) as database, deadline.ends(canceller(database)):
        return tuple(Check(text, _check(database, text)) for text in checks)


def _check(database: Database, text: str) -> str:
    """Why the check does not hold; empty if it does."""
    try:
        with database.transaction("BEGIN TRANSACTION READ ONLY"):
            rows = database.rows(text)
    except DatabaseError as error:
        return f"failed: {error.message.rstrip('.')}"
    values = [value for row in rows for value in row.values()]
    if len(values) != 1 or not isinstance(values[0], (bool, type(None))):
        return f"returned {len(rows)} row(s) and {len(values)} value(s), not one boolean"
    return "" if values[0] is True else f"returned {'null' if values[0] is None else 'false'}"
