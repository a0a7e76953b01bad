# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be true before a row is deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta, timezone

from ...backups.catalog.entry import Entry
from ...backups.catalog.read import newest_verified, read_catalog, read_entry
from ...errors import OptionError, TitanError
from ...host.act_as import acting_for
from ...postgres.database import Database
from ...text.durations import parse_duration


def age_limit(option: str, text: str, example: str) -> timedelta | None:
    """How old something may be; None when the guard is switched off by "off".

    Raises:
        OptionError: no length of time.
    """
    if text == "off":
        return None
    try:
        return parse_duration(option, text).as_timedelta
    except OptionError as error:
        raise OptionError(option, text, f'Write a duration such as {example}, or "off".') from error


def backup_within(option: str, text: str) -> timedelta | None:
    """How old the newest verified backup may be; None when the guard is switched off by "off"."""
    return age_limit(option, text, '"26h" or "2 days"')


def trusted_backup(
    database: Database,
    dest: str | None,
    name: str | None,
    within: timedelta,
    level: str = "restored",
    tables: Collection[tuple[str, str]] = (),
    now: datetime | None = None,
) -> str:
    """The path of the backup that allows deleting: verified, of this database, fresh, and unharmed now.

    Args:
        database: Whose backup it has to be.
        dest, name: The catalog: directory, and name of the backups in it (None is any).
        within: How long ago it may have been started: its content is of that moment.
        level: What counts as verified: "restored", or "checksum" for that too.
        tables: Schema and name of each table that has to be in it.

    Raises:
        TitanError: there is none; says what is there instead and what to do.
    """
    if not dest:
        raise OptionError(
            "backup_dest",
            dest,
            'Rows are deleted only when a fresh verified backup has them. Name its directory, or set require_backup_within: "off".',
        )
    now = now or datetime.now(timezone.utc)
    here = str(database.value("SELECT current_database()"))
    with acting_for([dest]):
        entries = _of_this_database(database, here, read_catalog(dest, name), now)
    newest = newest_verified(entries, level)
    what = f"of database {here}{f' with the name {name}' if name else ''} in {dest}"
    advice = 'Take one (titan-db backup), or set require_backup_within: "off". Nothing was deleted.'
    if newest is None:
        unverified = f"; {len(entries)} others are there, none of them proven" if entries else ""
        raise TitanError(f"There is no verified backup {what}{unverified}. {advice}", backup_dest=dest)
    with acting_for([newest.path]):
        reason = _too_old(newest, now, within) or _lacking(newest, tables) or _damaged(newest)
    if reason:
        raise TitanError(f"The newest verified backup {what} {reason} {advice}", backup=newest.path)
    return newest.path


def _of_this_database(database: Database, here: str, entries: Sequence[Entry], now: datetime) -> list[Entry]:
    """Those that were taken of the very database, and not in the future."""
    cluster = str(database.value("SELECT system_identifier FROM pg_control_system()"))
    return [
        entry
        for entry in entries
        if entry.database == here
        and entry.system_identifier in ("", cluster)
        and entry.started <= now + timedelta(minutes=5)
    ]


def _too_old(newest: Entry, now: datetime, within: timedelta) -> str:
    age = now - newest.started
    if age <= within:
        return ""
    return f"is {_hours(age)} old, more than the {_hours(within)} of require_backup_within: {newest.path}."


def _lacking(newest: Entry, tables: Collection[tuple[str, str]]) -> str:
    """Which of the tables it does not list; a physical backup has them all and lists none."""
    missing = newest.lacks(tables)
    names = ", ".join(f"{schema}.{table}" for schema, table in missing)
    return f"does not have {names}: {newest.path}." if missing else ""


def _damaged(newest: Entry) -> str:
    problem = read_entry(newest.path, verify="checksum").problem
    return f"is damaged since: {newest.path}: {problem}" if problem else ""


def _hours(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours:.1f} hours" if hours < 72 else f"{hours / 24:.1f} days"


def check_fraction(name: str, due: int, rows: int, allowed: float) -> None:
    """Refuse a policy that wants more of the table than it may take without being confirmed.

    Raises:
        TitanError: says the share and how to confirm it.
    """
    if due > allowed * rows:
        raise TitanError(
            f"{due:,} of {rows:,} rows ({due / rows:.1%}) are due, more than max_fraction {allowed:g} allows, so none was deleted. "
            f"If the policy {name!r} is right, confirm once with max_fraction: 1.0 (titan-db cleanup --max-fraction 1.0), "
            "or set max_fraction in that policy.",
            due=due,
            rows=rows,
        )


def check_cutoff(database: Database, cut: str, clock: str, kind: str, zone: str) -> None:
    """Refuse a cut-off in the future (a negative keep, or a clock gone wrong).

    Raises:
        TitanError: the cut-off lies after the server's clock.
    """
    now = "%s::timestamptz" if kind == "timestamptz" else f"(%s::timestamptz AT TIME ZONE %s)::{kind}"
    arguments = (cut, clock) if kind == "timestamptz" else (cut, clock, zone)
    if database.value(f"SELECT %s::{kind} > {now}", arguments):
        raise TitanError(f"The cut-off {cut} is later than the server's clock {clock}; correct the policy's keep.")
