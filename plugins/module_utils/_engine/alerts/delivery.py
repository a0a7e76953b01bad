# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages a run sends, and how often."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..crontab.calendar import UTC
from ..environment.config import Environment, JobPlan
from ..environment.records import Alert, Record, StateDirectory
from ..environment.results import JobResult
from ..errors import TitanError
from ..host.env_file import read_env_file, variables_before_mistake
from ..text.durations import parse_seconds
from ..text.one_line import printable
from .alerts import COVERED, FAILED, delivered, findings, is_new, needs_reminder, reason_of
from .channels import Channel, Message, channels, check_channels, is_own_program, send
from .pings import VARIABLE as PING_VARIABLE
from .pings import how_it_is_told

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

    def log(self, text: str) -> None:
        """One log line. A log that cannot be written (a full disk) must not stop the job."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = f"{moment} {self.plan.name}[{self.run_id}] {printable(text)}"
        self.tail = [*self.tail[-_TAIL:], line]
        with suppress(OSError):
            os.write(self.out, line.encode("utf-8", errors="replace") + b"\n")


def message_variables(environment: Environment) -> dict[str, str]:
    """Where messages go: this process's environment, then the env files; of a broken one what stands before the mistake."""
    found = dict(os.environ)
    for path in (environment.env_file, environment.notify_env_file):
        try:
            found.update(read_env_file(path) if path else {})
        except TitanError:
            found.update(variables_before_mistake(path))
    return found


def deliver(run: Run, record: Record, status: int, data: JobResult, blocked: bool) -> Record:
    """Send the message that is due; return the record with its alert.

    Args:
        blocked: The job did not start because the one that it waits for has not succeeded.
    """
    notify = run.environment.notify
    wanted = notify.get("on") or notify.get("true") or ["failure", "recovery"]  # YAML reads a bare on as true
    if status >= 2 if "checks" in data else status != 0:
        return _deliver_failure(run, record, data, blocked) if "failure" in wanted else record
    if record.alert.state == FAILED:
        if "recovery" in wanted:
            _send_message(run, record, "recovery", "works again", data)
    elif run.plan.subcommand == "stats" and notify.get("reports", True):
        _send_message(run, record, "report", "statistics", data)
    elif "success" in wanted:
        _send_message(run, record, "success", "succeeded", data)
    return replace(record, alert=Alert())


def _deliver_failure(run: Run, record: Record, data: JobResult, blocked: bool) -> Record:
    repeat = parse_seconds("notify.repeat", run.environment.notify.get("repeat") or "24h")
    now = time.time()
    reasons, headline = [reason_of(record.message)], record.message
    if "checks" in data:
        reasons, headline = findings(data["checks"], _unreported_jobs(run, now, repeat))
        if not reasons:
            run.log("no message: the jobs that failed have sent theirs")
            return record
    elif other := _covered_by(run, reasons, blocked, now, repeat):
        run.log(f"no message: the job {other!r} has sent one")
        state, reason = record.alert.state or COVERED, record.alert.reason or reasons[0]
        return replace(record, alert=Alert(state, reason, now))
    alert = replace(record.alert, state=FAILED, reason=",".join(reasons))
    if not is_new(record.alert, reasons, now, repeat):
        return replace(record, alert=alert)
    taken = _send_message(run, record, "failure", f"FAILED: {headline}", data)
    return replace(record, alert=replace(alert, sent=now, delivered=taken))


def _covered_by(run: Run, reasons: list[str], blocked: bool, now: float, repeat: float) -> str:
    """The job whose message covers this failure too: the one waited for, and for health any one; "" if none."""
    others = [run.plan.after] if run.plan.after else []
    if run.plan.subcommand == "health":
        others = [name for name in run.environment.jobs if name != run.plan.name]
    for name in others:
        alert = run.state.record(name).alert
        if delivered(alert) and (blocked or not is_new(alert, reasons, now, repeat)):
            return name
    return ""


def _unreported_jobs(run: Run, now: float, repeat: float) -> list[str]:
    """The jobs whose last run failed without a delivered message, or with one that is too old."""
    found = []
    for name in run.environment.jobs:
        record, running = run.state.record(name), run.state.running(name)
        if name == run.plan.name:
            continue
        if record.interrupted(running) or (record.failed and needs_reminder(record.alert, now, repeat)):
            found.append(name)
    return found


def _send_message(run: Run, record: Record, kind: str, what: str, data: JobResult) -> bool:
    """Send one message to every channel; return whether any of them took it."""
    known = channels(run.variables)
    if not known:
        return False
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
    page = str(data.get("page") or "") if kind == "report" else ""
    problems = send(Message(kind, title, f"{body}{where}", facts, page), known)
    for problem in problems:
        run.log(f"message not delivered: {problem}")
    if problems:
        count_undelivered(run, problems)
    return len(problems) < len(known)


def count_undelivered(run: Run, problems: list[str]) -> None:
    """Add to the count of messages that could not be delivered, one for each problem."""
    try:
        run.state.add_undelivered(problems, time.time())
    except OSError:
        run.log("the count of lost messages cannot be written")


def _notes(known: list[Channel], variables: Mapping[str, str]) -> list[str]:
    """What a person has to know of addresses that belong to no known service, and of the ping's."""
    notes = [
        f"{channel.label} belongs to no known service: it gets a JSON object (title, body, text, kind, job, status), and any answer of"
        " 2xx that does not say otherwise counts as delivered; send a test message and check that it arrives"
        for channel in known
        if is_own_program(channel)
    ]
    base = variables.get(PING_VARIABLE, "").strip()
    return [*notes, how_it_is_told(base)] if base else notes


def test_channels(environment: Environment, send_it: bool) -> str:
    """Check the channels for messages and (if wanted) send a test message to each; return a sentence.

    Raises:
        OptionError: no channel, or one that cannot work.
        TitanError: a message could not be delivered.
    """
    variables = message_variables(environment)
    known = channels(variables)
    check_channels(known, variables)
    labels = ", ".join(channel.label for channel in known)
    if not send_it:
        return ". ".join([f"{len(known)} channel(s) are valid and resolve: {labels}", *_notes(known, variables)])
    host = socket.gethostname()
    facts = {"environment": environment.name, "host": host}
    text = f"Messages about the database jobs of {environment.name} on {host} arrive here."
    problems = send(Message("test", f"[{environment.name}] test message ({host})", text, facts), known)
    if problems:
        raise TitanError(f"The test message was not delivered: {'; '.join(problems)}.")
    return f"test message delivered to {labels}"
