# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of one job of an environment, as cron starts it: once at a time, limited, recorded, and reported."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import Callable

from ..alerts.delivery import Run, count_undelivered, deliver, message_variables
from ..alerts.metrics import job_samples, remove_former, remove_metrics, write_metrics
from ..alerts.pings import ping
from ..crontab.calendar import UTC, longest_interval
from ..environment.config import Environment
from ..environment.records import Record, StateDirectory
from ..environment.results import CheckRow, JobResult
from ..environment.runs_log import RunEntry
from ..errors import LockedError, OptionError, TitanError
from ..host.clock import host_zone
from ..host.limits import FULL, REFUSALS, refusal
from ..postgres.connection import ConnectionSettings
from ..postgres.locks import file_lock
from .lines import Line
from .preconditions import BlockedError, is_primary, result_numbers, rows_by_policy, wait_for_dependency, wrong_server
from .supervisor import supervise
from .typed import NOTHING_TYPED, Typed

Work = Callable[[], "tuple[int, JobResult]"]


def run_job(
    environment: Environment,
    name: str,
    subcommand: str,
    settings: Callable[[], ConnectionSettings | None],
    work: Work,
    out: int = 1,
    line: Line | None = None,
    typed: Typed = NOTHING_TYPED,
) -> tuple[int, JobResult]:
    """Run the work as the job called name; return its exit status (75 when it runs already) and result.

    Args:
        typed: What a person has typed for this run; a failure by that is none of the job's.
        line: The crontab's line that starts it; None for a person's own command.
        settings: How to reach the database, for the question which server this is.
        work: Does the job in a child process; returns its exit status and its result.
        out: File descriptor that the log lines go to.
    """
    run = replace(_new_run(environment, name, subcommand), out=out)
    with ExitStack() as stack:
        try:
            run.state.prepare()
            stack.enter_context(file_lock(run.state.lock_path(name), f"job {name!r} of {environment.name}"))
        except LockedError as error:
            run.log(f"not started: {error.message}")
            return 75, {}
        except OSError as error:
            message = f"the records in {run.state.path} cannot be written: {error.strerror or error}"
            if error.errno not in FULL:
                return _finish(run, run.state.record(name), _failure_status(run), message, {}), {}
            run.log(f"{message}; the job runs without its lock")  # what it does has locks of its own
        try:
            return _locked_run(run, settings, work, line or Line(), typed)
        except REFUSALS as error:  # no further process, no memory
            why = refusal(error)
            if not why:
                raise
            return _finish(run, run.state.record(name), _failure_status(run), why, {}), {}


def note_failure(environment: Environment, name: str, status: int, message: str, out: int = 1) -> None:
    """Record and report a failed run that could not do so itself; status is the shell's."""
    run = replace(_new_run(environment, name, environment.job(name, name).subcommand), out=out)
    record = run.state.record(name)
    started = replace(record, run_id=run.run_id, last_start=run.started, line="", timeout=run.plan.longest)
    _finish(run, started, status or 1, message, {})


def _new_run(environment: Environment, name: str, subcommand: str) -> Run:
    return Run(
        environment,
        environment.job(name, subcommand),
        StateDirectory(environment.state_dir),
        message_variables(environment),
    )


def _locked_run(
    run: Run, settings: Callable[[], ConnectionSettings | None], work: Work, line: Line, typed: Typed
) -> tuple[int, JobResult]:
    before = run.state.record(run.plan.name)
    if before.last_start and not before.last_end:
        run.log(f"the run {before.run_id} before this one was interrupted")
    record = replace(
        before, run_id=run.run_id, pid=os.getpid(), last_start=run.started, line=line.process, last_end=0.0,
        timeout=run.plan.longest,
    )  # fmt: skip
    run.log("started")
    _save(run, record, running=True)
    problem = "" if typed.options else ping(run.variables, run.plan.name, "start", "", tries=1)
    if problem:
        run.log(problem)
    try:
        line.enter()
        reason = _wrong_server(run, settings)
        if reason:
            run.log(f"nothing to do: {reason}")
            return _finish(run, record, 0, reason, {}, skipped=True), {}
        wait_for_dependency(run.plan, run.environment, run.state, run.log)
    except TitanError as error:
        if typed.caused(1, error.details):
            return _take_back(run, before, _failure_status(run), error.message, typed), {}
        run.log(error.message)
        return _finish(
            run, record, _failure_status(run), error.message, {}, blocked=isinstance(error, BlockedError)
        ), {}
    ended = supervise(work, run.plan.timeout, run.plan.nice, run.log)
    message = {
        "timeout": f"stopped after its time limit of {run.plan.timeout:.0f} s",
        "signal": "stopped by a signal",
    }.get(ended.why) or str(
        ended.data.get("message") or ended.data.get("summary") or f"ended with status {ended.exit_status}"
    )
    if typed.caused(ended.exit_status, ended.data):
        return _take_back(run, before, ended.exit_status, message, typed), ended.data
    return _finish(run, record, ended.exit_status, message, ended.data), ended.data


