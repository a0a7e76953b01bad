# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of one job of an environment, as cron starts it: once, limited, recorded, and heard."""

from __future__ import annotations

import os
import re
import socket
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Callable

from ..clock import host_zone
from ..connection import ConnectionSettings
from ..envfile import read_env_file
from ..errors import LockedError, TitanError
from ..locks import file_lock
from ..schedule.calendar import UTC, next_runs
from .config import Environment, JobPlan, seconds
from .guard import BlockedError, result_numbers, wait_for_dependency, wrong_server
from .metrics import job_samples, write_metrics
from .notify import Message, channels, ping, require_channels, send
from .process import supervise
from .state import Record, StateDirectory

Work = Callable[[], "tuple[int, dict[str, Any]]"]
_TAIL = 40


@dataclass
class Run:
    """One run while it goes on."""

    environment: Environment
    plan: JobPlan
    state: StateDirectory
    variables: Mapping[str, str]
    out: int = 1
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    started: float = field(default_factory=time.time)
    tail: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """One log line. A log that cannot be written (a full disk) must not stop the job."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = f"{moment} {self.plan.name}[{self.run_id}] {text}"
        self.tail = [*self.tail[-_TAIL:], line]
        with suppress(OSError):
            os.write(self.out, line.encode("utf-8", errors="replace") + b"\n")


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
        return _finish(run, run.state.record(name), 1, message, {}), {}


def note_failed_start(environment: Environment, name: str, status: int) -> int:
    """Record and tell that the job's line failed before titan-db could start."""
    run = _new_run(environment, name, environment.job(name, name).word)
    message = "the job could not start: its log, its directory or its env file cannot be used"
    record = run.state.record(name)
    started = replace(record, run_id=run.run_id, last_start=run.started, timeout=run.plan.longest)
    return _finish(run, started, status or 1, message, {})


def test_channels(environment: Environment, send_it: bool) -> str:
    """Check the channels for messages and (if wanted) send a test message to each; return a sentence.

    Raises:
        OptionError: no channel, or one that cannot work.
        TitanError: a message could not be delivered.
    """
    found = channels(_variables(environment))
    require_channels(found)
    labels = ", ".join(channel.label for channel in found)
    if not send_it:
        return f"{len(found)} channel(s) configured: {labels}"
    host = socket.gethostname()
    facts = {"environment": environment.name, "host": host}
    text = f"Messages about the database jobs of {environment.name} on {host} arrive here."
    problems = send(Message("test", f"[{environment.name}] test message ({host})", text, facts), found)
    if problems:
        raise TitanError(f"The test message was not delivered: {'; '.join(problems)}.")
    return f"test message delivered to {labels}"


def _new_run(environment: Environment, name: str, word: str) -> Run:
    return Run(environment, environment.job(name, word), StateDirectory(environment.state_dir), _variables(environment))


def _variables(environment: Environment) -> dict[str, str]:
    """Where messages go: this process's environment, then the env files; what cannot be read is left out."""
    found = dict(os.environ)
    for path in (environment.env_file, environment.notify_env_file):
        try:
            found.update(read_env_file(path) if path else {})
        except TitanError:
            continue
    return found


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
        reason = wrong_server(run.plan, run.environment, settings)
        if reason:
            run.say(f"nothing to do: {reason}")
            return _finish(run, record, 0, reason, {}, skipped=True), {}
        wait_for_dependency(run.plan, run.environment, run.state, run.say)
    except TitanError as error:
        run.say(error.message)
        return _finish(run, record, 1, error.message, {}, blocked=isinstance(error, BlockedError)), {}
    ended = supervise(work, run.plan.timeout, run.plan.nice, run.say)
    message = {
        "timeout": f"stopped after its time limit of {run.plan.timeout:.0f} s",
        "signal": "stopped by a signal",
    }.get(ended.why) or str(
        ended.data.get("message") or ended.data.get("summary") or f"ended with status {ended.exit_status}"
    )
    return _finish(run, record, ended.exit_status, message, ended.data), ended.data


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
    run.say(f"{'ended' if recorded == 0 else 'FAILED'} with status {status} after {ended.duration:.1f} s: {message}")
    ended = _tell(run, ended, status, data, blocked)
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


