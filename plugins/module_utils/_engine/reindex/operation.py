# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point: reindex."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import OptionError, TitanError
from ..outcome import Call, Data, Outcome
from ..postgres.database import Database, connect
from ..postgres.locks import LINGERING, advisory_lock
from ..postgres.trust import require_trusted_event_triggers
from ..text.durations import parse_duration
from ..text.quoted import quoted_name
from .duplicates import IndexShape, Redundant, find_redundant
from .failed_builds import FailedBuild, find_failed_builds, mend
from .indexes import MAINTAIN_SINCE, Bloat, Index, measure, read_indexes, read_shapes, require_primary, statistics_since
from .leftovers import Leftover, drop_leftover, find_leftovers
from .rebuild import Rebuilt, rebuild

# An index that was not used within fewer days may be one for the end of the week.
STATISTICS_DAYS = 7


@dataclass
class _Plan:
    """What to do: the bloated indexes, the largest gain first, and the leftovers to drop."""

    bloated: list[tuple[Index, Bloat]] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    failed_builds: list[FailedBuild] = field(default_factory=list)
    skipped: list[Data] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    measured: int = 0


def reindex(call: Call) -> Outcome:
    """Drop leftovers, rebuild what is bloated, report what is superfluous."""
    begun = time.monotonic()
    options = _checked(call.options)
    with connect(call.connection, "reindex") as database:
        require_primary(database)
        require_trusted_event_triggers(database)
        database.execute(f"SET lock_timeout = {options['lock_timeout_ms']}; SET statement_timeout = 0")
        plan = _make_plan(database, options)
        done: list[Rebuilt] = []
        if not call.check_mode:
            with advisory_lock(database, "reindex", wait=LINGERING):
                plan.leftovers = [one for one in plan.leftovers if _dropped(database, one, plan)]
                plan.failed_builds = [one for one in plan.failed_builds if _mended(database, one, plan)]
                done = _rebuild_all(database, plan, options, begun + options["seconds"], call)
        redundant, unused, since = _superfluous(database)
    return _outcome(call, plan, done, redundant, unused, since, time.monotonic() - begun)


def _checked(options: Mapping[str, Any]) -> Data:
    if not 0 < options["min_reclaimable"] < 1:
        raise OptionError("min_reclaimable", options["min_reclaimable"], "Allowed is a share between 0 and 1, as 0.3.")
    if not 10 <= options["lock_timeout_ms"] <= 600_000:
        raise OptionError("lock_timeout_ms", options["lock_timeout_ms"], "Allowed are 10 to 600000 milliseconds.")
    if options["min_size_mb"] < 0:
        raise OptionError("min_size_mb", options["min_size_mb"], "Allowed is 0 or more.")
    return {**options, "seconds": parse_duration("max_runtime", options["max_runtime"]).total_seconds}


def _make_plan(database: Database, options: Mapping[str, Any]) -> _Plan:
    plan = _Plan()
    hidden: list[Index] = []
    wanted = set(options["tables"] or ())
    indexes = read_indexes(database, options["min_size_mb"] << 20)
    for name in wanted - {index.table for index in indexes}:
        if database.value("SELECT to_regclass(%s) IS NULL", (quoted_name(*name.split(".", 1)),)):
            raise OptionError("tables", name, "There is no such table; write schema.table.")
    for index in indexes:
        if wanted and index.table not in wanted:
            continue
        bloat = measure(database, index)
        if bloat is None:
            plan.skipped.append({"index": index.full_name, "reason": f"not measured: {_why_not_measured(index)}"})
            hidden += [index] if index.method == "btree" and not index.owned else []
            continue
        plan.measured += 1
        if bloat.share < options["min_reclaimable"]:
            continue
        if not index.concurrently:
            plan.skipped.append(
                {"index": index.full_name, "reason": "exclusion constraints cannot be rebuilt concurrently"}
            )
        elif not index.owned:
            plan.failures.append(
                f"{index.full_name} is bloated, but only the owner of {index.table} may rebuild it"
                f"{_or_who_maintains(database)}: {_role(database)} is not."
            )
        else:
            plan.bloated.append((index, bloat))
    if hidden and not plan.measured:
        plan.failures.append(
            f"No index could be measured: {_role(database)} is neither the owner of {hidden[0].table} nor a member of it"
            f"{_or_who_maintains(database)}, and reads no statistics of its columns without SELECT on it."
        )
    plan.bloated.sort(key=lambda item: (-item[1].bytes, item[0].full_name))
    plan.leftovers = find_leftovers(database)
    plan.failed_builds = [one for one in find_failed_builds(database) if not wanted or one.table in wanted]
    return plan


def _why_not_measured(index: Index) -> str:
    if index.method != "btree":
        return index.method
    return "no pgstattuple and no statistics" + ("" if index.owned else " that this role may read")


def _role(database: Database) -> str:
    return f"the role {str(database.value('SELECT current_user'))!r}"


def _or_who_maintains(database: Database) -> str:
    return (
        " or a role with MAINTAIN on it (such as a member of pg_maintain)" if database.major >= MAINTAIN_SINCE else ""
    )


