# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server has deleted or changed along with a batch, by its own counters of the transaction.

pg_stat_get_xact_tuples_deleted() and its sister count what this session did that is not handed on to the statistics yet, which
happens between transactions: the difference within one is its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...errors import TitanError
from ...postgres.database import Database
from ..plan.along import Along
from ..policies.tables import Child, Table

_COUNTERS = """
SELECT oid::bigint AS oid, pg_stat_get_xact_tuples_deleted(oid)::bigint AS deleted, pg_stat_get_xact_tuples_updated(oid)::bigint AS changed
  FROM unnest(%s::oid[]) AS oid
"""


class NotDueError(TitanError):
    """A batch would have taken rows of its own table that are not due."""


class Witness:
    """Counts the rows of other tables, and sees that no row of the own one goes that its statement has not deleted.

    A row that refers to one that is due, and comes after the statement began, would be deleted along by ON DELETE CASCADE although
    it is young: the transaction is given up then, and the next statement sees the row, which keeps the one it refers to.
    """

    def __init__(self, table: Table, children: Sequence[Child], rows_refer: bool) -> None:
        self._own = {table.oid, *(leaf.oid for leaf in table.leaves)} if rows_refer else set()
        self._table = table.full_name
        self._others = {child.oid: child for child in children if child.stores} if children else {}
        for oid in (table.oid, *(leaf.oid for leaf in table.leaves)):
            self._others.pop(oid, None)
        self._found: Counter[tuple[str, str]] = Counter()

    @property
    def needed(self) -> bool:
        return bool(self._own or self._others)

    @property
    def along(self) -> tuple[Along, ...]:
        """What went along in the transactions that were committed."""
        return tuple(Along(table, action, rows) for (table, action), rows in sorted(self._found.items()))

    def read(self, database: Database) -> dict[int, tuple[int, int]]:
        """Rows deleted and changed so far, by relation; within a transaction."""
        rows = database.rows(_COUNTERS, ([*self._own, *self._others],))
        return {row["oid"]: (row["deleted"], row["changed"]) for row in rows}

    def judge(self, database: Database, before: dict[int, tuple[int, int]], rows: int) -> Counter[tuple[str, str]]:
        """What went along since the counters were read before; to be added when the transaction is committed.

        Raises:
            NotDueError: more rows of the own table went than the statement deleted.
        """
        after = self.read(database)
        own = sum(after[oid][0] - before[oid][0] for oid in self._own)
        if own > rows:
            raise NotDueError(
                f"{self._table}: {own - rows:,} more rows were deleted than are due: rows that refer to them came meanwhile, or a trigger "
                "deletes them. The batch was rolled back."
            )
        found: Counter[tuple[str, str]] = Counter()
        for oid, child in self._others.items():
            for action, place in (("deleted", 0), ("changed", 1)):
                found[child.root, action] += after[oid][place] - before[oid][place]
        return +found

    def add(self, found: Counter[tuple[str, str]]) -> None:
        self._found.update(found)
