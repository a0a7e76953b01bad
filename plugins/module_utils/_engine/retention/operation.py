# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point cleanup."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import DatabaseError, OptionError, TitanError
from ..outcome import Call, Data, Outcome
from ..postgres.clock import clock_doubt
from ..postgres.database import Database, connect
from ..postgres.trust import require_trusted_role
from ..text.arguments import complete
from ..text.durations import parse_duration
from .deletion.apply import Done, apply_table
from .deletion.batch import Limits
from .deletion.throttle import Throttle
from .findings import findings
from .options import RETENTION_POLICY
from .plan.guards import backup_within, trusted_backup
from .plan.newest_row import row_within
from .plan.plan import make_plan
from .plan.trust import AS_WHOM, require_expected_policies, require_trusted_policies
from .policies.parse import selected
from .policies.store import read_policies
from .results import Run, outcome, refused
from .session import prepare


def cleanup(call: Call) -> Outcome:
    """Delete (or mark) what the stored policies say is due."""
    begun = time.monotonic()
    limits = _limits(call.options, begun)
    within = backup_within("require_backup_within", call.options["require_backup_within"])
    newest = row_within("require_row_within", call.options["require_row_within"])
    with connect(call.connection, "cleanup") as database:
        prepare(database)
        warnings = require_trusted_role(database, bool(call.options.get("accept_superuser")), AS_WHOM)
        policies = selected(read_policies(database), call.options["tables"])
        if doubt := clock_doubt(database, call.record_ahead):
            raise TitanError(f"Nothing was deleted: {doubt}. The age of a row is computed from the server's clock.")
        require_trusted_policies(policies, call.options)
        require_expected_policies(database, policies, _expected(call.options))
        clock = str(database.value("SELECT clock_timestamp()::text"))
        vacuuming = call.options["vacuum"] == "auto"
        plans = make_plan(database, policies, clock, call.options["max_fraction"], vacuuming, newest)
        sentences = [sentence for plan in plans for sentence in findings(database, plan)]
        run = Run(plans, [*warnings, *sentences], clock, call.check_mode)
        if any(plan.due for plan in run.plans) and within is not None:
            try:
                options = call.options
                run.backup = trusted_backup(
                    database, options["backup_dest"], options["backup_name"], within, options["require_verified"],
                    set().union(*(plan.due_tables for plan in run.plans)),
                )  # fmt: skip
            except TitanError as error:
                raise refused(error, run) from error
        if not call.check_mode:
            lag, free = call.options["max_replica_lag_mb"] << 20, call.options["min_free_wal_mb"] << 20
            _apply_all(database, replace(limits, throttle=Throttle(database, lag, free)), call, run)
    return outcome(run, time.monotonic() - begun, bool(policies))


def _expected(options: Mapping[str, Any]) -> list[Data]:
    """The inventory's policies, complete."""
    rules, found = RETENTION_POLICY["policies"].options or {}, []
    for index, item in enumerate(options.get("expected_policies") or ()):
        option = f"expected_policies[{index}]"
        if not isinstance(item, Mapping):
            raise OptionError(option, item, "Write it as an element of retention_policies.")
        found.append(complete(item, rules, f"{option}."))
    return found


def _apply_all(database: Database, limits: Limits, call: Call, run: Run) -> None:
    """Work through the tables; a lost connection ends it, and what was not reached says so."""
    try:
        for plan in run.plans:
            if plan.due or plan.drops or plan.unfinished or plan.pending_vacuum:
                vacuumed, problem = apply_table(
                    database, plan, limits, call.options["vacuum"] == "auto", call.say, run.done
                )
                run.vacuumed += [one.as_data() for one in vacuumed]
                run.problems += [problem] if problem else []
    except DatabaseError as error:
        run.problems.append(error.message)
        for plan in run.plans:
            for one in plan.policies:
                if one.due and not one.error:
                    run.done.setdefault(
                        one.policy.name, Done(error="not reached, because the connection was lost before")
                    )


def _limits(options: Mapping[str, Any], begun: float) -> Limits:
    if not 0 < options["max_fraction"] <= 1:
        raise OptionError("max_fraction", options["max_fraction"], "Allowed is a number above 0 and up to 1.")
    if not 10 <= options["batch_target_ms"] <= 60_000:
        raise OptionError("batch_target_ms", options["batch_target_ms"], "Allowed are 10 to 60000 milliseconds.")
    if not 0 <= options["pause"] <= 100:
        raise OptionError("pause", options["pause"], "Allowed is a share of the batch's time from 0 to 100.")
    for option in ("max_replica_lag_mb", "min_free_wal_mb"):
        if options[option] < 0:
            raise OptionError(option, options[option], "Allowed is 0 (do not look) or more.")
    runtime = parse_duration("max_runtime", options["max_runtime"]).total_seconds
    return Limits(options["batch_target_ms"] / 1000, options["pause"], begun + runtime)