def _dropped(database: Database, leftover: Leftover, plan: _Plan) -> bool:
    why = drop_leftover(database, leftover)
    if why:
        plan.failures.append(f"The leftover index {leftover.full_name} could not be dropped: {why}")
    return not why


def _mended(database: Database, index: FailedBuild, plan: _Plan) -> bool:
    why = mend(database, index)
    if why:
        plan.skipped.append({"index": index.full_name, "reason": why})
    return not why


def _rebuild_all(
    database: Database, plan: _Plan, options: Mapping[str, Any], deadline: float, call: Call
) -> list[Rebuilt]:
    done: list[Rebuilt] = []
    for index, _bloat in plan.bloated:
        if time.monotonic() >= deadline:
            plan.skipped.append(
                {"index": index.full_name, "reason": "max_runtime has passed; the next run rebuilds it"}
            )
            continue
        result = rebuild(database, index, options["lock_timeout_ms"] / 1000, deadline)
        call.say(f"{index.full_name}: {result.problem or f'{index.bytes:,} -> {result.bytes_after:,} bytes'}")
        if result.failed:
            plan.failures.append(f"{index.full_name}: {result.problem}")
        elif result.problem:
            plan.skipped.append({"index": index.full_name, "reason": result.problem})
        else:
            done.append(result)
        if result.lost:  # and the lock with it
            plan.failures.append(f"{index.full_name}: {result.lost}. Run it again for the others.")
            break
    return done


def _superfluous(database: Database) -> tuple[list[Redundant], list[IndexShape], str | None]:
    shapes = read_shapes(database)
    redundant = find_redundant(shapes)
    named = {one.index.oid for one in redundant}
    since, old = statistics_since(database, STATISTICS_DAYS)
    unused = [one for one in shapes if one.droppable and one.scans == 0 and one.oid not in named and one.bytes and old]
    return redundant, unused, since


def _outcome(
    call: Call, plan: _Plan, done: Sequence[Rebuilt], redundant: Sequence[Redundant], unused: Sequence[IndexShape],
    since: str | None, seconds: float,
) -> Outcome:  # fmt: skip
    rebuilt = _rebuilt(call, plan, done)
    leftovers = [
        *(one.full_name for one in plan.leftovers),
        *(one.full_name for one in plan.failed_builds if one.superfluous),
    ]
    valid_again = [one.full_name for one in plan.failed_builds if not one.superfluous]
    data: Data = {
        "reindexed": rebuilt,
        "dropped_leftovers": leftovers,
        "rebuilt_invalid": valid_again,
        "skipped_indexes": plan.skipped,
        "duplicates": [_finding(one) for one in redundant],
        "unused": [_unused(one) for one in unused],
        "unused_since": since,
    }
    gained = sum(one["bytes_before"] - one["bytes_after"] for one in rebuilt)
    would = "Would rebuild" if call.check_mode else "Rebuilt"
    summary = (
        f"{would} {len(rebuilt)} of {plan.measured} measured indexes ({gained / (1 << 20):.1f} MiB freed), "
        f"{len(leftovers)} leftovers dropped, {len(valid_again)} failed builds rebuilt, {len(plan.skipped)} skipped, in {seconds:.1f} s."
    )
    changed = bool(rebuilt or leftovers or valid_again)
    if plan.failures:
        raise TitanError(f"{' '.join(plan.failures)} ({summary})", changed=changed and not call.check_mode, **data)
    left_out = [one for one in plan.skipped if "not measured" not in one["reason"]]
    return Outcome(
        changed=changed,
        data=data,
        summary=summary,
        before=_diff_text((leftovers, "leftover"), (valid_again, "invalid")) + _sizes(rebuilt, "bytes_before"),
        after=_diff_text((valid_again, "valid")) + _sizes(rebuilt, "bytes_after"),
        warnings=tuple(f"{one['index']} was not rebuilt: {one['reason']}." for one in left_out),
    )


def _rebuilt(call: Call, plan: _Plan, done: Sequence[Rebuilt]) -> list[Data]:
    """What was rebuilt, or would be in check mode."""
    after = {one.index.oid: one for one in done}
    return [
        {
            "index": index.full_name,
            "table": index.table,
            "bytes_before": index.bytes,
            "bytes_after": after[index.oid].bytes_after if index.oid in after else index.bytes - bloat.bytes,
            "reclaimable": round(bloat.share, 3),
            "source": bloat.source,
            "seconds": round(after[index.oid].seconds, 3) if index.oid in after else None,
        }
        for index, bloat in plan.bloated
        if call.check_mode or index.oid in after
    ]


def _diff_text(*states: tuple[Sequence[str], str]) -> str:
    return "".join(f"{name}: {state}\n" for names, state in states for name in names)


def _sizes(rebuilt: Sequence[Data], which: str) -> str:
    return "".join(f"{one['index']}: {one[which]} bytes\n" for one in rebuilt)


def _unused(one: IndexShape) -> Data:
    return {"index": one.full_name, "table": one.table, "bytes": one.bytes, "sql": one.drop_statement}


def _finding(one: Redundant) -> Data:
    return {
        "index": one.index.full_name,
        "table": one.index.table,
        "kind": one.kind,
        "keeper": one.keeper.full_name,
        "bytes": one.index.bytes,
        "sql": one.index.drop_statement,
    }
