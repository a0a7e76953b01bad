# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many rows one policy would take now, for a report."""

from __future__ import annotations

from dataclasses import replace

from ...errors import TitanError
from ...postgres.database import Database, sql
from ..policies.foreign_keys import references_to
from ..policies.policy import Policy
from ..policies.predicate import cutoff, due
from ..policies.tables import find_table
from ..policies.validate import check
from .count import Dated
from .own_references import freed_on_the_way


def due_now(database: Database, policy: Policy) -> int:
    """Count the rows that a clean-up at this moment would delete or mark, in a transaction that reads only.

    Raises:
        TitanError: the policy does not fit its table (any more), or the table cannot be read.
    """
    table = find_table(database, policy.schema, policy.table)
    if problems := check(database, policy, table):
        raise TitanError(" ".join(problems))
    if not policy.mark:
        oids = sorted({table.oid, *(leaf.oid for leaf in table.leaves)})
        table = replace(table, references=references_to(database, oids))
    clock = str(database.value("SELECT clock_timestamp()::text"))
    cut = cutoff(database, policy, table.columns[policy.column], clock)
    query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(
        sql.Identifier(table.schema, table.name), due(policy, table, cut, clock)
    )
    with database.transaction("BEGIN READ ONLY"):
        free = int(database.value(query))
    return free + sum(freed_on_the_way(database, table, Dated(policy, cut, clock)).values())
