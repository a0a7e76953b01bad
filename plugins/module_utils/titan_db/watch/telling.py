# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a run, to whom, and how often."""

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
from typing import Any

from ..durations import parse_seconds
from ..envfile import read_env_file
from ..errors import TitanError
from ..schedule.calendar import UTC
from .config import Environment, JobPlan
from .notify import Message, channels, require_channels, send
from .state import Record, StateDirectory

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


def message_variables(environment: Environment) -> dict[str, str]:
    """Where messages go: this process's environment, then the env files; what cannot be read is left out."""
    found = dict(os.environ)
    for path in (environment.env_file, environment.notify_env_file):
        try:
            found.update(read_env_file(path) if path else {})
        except TitanError:
            continue
    return found


def tell(run: Run, record: Record, status: int, data: dict[str, Any], blocked: bool) -> Record:
    """Send what has to be sent; return the record with what was told."""
    notify = run.environment.notify
    wanted = notify.get("on") or notify.get("true") or ["failure", "recovery"]  # YAML reads a bare on as true
    repeat = parse_seconds("notify.repeat", notify.get("repeat") or "24h")
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


def test_channels(environment: Environment, send_it: bool) -> str:
    """Check the channels for messages and (if wanted) send a test message to each; return a sentence.

    Raises:
        OptionError: no channel, or one that cannot work.
        TitanError: a message could not be delivered.
    """
    found = channels(message_variables(environment))
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
