# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out the plan of a clean-up, table by table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Callable

from ...errors import DatabaseError, LockedError, TitanError
from ...outcome import Data
from ...postgres.database import Database, sql
from ...postgres.locks import LINGERING, advisory_lock
from ..plan.along import Along
from ..plan.count import TableCount
from ..plan.facts import rules, user_triggers
from ..plan.plan import PolicyPlan, TablePlan
from ..policies.predicate import due
from ..policies.references import own_paths
from ..policies.tables import Child, Leaf, Table
from ..vacuum.pending import forget, note
from ..vacuum.vacuum import Vacuumed, dead_rows, needs_vacuum, vacuum
from .along import Witness
from .archive import Archive
from .batch import Limits, Tally, Work
from .partitions import REFUSED, attached, drop_partition
from .sweep import find_without_index_scan, run


@dataclass
class Done:
    """What became of one policy."""

    tally: Tally = field(default_factory=Tally)
    along: tuple[Along, ...] = ()
    seconds: float = 0.0
    wal_bytes: int = 0
    left: int | None = None
    archive: str = ""
    error: str = ""
    locked: bool = False

    @property
    def state(self) -> str:
        if self.error:
            return "failed"
        return "partial" if self.tally.partial else "done"


def apply_table(
    database: Database,
    plan: TablePlan,
    limits: Limits,
    vacuuming: bool,
    say: Callable[[str], None],
    done: dict[str, Done],
) -> tuple[list[Vacuumed], str]:
    """Run the policies of one table that may run.

    Args:
        done: Filled with what became of each policy, by name, also when the connection is lost on the way.

    Returns:
        What became of VACUUM, and VACUUM's failure (empty if none).
    """
    vacuumed: list[Vacuumed] = []
    changed: dict[int, int] = {}
    try:
        with advisory_lock(database, "cleanup", plan.name, wait=LINGERING):
            if vacuuming and plan.table:
                # before more rows go: a run that ends at its limit each night would never come to it afterwards
                _vacuum_pending(database, plan, vacuumed, limits.deadline)
                note(database, plan.table, plan.changing)
            for one in plan.policies:
                if not one.error:
                    result = done[one.policy.name] = Done()
                    _apply_policy(database, plan, one, limits, changed, result)
                    say(f"{plan.name}: {result.tally.rows:,} rows by {one.policy.name!r} ({one.reason})")
            if vacuuming:
                _vacuum_leaves(database, plan, changed, vacuumed, limits.deadline)
    except LockedError as error:
        for one in plan.policies:
            done.setdefault(one.policy.name, Done(error=error.message, locked=True))
    except TitanError as error:
        if isinstance(error, DatabaseError) and error.lost:
            raise
        return vacuumed, error.message
    return vacuumed, ""


def _apply_policy(
    database: Database, plan: TablePlan, one: PolicyPlan, limits: Limits, changed: dict[int, int], done: Done
) -> None:
    if plan.table is None or plan.count is None:
        return
    begun, wal = time.monotonic(), wal_written(database)
    try:
        left = _work_through(database, plan.table, plan.count, one, limits, changed, done, plan.children)
        if done.tally.partial:
            done.left = max(0, one.due - done.tally.rows)
        else:
            done.left = _left(database, plan, one) if left is None else left
        if done.left and not done.tally.partial:
            done.error = f"{done.left:,} due rows are still there: {_why_left(database, plan.table, one.policy.mode)}"
    except DatabaseError as error:
        done.seconds = time.monotonic() - begun
        if error.lost:
            done.error = "the connection was lost during the run; what was committed stays, and the last batch may have been committed"
            raise
        done.error = error.message + (f" ({error.details['detail']})" if error.details.get("detail") else "")
    except TitanError as error:
        done.error = error.message
    except OSError as error:
        done.error = f"The rows could not be archived ({error.filename or one.policy.archive}: {error.strerror}); those not archived stay."
    done.seconds, done.wal_bytes = time.monotonic() - begun, wal_written(database) - wal


def _why_left(database: Database, table: Table, mode: str) -> str:
    """Why due rows may have stayed, and what to do."""
    event = "update" if mode == "mark" else "delete"
    own = [f"trigger {name}" for name in user_triggers(database, table, event)]
    own += [f"rule {name}" for name in rules(database, table, event)]
    if not own:
        return (
            "other sessions lock them, or have just written them. "
            "The next run deletes them; see which sessions keep transactions open."
        )
    return (
        f"the table's own {', '.join(own)} may keep them or insert them again, or other sessions lock them or have just "
        "written them. Check what the former does, and which sessions keep transactions open; the next run deletes the latter."
    )


