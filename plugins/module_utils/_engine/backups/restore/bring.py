# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing restored tables from a throw-away cluster into a live database, under names that are free there.

They are renamed in the copy by the catalog, so that pg_dump writes their new names wherever they stand. The connected role makes
them in one transaction, at whose end their rows are compared. Where it is a superuser, a role that is none makes them, in a
schema that nobody else uses; one transaction of the superuser's moves them to their place, which runs no code of the dump.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import DatabaseError, TitanError
from ...postgres.client_environment import child_environment
from ...postgres.database import Database, connect, sql
from ...postgres.lost_reply import asked_transaction
from ...steps import step
from ...text.quoted import quoted_name
from ..content.fingerprint import canceller, count_and_hash, dump_settings, fix_settings
from ..content.tables import Table, read_tables
from ..load.kinds import Kind, kind_of
from ..load.live import Live
from ..load.loading import Loader
from ..load.needs import needs_of
from ..load.restricted import without_restriction
from ..load.script import Statement, cut
from ..programs.pipeline import Program, chain
from ..rescue.sides import carry, column_list
from .names import Beside, Names, drop_triggers, rename
from .prune import Pruned

_LOCK_TIMEOUT = "SET lock_timeout = '10s'"


@dataclass(frozen=True)
class Brought:
    """What is in the live database now.

    Attributes:
        names: The new name of each table, by its name in the backup; of each schema, where that was named.
        tables, rows: How many.
        notes: What did not come along.
    """

    names: dict[str, str]
    tables: int
    rows: int
    notes: tuple[str, ...]


def bring_over(
    copy: Database, reader: Database, live: Database, who: Live, loader: Loader, pruned: Pruned, beside: Beside
) -> Brought:
    """Make the tables in the live database, with their rows, and compare these with the copy's.

    Args:
        copy: The restored database, as a superuser; its tables are renamed.
        reader: The same, as who has loaded it: reading rows may run functions of the dump.
        live: The live database.
        who: Who loads there.
        loader: What has loaded the copy.
        pruned: The wanted tables.
        beside: Their new names.

    Raises:
        TitanError: something is missing in the live database; nothing was changed.
    """
    work = f"titan_restoring_{secrets.token_hex(6)}" if who.superuser else ""
    notes = drop_triggers(copy, pruned)
    names = rename(copy, pruned, beside, work)
    before, after = (_statements(copy, loader, names, section) for section in ("pre-data", "post-data"))
    _require_roles(live, [*before, *after])
    later = [each for each in (*before, *after) if who.superuser and kind_of(each) == Kind.LATER]
    tables = [table for table in read_tables(reader) if _is_brought(table, names)]
    database = live.settings.database
    if who.superuser:
        for schema in (work, *names.schemas):
            live.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(*map(sql.Identifier, (schema, who.owner))))
    with (
        connect(who.settings.to(database), "restore") as target,
        loader.deadline.ends(canceller(target)),
        _explained(),
    ):
        fix_settings(target)
        target.execute(_LOCK_TIMEOUT)
        with asked_transaction(target, "restore"):
            step("beside.definitions")
            _run(target, [each for each in before if each not in later and not (who.superuser and _makes_schema(each))])
            step("beside.rows")
            rows = sum(_bring_rows(reader, target, table) for table in tables)
            _run(target, [each for each in after if each not in later])
            _set_sequences(reader, target, names)
            _compare(reader, target, tables)
            step("beside.commit")
    if who.superuser:
        _publish(who, database, names, work, later)
    return Brought(names.public, len(tables), rows, tuple(notes))


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if error.lost:
            raise
        raise TitanError(
            f"The tables could not be restored into the live database: {error.message} Nothing was changed. What they need there has to be as it "
            "was when the backup was made; or restore them into a new database ('into')."
        ) from error


def _statements(copy: Database, loader: Loader, names: Names, section: str) -> list[bytes]:
    """What makes the tables, as pg_dump writes it, without the settings of a dump."""
    chosen = [f"--table={each}" for each in names.patterns]
    chosen += [f"--schema={quoted_name(each)}" for each in names.schemas]
    found: list[bytes] = []
    for part in filter(None, (chosen[: len(names.patterns)], chosen[len(names.patterns) :])):
        found += _dumped(copy, loader, [f"--section={section}", *part])
    return found


def _dumped(copy: Database, loader: Loader, options: Sequence[str]) -> list[bytes]:
    whose = ["--no-owner"] if loader.selection and not loader.selection.owners else []
    with child_environment(copy.settings) as inherited:
        env = {**inherited, **dump_settings(copy)}
        argv = [
            loader.programs.path("pg_dump"),
            "--no-password",
            "--encoding=UTF8",
            "--no-publications",
            *whose,
            *options,
        ]
        with chain([Program(argv, env)], loader.deadline, stdout=subprocess.PIPE) as started:
            found = [item.bare for item in cut(without_restriction(started.pieces())) if isinstance(item, Statement)]
    return [each for each in found if each.endswith(b";") and not each.startswith(_OF_DUMP)]


