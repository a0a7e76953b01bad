# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan of a clean-up shows that somebody should look at, in sentences."""

from __future__ import annotations

from ..postgres.database import Database
from .plan.count import TableCount
from .plan.facts import rules, unindexed_children, usable_index, user_triggers
from .plan.plan import PolicyPlan, TablePlan
from .plan.trust import code_of_others
from .policies.policy import Policy
from .policies.predicate import blocking
from .policies.tables import Table


def findings(database: Database, plan: TablePlan) -> list[str]:
    """What somebody should look at in one table, one sentence each."""
    if plan.table is None or plan.count is None:
        return []
    table, sentences = plan.table, []
    for one in plan.policies:
        if one.count:  # else it does not fit the table
            sentences += [*_of_policy(table, one), *_unindexed(database, table, one.policy)]
    return [
        *sentences,
        *_uncovered(table, plan.count),
        *_side_effects(database, table, plan),
        *_pending_vacuum(table, plan),
    ]


def _of_policy(table: Table, plan: PolicyPlan) -> list[str]:
    policy, counted = plan.policy, plan.count
    unfinished = "has no manifest, because its run did not end; the next run writes one."
    sentences = [f"{name} in {policy.archive} {unfinished}" for name in plan.unfinished]
    if counted and counted.null_times:
        sentences.append(
            f"{table.full_name}: {counted.null_times:,} rows have no {policy.column} and are never due under {policy.name!r}."
        )
    if counted and counted.never:
        kept = policy.never_values == "keep"
        sentences.append(
            f"{table.full_name}: the {policy.column} of {counted.never:,} rows means 'never' (0001-01-01, 1970-01-01 or -infinity); "
            + (
                "they are kept (never_values: delete would delete them)."
                if kept
                else "they are due (never_values: delete)."
            )
        )
    if counted and counted.referenced:
        names = ", ".join(one.shown for one in blocking(policy, table))
        sentences.append(
            f"{table.full_name}: {counted.referenced:,} rows have expired and stay, because rows refer to them: {names}."
        )
    if counted and counted.unknown_values and policy.where:
        values = ", ".join(counted.unknown_values)
        sentences.append(
            f"{table.full_name}: no row has {policy.where.column} = {values}, which {policy.name!r} asks for."
        )
    return sentences


def _unindexed(database: Database, table: Table, policy: Policy) -> list[str]:
    """What it costs that no index starts with the policy's column, where none does."""
    without = [leaf for leaf in table.leaves if not usable_index(database, leaf, policy.column)]
    size = sum(leaf.bytes for leaf in without)
    if not size:
        return []
    where = "" if len(without) == len(table.leaves) else f" in {len(without)} of its {len(table.leaves)} partitions"
    return [
        f"{table.full_name} has no usable index on {policy.column}{where}, which {policy.name!r} needs: "
        f"each clean-up reads up to {size / (1 << 20):,.1f} MiB to find the rows that are due."
    ]


def _uncovered(table: Table, count: TableCount) -> list[str]:
    return [
        f"{table.full_name}: {item['rows']:,} rows have {item['column']} = {item['value']}, which no policy covers."
        for item in count.uncovered
        if table.columns[item["column"]].base != "boolean"
    ]


def _side_effects(database: Database, table: Table, plan: TablePlan) -> list[str]:
    """What deleting or marking sets off: tables that refer to this one, triggers and rules."""
    sentences = []
    for deleted, what in ((True, "deletes the rows of {} that refer to it (ON DELETE CASCADE)"),
                          (False, "changes the rows of {} that refer to it (ON DELETE SET NULL or SET DEFAULT)")):  # fmt: skip
        names = [f"{one.schema}.{one.name}" for one in plan.children
                 if one.deleted is deleted and not one.partition and not (deleted and f"{one.schema}.{one.name}" == table.full_name)]  # fmt: skip
        if names:
            sentences.append(
                f"{table.full_name}: the server also {what.format(', '.join(names))}; the result counts them (along)."
            )
    modes = {one.policy.mode for one in plan.policies if one.due}
    others = code_of_others(database, [table.oid, *(leaf.oid for leaf in table.leaves)]) if modes else []
    if others:
        sentences.append(
            f"{table.full_name}: code of other roles may run with this role's rights: {', '.join(others)}."
        )
    hidden = [one.shown for one in table.references if not one.all_readable] if "delete" in modes else []
    if hidden:
        sentences.append(
            f"{table.full_name} is referenced by {', '.join(hidden)}, which this role may not read: whether rows there prevent a deletion "
            "shows only when it fails; grant SELECT on it."
        )
    for child in unindexed_children(database, table) if "delete" in modes else ():
        sentences.append(
            f"{table.full_name} is referenced by {child}, without an index on the foreign key: each deleted row reads that whole table."
        )
    for event in sorted(mode.replace("mark", "update") for mode in modes):
        triggers = user_triggers(database, table, event)
        if triggers:
            sentences.append(f"{table.full_name} has triggers that fire on {event}: {', '.join(triggers)}.")
        rewriting = rules(database, table, event)
        if rewriting:
            sentences.append(f"{table.full_name} has rules that rewrite each {event}: {', '.join(rewriting)}.")
    return sentences


def _pending_vacuum(table: Table, plan: TablePlan) -> list[str]:
    return [
        f"{leaf.schema}.{leaf.name}: the clean-up of {plan.pending_vacuum[leaf.oid]} was cut off before its VACUUM; a run does it."
        for leaf in table.leaves
        if leaf.oid in plan.pending_vacuum
    ]
