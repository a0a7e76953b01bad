# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a clean-up: per policy what is due, how it goes, or why it must not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import NamedTuple

from ...errors import DatabaseError, TitanError
from ...outcome import Data
from ...postgres.database import Database
from ..policies.foreign_keys import references_to
from ..policies.policy import Policy
from ..policies.predicate import cutoff
from ..policies.tables import Child, Leaf, Table, find_table
from ..policies.time_formats import kind_of
from ..policies.validate import check
from ..vacuum.pending import interrupted
from .along import Along, rows_along
from .archive import require_archive_directory, unfinished_archives
from .count import Dated, PolicyCount, TableCount, count_table
from .facts import changed_children, leaf_facts
from .guards import check_cutoff, check_fraction
from .newest_row import require_plausible_clock
from .own_references import freed_on_the_way
from .partitions import expired_leaves, with_unfinished
from .planner import Strategy, choose
from .refusal import refusal


@dataclass(frozen=True)
class PolicyPlan:
    """One policy in a run; error is empty unless the policy must not run."""

    dated: Dated
    count: PolicyCount | None = None
    strategies: dict[int, Strategy] = field(default_factory=dict)
    error: str = ""
    unfinished: tuple[str, ...] = ()  # archive files of runs that did not end
    along: tuple[Along, ...] = ()

    @property
    def policy(self) -> Policy:
        return self.dated.policy

    @property
    def due(self) -> int:
        return self.count.total_due if self.count else 0

    def changed_leaves(self, table: Table) -> list[Leaf]:
        """The leaves whose rows are deleted or marked one by one."""
        due = self.count.due if self.count else {}
        return [one for one in table.leaves if due.get(one.oid) and self.strategies[one.oid].kind != "drop_partition"]

    @property
    def kinds(self) -> str:
        """The strategies by name, joined by "+" where partitions differ."""
        return "+".join(sorted({one.kind for one in self.strategies.values()} - {"none"})) or "none"

    @property
    def reason(self) -> str:
        """The reason of the strategy that has the most rows."""
        due = self.count.due if self.count else {}
        ordered = sorted(self.strategies.items(), key=lambda item: -due.get(item[0], 0))
        return ordered[0][1].reason if ordered else ""