def _take_back(run: Run, before: Record, status: int, message: str, typed: Typed) -> int:
    """End a run that failed by what somebody typed: the job's record, metrics and messages are as if it had not been."""
    run.log(f"FAILED with status {status}: {typed.said(message)}")
    run.log("not recorded, and no message is sent: it was started by hand, with options of its own")
    try:
        run.state.restore(before)
        if run.environment.metrics_dir and not before.last_start:
            remove_metrics(run.environment.metrics_dir, run.environment.name, run.plan.name)
    except OSError as error:
        run.log(f"the record or the metrics cannot be written: {error.strerror or error}")
    if before.last_start:
        _save(run, before, running=False)
    return status


def _wrong_server(run: Run, settings: Callable[[], ConnectionSettings | None]) -> str:
    """Why the job has nothing to do here. A server that cannot be asked is what health is there to find."""
    try:
        return wrong_server(run.plan, run.environment, lambda: is_primary(settings()))
    except TitanError:
        if run.plan.subcommand == "health":
            return ""
        raise


def _failure_status(run: Run) -> int:
    """The exit status of a job that could not do its work; of health, which has others, it is unknown."""
    return 3 if run.plan.subcommand == "health" else 1


def _finish(
    run: Run,
    record: Record,
    status: int,
    message: str,
    data: JobResult,
    blocked: bool = False,
    skipped: bool = False,
) -> int:
    """Record the end, and send the message and the ping that are due."""
    ended = _ended(run, record, status, message, data, skipped)
    recorded = ended.exit_status
    run.log(f"{'ended' if recorded == 0 else 'FAILED'} with status {status} after {ended.duration:.1f} s: {message}")
    _save(run, ended, running=False, checks=data.get("checks", ()))  # whatever becomes of the messages
    ended = _report(run, ended, status, data, blocked)
    _save(run, ended, running=False, checks=data.get("checks", ()))
    entry: RunEntry = {
        "job": run.plan.name,
        "run": run.run_id,
        "start": run.started,
        "seconds": ended.duration,
        "status": recorded,
        "message": message[:300],
        "result": {} if skipped else result_numbers(run.plan.subcommand, data),
    }
    if policies := rows_by_policy(run.plan.subcommand, data):
        entry["policies"] = policies
    try:
        run.state.add_run(entry)
    except OSError as error:
        run.log(f"the log of runs cannot be written: {error.strerror}")
    return status


def _report(run: Run, ended: Record, status: int, data: JobResult, blocked: bool) -> Record:
    """Send the message and the ping that are due; return the record with its alert. Nothing that happens here fails the job."""
    try:
        ended = deliver(run, ended, status, data, blocked)
    except Exception as error:  # its text may hold an address
        reason = error.message if isinstance(error, OptionError) else type(error).__name__
        run.log(f"message not delivered: {reason}")
        count_undelivered(run, [reason])
    problem = ping(run.variables, run.plan.name, "fail" if ended.exit_status else "", "\n".join(run.tail))
    if problem:
        run.log(problem)
    return ended


def _ended(run: Run, record: Record, status: int, message: str, data: JobResult, skipped: bool) -> Record:
    """The job's record after the run."""
    now = time.time()
    # Health did its work when it found something; its findings are sent, but are no failure of the job.
    ran = run.plan.subcommand == "health" and "checks" in data
    recorded = 0 if ran else status
    ended = replace(
        record,
        last_end=now,
        exit_status=recorded,
        duration=round(now - run.started, 3),
        message=message[:1000],
        failures=0 if recorded == 0 else record.failures + 1,
        runs_total=record.runs_total + 1,
        failures_total=record.failures_total + (recorded != 0),
    )
    if recorded == 0 and not skipped:
        ended = replace(
            ended,
            last_success=run.started,
            last_success_end=now,
            result={**record.result, **result_numbers(run.plan.subcommand, data)},
        )
    return ended


def _save(run: Run, record: Record, running: bool, checks: Sequence[CheckRow] = ()) -> None:
    """Write the record and the metrics; a full disk is logged and must not stop the job."""
    try:
        run.state.save(record)
        if run.environment.metrics_dir:
            lost = run.state.undelivered().failed_total
            interval = longest_interval(run.plan.expression, datetime.now(UTC), host_zone()[0], run.plan.weekday)
            samples = job_samples(run.environment.name, record, running, interval, lost, checks)
            write_metrics(run.environment.metrics_dir, run.environment.name, run.plan.name, samples)
            if run.plan.subcommand == "health" and not running:
                remove_former(run.environment.metrics_dir, run.environment.name, run.environment.jobs)
    except OSError as error:
        run.log(f"the record or the metrics cannot be written: {error.strerror or error}")
