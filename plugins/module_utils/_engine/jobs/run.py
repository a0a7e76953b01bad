# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of one job of an environment, as cron starts it: once, limited, recorded, and heard."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import datetime
from typing import Any, Callable

from ..alerts.channels import ping
from ..alerts.delivery import Run, message_variables, tell
from ..alerts.metrics import job_samples, remove_former, write_metrics
from ..crontab.calendar import UTC, longest_interval
from ..environment.config import Environment
from ..environment.records import Record, StateDirectory
from ..errors import LockedError, TitanError
from ..host.clock import host_zone
from ..postgres.connection import ConnectionSettings
from ..postgres.locks import file_lock
from .preconditions import BlockedError, result_numbers, wait_for_dependency, wrong_server
from .programs import broken_copies
from .supervisor import supervise

# The shell's statuses for what cannot be executed, and what cannot be found.
_NO_PROGRAM = (126, 127)

Work = Callable[[], "tuple[int, dict[str, Any]]"]


def run_job(
    environment: Environment,
    name: str,
    word: str,
    settings: Callable[[], ConnectionSettings | None],
    work: Work,
    out: int = 1,
) -> tuple[int, dict[str, Any]]:
    """Run the work as the job called name; return its exit status (75 when it runs already) and result.

    Args:
        settings: How to reach the database, for the question which server this is.
        work: Does the job in a child process; returns its exit status and its result.
        out: File descriptor that the log lines go to.
    """
    run = replace(_new_run(environment, name, word), out=out)
    try:
        run.state.prepare()
        with file_lock(run.state.lock_path(name), f"job {name!r} of {environment.name}"):
            return _locked_run(run, settings, work)
    except LockedError as error:
        run.say(f"not started: {error.message}")
        return 75, {}
    except OSError as error:
        message = f"the records in {run.state.path} cannot be written: {error.strerror or error}"
        return _finish(run, run.state.record(name), _could_not(run), message, {}), {}


def note_failed_start(environment: Environment, name: str, status: int) -> None:
    """Record and tell that the job's line failed before titan-db could start; status is the shell's."""
    run = _new_run(environment, name, environment.job(name, name).word)
    record = run.state.record(name)
    started = replace(record, run_id=run.run_id, last_start=run.started, timeout=run.plan.longest)
    _finish(run, started, status or 1, f"the job could not start: {_why_not_started(environment, status)}", {})


def _why_not_started(environment: Environment, status: int) -> str:
    if status not in _NO_PROGRAM:
        return "its log, its directory or its env file cannot be used"
    return "; ".join(broken_copies(environment)) or "a program that it needs cannot be run, its log names it"


def _new_run(environment: Environment, name: str, word: str) -> Run:
    return Run(
        environment, environment.job(name, word), StateDirectory(environment.state_dir), message_variables(environment)
    )


def _locked_run(run: Run, settings: Callable[[], ConnectionSettings | None], work: Work) -> tuple[int, dict[str, Any]]:
    before = run.state.record(run.plan.name)
    if before.last_start and not before.last_end:
        run.say(f"the run {before.run_id} before this one was interrupted")
    record = replace(
        before, run_id=run.run_id, pid=os.getpid(), last_start=run.started, last_end=0.0, timeout=run.plan.longest
    )
    run.say("started")
    _save(run, record, running=True)
    problem = ping(run.variables, run.plan.name, "start", "", tries=1)
    if problem:
        run.say(problem)
    try:
        reason = _wrong_place(run, settings)
        if reason:
            run.say(f"nothing to do: {reason}")
            return _finish(run, record, 0, reason, {}, skipped=True), {}
        wait_for_dependency(run.plan, run.environment, run.state, run.say)
    except TitanError as error:
        run.say(error.message)
        return _finish(run, record, _could_not(run), error.message, {}, blocked=isinstance(error, BlockedError)), {}
    ended = supervise(work, run.plan.timeout, run.plan.nice, run.say)
    message = {
        "timeout": f"stopped after its time limit of {run.plan.timeout:.0f} s",
        "signal": "stopped by a signal",
    }.get(ended.why) or str(
        ended.data.get("message") or ended.data.get("summary") or f"ended with status {ended.exit_status}"
    )
    return _finish(run, record, ended.exit_status, message, ended.data), ended.data


def _wrong_place(run: Run, settings: Callable[[], ConnectionSettings | None]) -> str:
    """Why the job has nothing to do here. A server that cannot be asked is what health is there to find."""
    try:
        return wrong_server(run.plan, run.environment, settings)
    except TitanError:
        if run.plan.word == "health":
            return ""
        raise


def _could_not(run: Run) -> int:
    """The exit status of a job that could not do its work; of health, which has others, it is unknown."""
    return 3 if run.plan.word == "health" else 1


def _finish(
    run: Run,
    record: Record,
    status: int,
    message: str,
    data: dict[str, Any],
    blocked: bool = False,
    skipped: bool = False,
) -> int:
    """Record the end, and tell whoever wants to know."""
    ended = _ended(run, record, status, message, data, skipped)
    recorded = ended.exit_status
    run.say(f"{'ended' if recorded == 0 else 'FAILED'} with status {status} after {ended.duration:.1f} s: {message}")
    ended = tell(run, ended, status, data, blocked)
    problem = ping(run.variables, run.plan.name, "fail" if recorded else "", "\n".join(run.tail))
    if problem:
        run.say(problem)
    _save(run, ended, running=False, checks=data.get("checks", ()))
    entry = {
        "job": run.plan.name,
        "run": run.run_id,
        "start": run.started,
        "seconds": ended.duration,
        "status": recorded,
        "message": message[:300],
    }
    try:
        run.state.add_run(entry)
    except OSError as error:
        run.say(f"the log of runs cannot be written: {error.strerror}")
    return status


def _ended(run: Run, record: Record, status: int, message: str, data: dict[str, Any], skipped: bool) -> Record:
    """The job's record after the run."""
    now = time.time()
    # Health did its work when it found something; what it found is told, but is no failure of the job.
    ran = run.plan.word == "health" and "checks" in data
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
            result={**record.result, **result_numbers(run.plan.word, data)},
        )
    return ended


def _save(run: Run, record: Record, running: bool, checks: Any = ()) -> None:
    """Write the record and the metrics; a full disk is told in the log and must not stop the job."""
    try:
        run.state.save(record)
        if run.environment.metrics_dir:
            lost = float(run.state.read("notify.json").get("failed_total", 0))
            interval = longest_interval(run.plan.expression, datetime.now(UTC), host_zone()[0], run.plan.weekday)
            samples = job_samples(run.environment.name, record, running, interval, lost, checks)
            write_metrics(run.environment.metrics_dir, run.environment.name, run.plan.name, samples)
            if run.plan.word == "health" and not running:
                remove_former(run.environment.metrics_dir, run.environment.name, run.environment.jobs)
    except OSError as error:
        run.say(f"the record or the metrics cannot be written: {error.strerror or error}")