@dataclass(frozen=True)
class TablePlan:
    """All policies of one table; table and count are None when the table cannot be used at all.

    pending_vacuum has the leaves (oid) whose VACUUM an earlier run did not come to, with the time of that run;
    children the tables whose rows go or change along with those that are deleted.
    """

    name: str
    policies: tuple[PolicyPlan, ...]
    table: Table | None = None
    count: TableCount | None = None
    pending_vacuum: dict[int, str] = field(default_factory=dict)
    children: tuple[Child, ...] = ()

    @property
    def due(self) -> int:
        """Rows that the policies which may run will take."""
        return sum(plan.due for plan in self.policies if not plan.error)

    @property
    def drops(self) -> list[str]:
        """Partitions to drop whole, by the policies that may run."""
        return [name for plan in self.policies if not plan.error for name in self.dropped_by(plan)]

    def dropped_by(self, plan: PolicyPlan) -> list[str]:
        """Partitions that this policy drops whole."""
        leaves = self.table.leaves if self.table else ()
        return [f"{leaf.schema}.{leaf.name}" for leaf in leaves
                if leaf.oid in plan.strategies and plan.strategies[leaf.oid].kind == "drop_partition"]  # fmt: skip

    @property
    def changing(self) -> set[int]:
        """The relations (oid) in which rows are due by the policies that may run, but for those that are dropped whole."""
        return {oid for plan in self.policies if not plan.error for oid, way in plan.strategies.items()
                if way.kind not in ("none", "drop_partition")}  # fmt: skip

    @property
    def due_tables(self) -> set[tuple[str, str]]:
        """Schema and name of the relations that lose or change rows."""
        along = {(child.schema, child.name) for child in self.children if child.stores}
        return (along if self.due else set()) | {
            (leaf.schema, leaf.name)
            for leaf in (self.table.leaves if self.table else ())
            for plan in self.policies
            if not plan.error and plan.count and plan.count.due.get(leaf.oid)
        }

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Archive files of interrupted runs, which get their manifest also when nothing more is due."""
        return tuple(name for plan in self.policies if not plan.error for name in plan.unfinished)


def make_plan(
    database: Database,
    policies: Sequence[Policy],
    clock: str,
    max_fraction: float,
    vacuuming: bool,
    row_within: timedelta | None = None,
) -> list[TablePlan]:
    """Look at each table once and decide; a table that cannot be cleaned has the reason in its policies' error.

    Args:
        clock: The server's, as its text.
        max_fraction: The largest share of a table that may be due under one policy.
        vacuuming: VACUUM follows, also what earlier runs did not come to.
        row_within: How old a table's newest row may be; None for any age.
    """
    by_table: dict[tuple[str, str], list[Policy]] = {}
    for policy in policies:
        by_table.setdefault((policy.schema, policy.table), []).append(policy)
    limits = _Limits(max_fraction, row_within)
    return [_plan_table(database, group, clock, limits, vacuuming) for group in by_table.values()]


class _Limits(NamedTuple):
    """See make_plan."""

    max_fraction: float
    row_within: timedelta | None


def _plan_table(
    database: Database, policies: Sequence[Policy], clock: str, limits: _Limits, vacuuming: bool
) -> TablePlan:
    name = policies[0].full_table
    try:
        table = with_unfinished(database, find_table(database, policies[0].schema, policies[0].table))
        if any(not policy.mark for policy in policies):
            table = replace(
                table, references=references_to(database, sorted({table.oid, *(leaf.oid for leaf in table.leaves)}))
            )
        dated, broken = _dated(database, table, policies, clock)
        count = _count(database, table, dated) if dated else None
    except TitanError as error:
        if isinstance(error, DatabaseError) and error.lost:
            raise
        return TablePlan(name, tuple(PolicyPlan(Dated(policy, "", clock), error=error.message) for policy in policies))
    plans = [_plan_policy(database, table, one, count, number, limits) for number, one in enumerate(dated) if count]
    deleting = any(plan.due and not plan.policy.mark for plan in plans)
    children = changed_children(database, table) if deleting else ()
    if any(child.stores for child in children):
        plans = [_with_along(database, table, plan) for plan in plans]
    return TablePlan(name, (*plans, *broken), table, count, interrupted(database, table) if vacuuming else {}, children)


def _with_along(database: Database, table: Table, plan: PolicyPlan) -> PolicyPlan:
    """The plan with what goes along in other tables, where rows are deleted one by one."""
    if plan.error or plan.policy.mark or not plan.changed_leaves(table):
        return plan
    return replace(plan, along=rows_along(database, table, plan.dated))


def _count(database: Database, table: Table, dated: Sequence[Dated]) -> TableCount:
    """What is due, with the rows that become free on the way."""
    count, policies = count_table(database, table, dated), []
    for one, counted in zip(dated, count.policies):
        freed = freed_on_the_way(database, table, one) if counted.referenced else {}
        due = {oid: counted.due.get(oid, 0) + freed.get(oid, 0) for oid in {*counted.due, *freed}}
        policies.append(replace(counted, due=due, referenced=counted.referenced - sum(freed.values())))
    return replace(count, policies=tuple(policies))


def _dated(
    database: Database, table: Table, policies: Sequence[Policy], clock: str
) -> tuple[list[Dated], list[PolicyPlan]]:
    """The policies with their cut-off, and those that do not fit the table (any more)."""
    good, broken = [], []
    for policy in policies:
        problems = check(database, policy, table)
        cut = "" if problems else cutoff(database, policy, table.columns[policy.column], clock)
        if not problems:
            try:
                check_cutoff(database, cut, clock, kind_of(policy, table.columns[policy.column]), policy.time_zone)
            except TitanError as error:
                problems = [error.message]
        if problems:
            broken.append(PolicyPlan(Dated(policy, "", clock), error=" ".join(problems)))
        else:
            good.append(Dated(policy, cut, clock))
    return good, broken


def _plan_policy(
    database: Database, table: Table, dated: Dated, count: TableCount, number: int, limits: _Limits
) -> PolicyPlan:
    counted = count.policies[number]
    expired = expired_leaves(database, table, dated.policy, dated.cut)
    expired |= {leaf.oid for leaf in table.leaves if leaf.detached}
    strategies, page_ranges = {}, {}
    for leaf in table.leaves:
        facts, page_range = leaf_facts(database, table, leaf, dated, count, counted, leaf.oid in expired)
        strategies[leaf.oid] = choose(facts)
        page_ranges.update({leaf.oid: page_range} if page_range else {})
    plan = PolicyPlan(dated, replace(counted, page_ranges=page_ranges), strategies)
    allowed = dated.policy.max_fraction if dated.policy.max_fraction is not None else limits.max_fraction
    try:
        if dated.policy.archive:
            require_archive_directory(dated.policy)
            plan = replace(plan, unfinished=unfinished_archives(dated.policy))
        if why := refusal(database, table, dated, plan.changed_leaves(table)):
            raise TitanError(why)
        check_fraction(dated.policy.name, counted.total_due, count.total_rows, allowed)
        if limits.row_within is not None and counted.total_due:
            require_plausible_clock(database, table, dated.policy, dated.clock, limits.row_within)
    except TitanError as error:
        return replace(plan, error=error.message)
    return plan


def as_data(plan: PolicyPlan, rows: int | None) -> Data:
    """The part of a result that is known before anything is done."""
    return {
        "policy": plan.policy.name,
        "table": plan.policy.full_table,
        "mode": plan.policy.mode,
        "cutoff": plan.dated.cut or None,
        "rows": rows,
        "due": plan.due if plan.count else None,
        "strategy": plan.kinds if not plan.error else "none",
        "reason": plan.reason,
        "null_times": plan.count.null_times if plan.count else None,
        "never_times": plan.count.never if plan.count else None,
        "referenced": plan.count.referenced if plan.count else None,
        "along": [one.as_data() for one in plan.along],
    }
