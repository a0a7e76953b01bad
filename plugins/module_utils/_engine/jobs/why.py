# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job's state in ten lines, for a person: when it last ran, how it ended, when it runs next, and what can be done."""

from __future__ import annotations

import os
import shlex
from datetime import datetime

from ..crontab.calendar import UTC, next_runs
from ..crontab.titan_command import config_path
from ..environment.config import Environment, JobPlan
from ..environment.records import Record, StateDirectory
from ..errors import OptionError, TitanError
from ..host.clock import host_zone


def require_job(environment: Environment, name: str) -> JobPlan:
    """The plan of a job that the environment schedules.

    Raises:
        OptionError: there is none; says which there are.
    """
    if name not in environment.jobs:
        known = ", ".join(environment.jobs) or "none"
        raise OptionError("job", name, f"{environment.name} has no such job; its jobs are: {known}.")
    return environment.jobs[name]


def why(environment: Environment, name: str, now: datetime | None = None) -> str:
    """The text.

    Raises:
        TitanError: the records may not be read by this user; they are another one's.
    """
    plan, state = require_job(environment, name), StateDirectory(environment.state_dir)
    owner = state.hidden_by()
    if owner:
        raise TitanError(f"The records are those of the user {owner}; run it as {owner}: sudo -u {owner} titan-db ...")
    now = now or datetime.now(UTC)
    record, running = state.record(name), state.running(name)
    rows = [
        ("last start", _start(record, running)),
        ("ended", _end(record, running)),
        ("last success", _moment(record.last_success) if record.last_success else "never"),
        ("runs next", _next(plan, now)),
        ("waits for", f"{plan.after}, up to {plan.wait / 3600:g} h" if plan.after else "no other job"),
        ("message", _message(record)),
        ("log", plan.log or "none"),
    ]
    head = f"{plan.name} of {environment.name} ({environment.config_path})"
    return "\n".join([head, *(f"  {word:<13}{text}" for word, text in rows), *_advice(environment, plan, record)])


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%a %Y-%m-%d %H:%M:%S} UTC"


def _start(record: Record, running: bool) -> str:
    if not record.last_start:
        return "never"
    return f"{_moment(record.last_start)} (run {record.run_id})" + (
        f", runs now as process {record.pid}" if running else ""
    )


def _end(record: Record, running: bool) -> str:
    if running:
        return "not yet"
    if not record.last_start:
        return "-"
    if not record.last_end:
        return "no end is recorded: the run, or the machine, was stopped in the middle"
    message = " ".join(record.message.split())
    return f"with status {record.exit_status} after {record.duration:.1f} s: {message[:300]}"


def _next(plan: JobPlan, now: datetime) -> str:
    if plan.expression is None:
        return "by hand only"
    zone, zone_name = host_zone()
    coming = next_runs(plan.expression, now, zone, plan.weekday, 1)
    where = "" if plan.run_on == "any" else f", if this server is then the {plan.run_on}"
    return f"{coming[0].local:%a %Y-%m-%d %H:%M} {zone_name}{where}" if coming else "never"


def _message(record: Record) -> str:
    alert = record.alert
    if not alert.state:
        return "none is due"
    if alert.state != "failed":
        return "another job's message covers the failure"
    return f"failure, {_moment(alert.sent)}" + ("" if alert.delivered else ": no channel took it")


def _advice(environment: Environment, plan: JobPlan, record: Record) -> list[str]:
    command = os.path.basename(environment.command) or "titan-db"
    run = shlex.join([command, "cron", environment_word(environment), plan.name])
    if record.failed and plan.log:
        return [f"  read why     tail -n 50 {shlex.quote(plan.log)}", f"  run it now   {run}"]
    return [f"  try it       {run} --check", f"  run it now   {run}"]


def environment_word(environment: Environment) -> str:
    """What ``titan-db cron`` calls the environment: its name, or the path of a configuration elsewhere."""
    return environment.name if config_path(environment.name) == environment.config_path else environment.config_path