def _tell(run: Run, record: Record, status: int, data: dict[str, Any], blocked: bool) -> Record:
    """Send what has to be sent; return the record with what was told."""
    wanted = run.environment.notify.get("on") or ["failure", "recovery"]
    repeat = seconds(run.environment.notify.get("repeat") or "24h", "notify.repeat")
    bad = status >= 2 if "checks" in data else status != 0
    alert, now = record.alert, time.time()
    if blocked and run.state.record(run.plan.after).alert.get("state") == "failed":
        run.say("no message: the job that it waits for has sent one")
        return record
    told = alert.get("state") == "failed"
    if bad:
        reason = _reason(record.message, data)
        if "failure" not in wanted or (
            told and alert.get("reason") == reason and now - float(alert.get("sent", 0)) < repeat
        ):
            return record
        _message(run, record, "failure", f"FAILED: {record.message}", data)
        return replace(record, alert={"state": "failed", "reason": reason, "sent": now})
    if told:
        if "recovery" in wanted:
            _message(run, record, "recovery", "works again", data)
        return replace(record, alert={})
    if run.plan.word == "stats" and run.environment.notify.get("reports", True):
        _message(run, record, "report", "statistics", data)
    elif "success" in wanted:
        _message(run, record, "success", "succeeded", data)
    return record


def _reason(message: str, data: dict[str, Any]) -> str:
    """What makes two failures the same: the checks that are critical, or the message without its numbers."""
    critical = [str(each["name"]) for each in data.get("checks", []) if each["status"] in ("critical", "unknown")]
    return ",".join(critical) if critical else re.sub(r"\d+", "#", message)[:300]


def _message(run: Run, record: Record, kind: str, what: str, data: dict[str, Any]) -> None:
    found = channels(run.variables)
    if not found:
        return
    host = socket.gethostname()
    report = str(data.get("report") or "")
    body = report if report else "\n".join(run.tail)
    where = f"\n\nLog: {run.plan.log}" if run.plan.log else ""
    title = f"[{run.environment.name}] {run.plan.name} {what.splitlines()[0][:200]} ({host})"
    facts = {
        "environment": run.environment.name,
        "job": run.plan.name,
        "status": record.exit_status,
        "run_id": run.run_id,
        "host": host,
    }
    problems = send(Message(kind, title, f"{body}{where}", facts), found)
    for problem in problems:
        run.say(f"message not delivered: {problem}")
    if problems:
        _count_lost(run, problems)


def _count_lost(run: Run, problems: list[str]) -> None:
    lost = run.state.read("notify.json")
    text = {
        "failed_total": int(lost.get("failed_total", 0)) + len(problems),
        "last": time.time(),
        "problem": problems[0],
    }
    try:
        run.state.write("notify.json", text)
    except OSError:
        run.say("the count of lost messages cannot be written")


def _save(run: Run, record: Record, running: bool, checks: Any = ()) -> None:
    """Write the record and the metrics; a full disk is told in the log and must not stop the job."""
    try:
        run.state.save(record)
        if run.environment.metrics_dir:
            lost = float(run.state.read("notify.json").get("failed_total", 0))
            interval = longest_interval(run.plan)
            samples = job_samples(run.environment.name, record, running, interval, lost, checks)
            write_metrics(run.environment.metrics_dir, run.environment.name, run.plan.name, samples)
    except OSError as error:
        run.say(f"the record or the metrics cannot be written: {error.strerror or error}")


def longest_interval(plan: JobPlan) -> float:
    """The longest time in seconds between two of the next starts; 0 for a job that nothing schedules."""
    if plan.expression is None:
        return 0.0
    moments = [run.utc for run in next_runs(plan.expression, datetime.now(UTC), host_zone()[0], plan.weekday, 14)]
    return max(((later - sooner).total_seconds() for sooner, later in zip(moments, moments[1:])), default=0.0)
