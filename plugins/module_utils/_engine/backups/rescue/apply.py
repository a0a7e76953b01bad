# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the rows: one transaction, with what takes it back on disk before it is committed, and read back afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import NamedTuple

from ...errors import DatabaseError, TitanError
from ...host.files import published, remove_file
from ...postgres.database import Database, sql
from ...postgres.lost_reply import was_committed
from ...postgres.sqlstates import UNIQUE_VIOLATION
from ...steps import step
from .plan import Plan, TablePlan, Wanted
from .record import note_rescue, prepare_record, write_record
from .shapes import Shape
from .sides import HASH, column_list, same


class Rescue(NamedTuple):
    """What is written down of a rescue.

    Attributes:
        source: Where the rows come from.
        path: The file that takes it back.
    """

    source: str
    path: str

    @property
    def name(self) -> str:
        """Unique: the file's."""
        return os.path.basename(self.path).removesuffix(".undo")


def apply_plan(live: Database, plan: Plan, wanted: Wanted, rescue: Rescue, lock_timeout: int) -> None:
    """Insert the missing rows, replace the changed ones if that is wanted, and read back what is there.

    Raises:
        TitanError: nothing was changed; or it is not known whether it was, and the message says how to find out.
    """
    transaction = ""
    try:
        with live.transaction():
            live.execute(f"SET LOCAL lock_timeout = '{lock_timeout}s'")
            live.execute("SET CONSTRAINTS ALL DEFERRED")
            prepare_record(live)
            for table in plan.tables:
                step("rescue.table")
                with _triggers_left_out(live, table.pair.live) if wanted.without_triggers else nullcontext():
                    _insert(live, table)
                    if wanted.changed and table.changed:
                        _replace(live, table)
                for sequence, value in table.sequences.items():
                    live.value(  # one that is not behind is let alone: somebody may use it at this moment
                        sql.SQL("SELECT setval({0}::regclass, {1}) FROM {2} WHERE last_value < {1}").format(
                            sql.Literal(sequence), sql.Literal(value), sql.SQL(sequence)
                        )
                    )
            step("rescue.file")
            with published(rescue.path, label="rescue.file") as stream:
                write_record(stream, live, rescue.name, plan, wanted.changed)
            note_rescue(live, rescue.name, rescue.source, rescue.path, plan)
            live.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what does not hold is said here, not at the end
            transaction = str(live.value("SELECT pg_current_xact_id()"))
            step("rescue.commit")
    except BaseException as error:
        if isinstance(error, DatabaseError) and error.lost and transaction:
            _ask(live, transaction, rescue, error)
            return
        with suppress(FileNotFoundError):
            remove_file(rescue.path)
        if isinstance(error, DatabaseError) and error.sqlstate == UNIQUE_VIOLATION:
            raise TitanError(
                f"{error.message}. Another session has written such a row meanwhile. Nothing was changed; run it again.",
                **error.details,
            ) from error
        raise
    step("rescue.read_back")
    _require_there(live, plan)


def _ask(live: Database, transaction: str, rescue: Rescue, error: DatabaseError) -> None:
    """The answer to the commit was lost: ask what became of it."""
    became = was_committed(live.settings, transaction)
    if became:
        return
    if became is None:
        raise TitanError(
            f"{error.message} Whether the rows were put back is unknown. If the table titan_ops.rescue has a row with "
            f"the id {rescue.name!r}, they were, and {rescue.path} takes them back.",
        ) from error
    with suppress(FileNotFoundError):
        remove_file(rescue.path)
    raise TitanError(f"{error.message} Nothing was changed; run it again.") from error


@contextmanager
def _triggers_left_out(live: Database, shape: Shape) -> Iterator[None]:
    """Disable the triggers that people have made, and give each its former state afterwards."""
    found = live.rows(_TRIGGERS, (shape.oid, shape.oid))
    for row in found:
        live.execute(_alter(row, "DISABLE"))
    yield
    for row in found:
        live.execute(_alter(row, {"A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}.get(row["state"], "ENABLE")))


def _alter(row: dict[str, str], how: str) -> sql.Composed:
    return sql.SQL("ALTER TABLE ONLY {} {} TRIGGER {}").format(
        sql.Identifier(row["schema"], row["table"]), sql.SQL(how), sql.Identifier(row["name"])
    )


_TRIGGERS = """
SELECT n.nspname::text AS schema, c.relname::text AS table, t.tgname::text AS name, t.tgenabled::text AS state
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
   AND (c.oid = %s OR c.oid IN (SELECT relid FROM pg_partition_tree(%s::oid::regclass)))
 ORDER BY 1, 2, 3
"""


def _insert(live: Database, table: TablePlan) -> None:
    pair = table.pair
    if not table.missing:
        return
    columns = column_list(pair.columns)
    done = live.execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
            pair.live.identifier(), columns, columns, pair.temporary("rows")
        )
    )
    if done != table.missing:
        raise TitanError(
            f"Of {table.missing} rows for {pair.label} {done} were inserted: a trigger or a rule of the table kept the others. Nothing was "
            "changed. 'without_triggers' leaves its triggers out."
        )


def _replace(live: Database, table: TablePlan) -> None:
    """Set the former rows aside, and put the backup's values in their place."""
    pair = table.pair
    live.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {}, {}, f.{hash} FROM {} l JOIN {} f ON {}").format(
            sql.Identifier(f"titan_old_{pair.number}"), column_list(pair.columns, "l"),
            pair.keys_of("l", with_hash=False), pair.keyed(pair.live), pair.temporary("former"), pair.same_key("l", "f"),
            hash=sql.Identifier(HASH),
        )
    )  # fmt: skip
    done = live.execute(
        sql.SQL("UPDATE {} AS t SET {} FROM {} AS f WHERE {}").format(
            pair.live.relation(), pair.put("f"), pair.temporary("former"), same("t", pair.key, "f", pair.key_names)
        )
    )
    if done != table.changed:
        raise TitanError(
            f"Of {table.changed} rows of {pair.label} {done} were replaced: they have changed meanwhile, or a trigger kept them. Nothing was "
            "changed; run it again."
        )


def _require_there(live: Database, plan: Plan) -> None:
    """Read back that each row is there.

    Raises:
        TitanError: one is not; the rescue itself stands.
    """
    for table in plan.tables:
        pair = table.pair
        gone = live.value(
            sql.SQL("SELECT count(*) FROM {} r WHERE NOT EXISTS (SELECT FROM {} l WHERE {})").format(
                pair.temporary("rows"), pair.keyed(pair.live), pair.same_key("l", "r")
            )
        )
        if gone:
            raise TitanError(
                f"{gone} of the rows that were put back into {pair.label} no longer exist: another session is deleting them. Stop "
                "that first, then run it again."
            )
        altered = live.value(
            sql.SQL("SELECT count(*) FROM {} r JOIN {} l ON {} WHERE l.{hash} <> r.{hash}").format(
                pair.temporary("rows"), pair.keyed(pair.live), pair.same_key("l", "r"), hash=sql.Identifier(HASH)
            )
        )
        if altered:
            table.notes.append(
                f"{altered} rows are there, but not as in the backup: a trigger or another type has altered them."
            )