_OF_DUMP = (
    b"SET statement_timeout", b"SET lock_timeout", b"SET idle_in_transaction", b"SET transaction_timeout", b"SET client_encoding",
    b"SET client_min_messages", b"SET row_security",
)  # fmt: skip


def _run(target: Database, statements: Sequence[bytes]) -> None:
    for each in statements:
        target.execute(each)


def _require_roles(live: Database, statements: Sequence[bytes]) -> None:
    roles = needs_of(b"\n".join(statements)).roles
    there = {row["name"] for row in live.rows("SELECT rolname::text AS name FROM pg_roles")}
    missing = sorted(roles - there)
    if missing:
        raise TitanError(
            f"The tables need roles that the server does not have: {', '.join(map(repr, missing))}. Create them first, or leave owners and "
            "privileges out ('no_owner', 'no_privileges').",
            missing=missing,
        )


def _makes_schema(statement: bytes) -> bool:
    return statement.startswith(b"CREATE SCHEMA ")


def _is_brought(table: Table, names: Names) -> bool:
    return table.schema in names.schemas or any((table.schema, table.name) == each[:2] for each in names.final)


def _bring_rows(copy: Database, target: Database, table: Table) -> int:
    columns = [row["name"] for row in copy.rows(_STORED, (table.oid,))]
    if not columns:
        return 0
    rows = sql.SQL("SELECT {} FROM {}").format(column_list(columns), table.relation())
    return carry(copy, rows, target, sql.SQL("{} ({})").format(table.identifier(), column_list(columns)))


_STORED = """
SELECT attname::text AS name FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_SEQUENCES = """
SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND c.relpersistence <> 't'
   AND (n.nspname = ANY(%(schemas)s) OR EXISTS (
        SELECT FROM pg_depend d JOIN pg_class t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid
          JOIN pg_namespace tn ON tn.oid = t.relnamespace
         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
           AND tn.nspname || '.' || t.relname = ANY(%(tables)s)))
"""


def _set_sequences(copy: Database, target: Database, names: Names) -> None:
    wanted = {"schemas": names.schemas, "tables": [f"{schema}.{table}" for schema, table, _final in names.final]}
    for row in copy.rows(_SEQUENCES, wanted):
        name = sql.Identifier(row["schema"], row["name"])
        stands = copy.row(sql.SQL("SELECT last_value::bigint AS value, is_called AS called FROM {}").format(name)) or {}
        text = copy.as_text(name)
        target.value("SELECT pg_catalog.setval(%s::regclass, %s, %s)", (text, stands["value"], stands["called"]))


def _compare(copy: Database, target: Database, tables: Sequence[Table]) -> None:
    """Compare the rows with the copy's, which are those of the manifest.

    Raises:
        TitanError: they are not the same.
    """
    fix_settings(copy)
    for table in tables:
        oid = target.value("SELECT %s::regclass::oid::bigint", (target.as_text(table.identifier()),))
        if count_and_hash(target, oid, table.its_rows()) != count_and_hash(copy, table.oid, table.its_rows()):
            raise TitanError(f"The rows of {table.label} are not those of the backup. Nothing was changed.")


def _publish(who: Live, database: str, names: Names, work: str, later: Sequence[bytes]) -> None:
    """Give the tables their owners, privileges and schema, by the superuser and in one transaction."""
    superuser = who.powers(database)
    if not superuser:
        return
    step("beside.publish")
    with superuser.connected() as admin, _explained():
        admin.execute(_LOCK_TIMEOUT)
        with asked_transaction(admin, "restore"):
            _run(admin, later)
            give = sql.SQL("REASSIGN OWNED BY {} TO {}")
            for row in admin.rows(_STATISTICS, (work,)):
                move = sql.SQL("ALTER STATISTICS {} SET SCHEMA {}")
                admin.execute(
                    move.format(sql.Identifier(work, row["name"]), sql.Identifier(names.final_of(row["table"])))
                )
            for schema, table, final in names.final:
                move = sql.SQL("ALTER TABLE {} SET SCHEMA {}")
                admin.execute(move.format(sql.Identifier(schema, table), sql.Identifier(final)))
            admin.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(work)))
            admin.execute(give.format(sql.Identifier(who.owner), sql.Identifier(superuser.heir)))
            step("beside.published")


_STATISTICS = """
SELECT s.stxname::text AS name, c.relname::text AS "table" FROM pg_statistic_ext s JOIN pg_class c ON c.oid = s.stxrelid
  JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE n.nspname = %s
"""
