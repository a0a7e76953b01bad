# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clean-up found and did, as its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import LockedError, TitanError
from ..outcome import Data, Outcome
from .deletion.apply import Done, result_of
from .plan.along import Along
from .plan.plan import PolicyPlan, TablePlan, as_data


@dataclass
class Run:
    """What a clean-up has found and done so far."""

    plans: list[TablePlan]
    findings: list[str]
    clock: str
    check_mode: bool
    done: dict[str, Done] = field(default_factory=dict)
    vacuumed: list[Data] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    backup: str | None = None


def outcome(run: Run, seconds: float, any_policy: bool) -> Outcome:
    """The result of a run of so many seconds; any_policy: whether a policy is stored.

    Raises:
        TitanError: something failed; the details have the result.
        LockedError: all that failed is that somebody else held a lock.
    """
    results = _results(run)
    touched = sum(one["deleted"] + one["marked"] for one in results)
    dropped = [name for one in results for name in one["dropped_partitions"]]
    summary = _summary(results, touched, run, seconds)
    data: Data = {
        "results": results,
        "uncovered": _uncovered(run),
        "findings": run.findings,
        "vacuumed": run.vacuumed,
        "backup": run.backup,
        "clock": run.clock,
        "state": _state(results),
    }
    _raise_failures(run, results, summary, {**data, "changed": bool(touched or dropped) and not run.check_mode})
    due = [f"{one['policy']}: {one['due']} rows due\n" for one in results]
    return Outcome(
        changed=bool(touched or dropped) or any(plan.unfinished or plan.pending_vacuum for plan in run.plans),
        data=data,
        summary=summary,
        before="".join([*due, *(f"{name}: expired\n" for name in dropped)]),
        after="".join(f"{one['policy']}: {one['due'] - one['deleted'] - one['marked']} rows due\n" for one in results),
        warnings=_warnings(run, any_policy),
    )


def refused(error: TitanError, run: Run) -> TitanError:
    """The guard's refusal, with what was found due."""
    return TitanError(error.message, **{**error.details, "results": _results(run), "uncovered": _uncovered(run)})


def _results(run: Run) -> list[Data]:
    return [_result(run, table, plan) for table in run.plans for plan in table.policies]


def _result(run: Run, table: TablePlan, plan: PolicyPlan) -> Data:
    known = as_data(plan, table.count.total_rows if table.count else None)
    done = run.done.get(plan.policy.name, Done(error=plan.error, left=plan.due if plan.error else 0))
    acted = result_of(done, plan.policy.mode)
    if run.check_mode and not plan.error:  # what a run with this clock does
        acted.update({"deleted" if plan.policy.mode == "delete" else "marked": plan.due, "state": "planned"})
        acted["dropped_partitions"] = table.dropped_by(plan)
        acted["along"] = known["along"]
    return {**known, **acted}


def _uncovered(run: Run) -> list[Data]:
    return [item for plan in run.plans if plan.count for item in plan.count.uncovered]


def _raise_failures(run: Run, results: Sequence[Mapping[str, Any]], summary: str, data: Data) -> None:
    """Raise what failed, if anything did: LockedError when that is all."""
    failed = [one for one in results if one["error"]]
    failures = [f"{one['table']}: {one['error']}" for one in failed] + run.problems
    if not failures:
        return
    locked = not run.problems and all(run.done.get(one["policy"], Done()).locked for one in failed)
    raise (LockedError if locked else TitanError)(f"{' '.join(failures)} ({summary})", **{**data, "state": "failed"})


def _warnings(run: Run, any_policy: bool) -> tuple[str, ...]:
    held = [one for one in run.vacuumed if one["dead_rows_kept"] and one["held_by"]]
    warnings = [
        f"{one['table']}: {one['dead_rows_kept']:,} dead rows stay until this ends: {'; '.join(one['held_by'])}."
        for one in held
    ]
    if any_policy:
        return (*run.findings, *warnings)
    return ("No retention policy is stored, so nothing is ever due; converge the role retention first.",)


def _state(results: Sequence[Mapping[str, Any]]) -> str:
    states = {one["state"] for one in results}
    return next((state for state in ("failed", "partial", "planned") if state in states), "done")


def _summary(results: Sequence[Mapping[str, Any]], touched: int, run: Run, seconds: float) -> str:
    verb = "Would delete or mark" if run.check_mode else "Deleted or marked"
    each = "; ".join(
        f"{one['policy']}: {one['deleted'] + one['marked']:,} of {one['due']:,} due ({one['strategy']}, {one['state']})"
        + "".join(f", along with them {Along(**also).shown}" for also in one["along"])
        for one in results
        if one["due"]
    )
    dropped = [name for one in results for name in one["dropped_partitions"]]
    expired = (
        f" Expired partitions {'to drop' if run.check_mode else 'dropped'}: {', '.join(dropped)}." if dropped else ""
    )
    backup = f" Trusted backup: {run.backup}." if run.backup else ""
    return f"{verb} {touched:,} rows in {seconds:.1f} s{': ' + each if each else ''}.{expired}{backup}"