def _work_through(
    database: Database,
    table: Table,
    count: TableCount,
    one: PolicyPlan,
    limits: Limits,
    changed: dict[int, int],
    done: Done,
    children: Sequence[Child],
) -> int | None:
    """One policy over all leaves of its table; how many due rows are left if that is known already."""
    left: int | None = None
    archive = Archive(one.dated, table) if one.policy.archive else None
    witness = Witness(
        table, () if one.policy.mark else children, not one.policy.mark and bool(own_paths(table.references))
    )
    if archive:
        archive.finish_interrupted()
    try:
        for leaf in _leaves(table, done.tally):
            strategy = one.strategies[leaf.oid]
            if strategy.kind == "none" or done.tally.partial:
                continue
            before = done.tally.rows
            rows, page_range = count.rows.get(leaf.oid, 0), one.count.page_ranges.get(leaf.oid) if one.count else None
            work = Work(database, table, leaf, one.dated, limits, done.tally, rows, archive, page_range, witness)
            if strategy.kind == "drop_partition" and _dropped(work):
                continue
            left = run(work, strategy)
            changed[leaf.oid] = changed.get(leaf.oid, 0) + done.tally.rows - before
    finally:
        if archive and not database.closed:
            done.archive = archive.close()
        done.along = witness.along
    return left if len(table.leaves) == 1 else None


def _leaves(table: Table, tally: Tally) -> Iterator[Leaf]:
    """The leaves of the table, again as long as rows that went may have been the last that referred to rows of another leaf."""
    again = True
    while again:
        before = tally.rows
        yield from (leaf for leaf in table.leaves if f"{leaf.schema}.{leaf.name}" not in tally.dropped)
        again = len(table.leaves) > 1 and tally.rows > before and bool(own_paths(table.references))


def _dropped(work: Work) -> bool:
    """Drop the whole partition; False when the server refuses, so that its rows are deleted instead."""
    try:
        work.tally.rows += drop_partition(work.database, work.table, work.leaf)
    except DatabaseError as error:
        if error.sqlstate in REFUSED and attached(work.database, work.leaf):
            return False
        raise DatabaseError(
            f"The partition {work.leaf.schema}.{work.leaf.name} is being detached, but is still in use; the next run drops it. "
            f"{error.message}",
            error.sqlstate,
            **{key: value for key, value in error.details.items() if key != "sqlstate"},
        ) from error
    work.tally.batches += 1
    work.tally.dropped.append(f"{work.leaf.schema}.{work.leaf.name}")
    return True


def _left(database: Database, plan: TablePlan, one: PolicyPlan) -> int:
    """Rows due under the run's own cut-off that are still there."""
    if plan.table is None:
        return 0
    query = sql.SQL("SELECT count(*) AS rows FROM {} WHERE {}").format(
        sql.Identifier(plan.table.schema, plan.table.name), due(one.policy, plan.table, one.dated.cut, one.dated.clock)
    )
    return int(find_without_index_scan(database, query)["rows"])


def wal_written(database: Database) -> int:
    """Bytes of write-ahead log so far: of this session since version 18, before that of the whole server."""
    if database.major < 18:
        return int(database.value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
    database.execute("SELECT pg_stat_force_next_flush()")
    return int(database.value("SELECT wal_bytes FROM pg_stat_get_backend_wal(pg_backend_pid())"))


def _vacuum_pending(database: Database, plan: TablePlan, vacuumed: list[Vacuumed], deadline: float) -> None:
    """What an earlier run did not come to."""
    for leaf in plan.table.leaves if plan.table and plan.count else ():
        if leaf.oid in plan.pending_vacuum and time.monotonic() < deadline:
            dead, rows = dead_rows(database, leaf), plan.count.rows.get(leaf.oid, 0) if plan.count else 0
            result = vacuum(database, leaf, dead, rows + dead, deadline)
            if result and plan.table:
                vacuumed.append(result)
                forget(database, plan.table, {leaf.oid})


def _vacuum_leaves(
    database: Database, plan: TablePlan, changed: dict[int, int], vacuumed: list[Vacuumed], deadline: float
) -> None:
    """VACUUM what lost many rows; what the time does not suffice for stays noted for the next run."""
    if plan.table is None or plan.count is None:
        return
    done = set()
    for leaf in plan.table.leaves:
        rows, changed_rows = plan.count.rows.get(leaf.oid, 0), changed.get(leaf.oid, 0)
        if changed_rows and needs_vacuum(changed_rows, rows):
            result = vacuum(database, leaf, changed_rows, rows, deadline) if time.monotonic() < deadline else None
            if not result:
                continue
            vacuumed.append(result)
        done.add(leaf.oid)
    forget(database, plan.table, done & {*plan.changing, *plan.pending_vacuum})


def result_of(done: Done, mode: str) -> Data:
    """The part of a result that says what was done."""
    rows = done.tally.rows
    return {
        "deleted": rows if mode == "delete" else 0,
        "marked": rows if mode == "mark" else 0,
        "along": [one.as_data() for one in done.along],
        "left": done.left,
        "batches": done.tally.batches,
        "stepped_around": done.tally.stepped_around,
        "cut_short": done.tally.cut_short,
        "waited_for": done.tally.waited_for,
        "dropped_partitions": done.tally.dropped,
        "seconds": round(done.seconds, 3),
        "longest_ms": round(done.tally.longest * 1000, 1),
        "wal_bytes": done.wal_bytes,
        "archive": done.archive or None,
        "state": done.state,
        "ended_by": done.tally.ended_by or None,
        "error": done.error or None,
    }
