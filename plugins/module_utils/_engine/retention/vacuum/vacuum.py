# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VACUUM after a clean-up: that it happened, what it gave back, and who stood in its way."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import DatabaseError, TitanError
from ...outcome import Data
from ...postgres.database import Database, sql
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE, QUERY_CANCELED
from ...steps import step
from ..policies.tables import Leaf

# "are dead but not yet removable" since version 15, "dead row versions cannot be removed yet" before
_DEAD = re.compile(r"(\d+) (?:are dead but not yet removable|dead row versions cannot be removed yet)")


@dataclass(frozen=True)
class Vacuumed:
    """What VACUUM did to one relation; sizes in bytes, of the relation without its indexes."""

    table: str
    seconds: float
    bytes_before: int
    bytes_after: int
    reusable_bytes: int
    reusable_by: str
    dead_rows_kept: int
    held_by: tuple[str, ...]

    def as_data(self) -> Data:
        """As the module documents it."""
        return {
            "table": self.table,
            "seconds": round(self.seconds, 3),
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
            "returned_bytes": max(0, self.bytes_before - self.bytes_after),
            "reusable_bytes": self.reusable_bytes,
            "reusable_by": self.reusable_by,
            "dead_rows_kept": self.dead_rows_kept,
            "held_by": list(self.held_by),
        }


def needs_vacuum(changed: int, rows: int) -> bool:
    """Whether so many rows have gone that the table should be vacuumed now."""
    return changed >= 50 + 0.02 * rows


def dead_rows(database: Database, leaf: Leaf) -> int:
    """Dead rows as the server's statistics count them."""
    return int(database.value("SELECT pg_stat_get_dead_tuples(%s::oid)", (leaf.oid,)) or 0)


def vacuum(database: Database, leaf: Leaf, changed: int, rows: int, deadline: float) -> Vacuumed | None:
    """VACUUM (ANALYZE) the relation, until the deadline (monotonic clock); None when it was not done by then.

    Raises:
        TitanError: the server skipped it (a non-owner gets no more than a warning), or a lock was not free.
    """
    name = f"{leaf.schema}.{leaf.name}"
    before, count = _size(database, leaf), _vacuum_count(database, leaf)
    database.notices()
    left = max(1, int((deadline - time.monotonic()) * 1000))
    database.execute(f"SET lock_timeout = '5s'; SET statement_timeout = {left}")
    step("cleanup.vacuum")
    begun = time.monotonic()
    try:
        database.execute(sql.SQL("VACUUM (VERBOSE, ANALYZE) {}").format(sql.Identifier(leaf.schema, leaf.name)))
    except DatabaseError as error:
        if error.sqlstate == QUERY_CANCELED:
            return None
        if error.sqlstate != LOCK_NOT_AVAILABLE:
            raise
        raise TitanError(
            f"VACUUM of {name} found the table locked for 5 seconds; the rows are gone, the next run vacuums."
        ) from error
    finally:
        if not database.closed:
            database.execute("SET statement_timeout = 0")
    seconds = time.monotonic() - begun
    reports = database.notices()
    if not _happened(database, leaf, count, reports):
        warning = " ".join(reports) or "no message"
        raise TitanError(
            f"VACUUM of {name} was skipped by the server ({warning}): the rows are gone, but their space is not free. "
            "Run the clean-up as the owner of the table.",
            table=name,
        )
    after, dead_rows_kept = _size(database, leaf), _dead_rows(reports)
    reusable, source = _reusable(database, leaf, before, after, changed, rows)
    return Vacuumed(
        name,
        seconds,
        before,
        after,
        reusable,
        source,
        dead_rows_kept,
        tuple(horizon_holders(database)) if dead_rows_kept else (),
    )


def _size(database: Database, leaf: Leaf) -> int:
    return int(database.value("SELECT pg_relation_size(%s::oid)", (leaf.oid,)))


def _vacuum_count(database: Database, leaf: Leaf) -> int:
    return int(database.value("SELECT pg_stat_get_vacuum_count(%s::oid)", (leaf.oid,)) or 0)


def _happened(database: Database, leaf: Leaf, count: int, reports: Sequence[str]) -> bool:
    """Whether the server did it; a warning in the server's own language is not to be relied on."""
    if not database.value("SELECT current_setting('track_counts')::bool"):
        return any("\n" in report for report in reports)  # the report of a VACUUM has many lines, a warning has one
    for _attempt in range(20):  # before version 15 statistics arrive late
        if _vacuum_count(database, leaf) > count:
            return True
        if not any("\n" in report for report in reports):
            return False
        time.sleep(0.1)
    return False


def _dead_rows(reports: Sequence[str]) -> int:
    """Rows that are dead but had to stay, as the first report (that of the table, not of its TOAST table) says."""
    for report in reports:
        dead = _DEAD.search(report)
        if dead:
            return int(dead[1])
    return 0


def _reusable(database: Database, leaf: Leaf, before: int, after: int, changed: int, rows: int) -> tuple[int, str]:
    """Free space inside the relation now: measured with pgstattuple where it is installed, else estimated."""
    schema = database.extension_schema("pgstattuple")
    if schema:
        function = sql.Identifier(schema, "pgstattuple_approx")
        try:
            query = sql.SQL("SELECT approx_free_space::bigint FROM {}({}::oid::regclass)").format(
                function, sql.Literal(leaf.oid)
            )
            return int(database.value(query)), "pgstattuple_approx"
        except DatabaseError as error:
            if error.sqlstate != INSUFFICIENT_PRIVILEGE:
                raise
    share = before * min(1.0, changed / max(rows, 1))
    return max(0, int(share - (before - after))), "estimate: the deleted rows' share of the relation"


def horizon_holders(database: Database) -> list[str]:
    """Who keeps dead rows from being removed: sessions, slots and prepared transactions, oldest first."""
    rows = database.rows(
        """
        SELECT who, age FROM (
            SELECT format('session %s of %s (%s%s), in a transaction since %s', pid, usename, application_name,
                          coalesce(', from ' || client_addr::text, ''), date_trunc('second', xact_start)) AS who,
                   age(coalesce(backend_xmin, backend_xid)) AS age
              FROM pg_stat_activity
             WHERE pid <> pg_backend_pid() AND coalesce(backend_xmin, backend_xid) IS NOT NULL
               AND backend_type NOT IN ('autovacuum worker', 'walsender')
               AND (datname = current_database() OR backend_xmin IS NULL)
            UNION ALL
            SELECT format('replication slot %s (%s)', slot_name, CASE WHEN active THEN 'active' ELSE 'inactive' END),
                   age(xmin)
              FROM pg_replication_slots WHERE xmin IS NOT NULL  -- a catalog_xmin alone holds rows of the catalogs only
            UNION ALL
            SELECT format('standby %s (hot_standby_feedback)', application_name), age(backend_xmin)
              FROM pg_stat_replication WHERE backend_xmin IS NOT NULL
            UNION ALL
            SELECT format('prepared transaction %s of %s since %s', gid, owner, date_trunc('second', prepared)), age(transaction)
              FROM pg_prepared_xacts WHERE database = current_database()
        ) holders ORDER BY age DESC LIMIT 5
        """
    )
    return [str(row["who"]) for row in rows]
