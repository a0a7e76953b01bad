# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job's state in ten lines, for a person: when it last ran, how it ended, when it runs next, and what can be done."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from datetime import datetime

from ..alerts.alerts import FAILED
from ..crontab.calendar import UTC, next_runs
from ..environment.config import Environment, JobPlan
from ..environment.installed_lines import commented_out, crontab_user, installed_lines, unlike_the_schedule
from ..environment.records import StateDirectory, Undelivered
from ..errors import OptionError, TitanError
from ..host.clock import host_zone
from ..host.cron_daemon import Starter, this_host
from .due import CLOCK_SECONDS, JobFacts, missed_due

_LINES = 10
_TIMED_OUT = 124
_NO_CRON = "no cron daemon runs"
_SAME_MESSAGE = 120.0  # seconds between a message and the note that nobody took it


def require_job(environment: Environment, name: str) -> JobPlan:
    """The plan of a job that the environment schedules.

    Raises:
        OptionError: there is none; says which there are.
    """
    if name not in environment.jobs:
        known = ", ".join(environment.jobs) or "none"
        raise OptionError("job", name, f"{environment.name} has no such job; its jobs are: {known}.")
    return environment.jobs[name]


@dataclass(frozen=True)
class _Seen:
    """What is known of the job.

    Attributes:
        facts: Its plan, its record, and whether it runs.
        now: The moment that "next" is after.
        due: When it was due last and did not start; None if it did.
        booted: When this host was started, in seconds since 1970; 0 if that is not shown.
        line: What is wrong with what starts it, a sentence without its full stop; "" for nothing.
        lost: The last message of any job that no channel took.
    """

    facts: JobFacts
    now: datetime
    due: datetime | None
    booted: float
    line: str
    lost: Undelivered


def why(environment: Environment, name: str, now: datetime | None = None, starter: Starter | None = None) -> str:
    """The text, of ten lines at most.

    Raises:
        TitanError: the records may not be read by this user; they are another one's.
    """
    plan, state = require_job(environment, name), StateDirectory(environment.state_dir)
    owner = state.hidden_by()
    if owner:
        raise TitanError(f"The records are those of the user {owner}; run it as {owner}: sudo -u {owner} titan-db ...")
    now = now or datetime.now(UTC)
    facts = JobFacts(plan, state.record(name), state.running(name))
    due = missed_due(facts, environment.installed, now, host_zone()[0])
    starter = starter or this_host()
    problem = _line_problem(environment, plan, starter)
    seen = _Seen(facts, now, due, starter.booted, problem, state.undelivered())
    advice = _advice(environment, seen)
    rows = [
        ("last start", _start(seen)),
        ("ended", _end(seen)),
        ("missed", _missed(seen)),
        ("last success", _moment(seen.facts.record.last_success) if seen.facts.record.last_success else "never"),
        ("runs next", _next(seen)),
        ("waits for", f"the job {plan.after}, up to {plan.wait / 3600:g} h" if plan.after else ""),
        ("message", _message(seen)),
        ("log", plan.log if not any(plan.log and shlex.quote(plan.log) in text for _word, text in advice) else ""),
    ]
    rows = [row for row in rows if row[1]]
    rows += advice[: _LINES - 1 - len(rows)]
    head = f"{plan.name} of {environment.name} ({environment.config_path})"
    return "\n".join([head, *(f"  {word:<13}{text}" for word, text in rows)])


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%a %Y-%m-%d %H:%M:%S} UTC"


def _start(seen: _Seen) -> str:
    record = seen.facts.record
    if not record.last_start:
        return "never"
    text = f"{_moment(record.last_start)} (run {record.run_id})"
    if seen.facts.running:
        text += f", runs now as process {record.pid}"
    if record.last_start - seen.now.timestamp() > CLOCK_SECONDS:
        text += "; that is in the future: this host's clock was wrong then, or is now"
    return text


def _end(seen: _Seen) -> str:
    record = seen.facts.record
    if seen.facts.running:
        return (
            f"not yet, although its time limit of {seen.facts.plan.longest:g} s has passed"
            if _stuck(seen)
            else "not yet"
        )
    if not record.last_start:
        return ""
    if record.interrupted(seen.facts.running):
        off = f"this host was started again at {_moment(seen.booted)}" if seen.booted > record.last_start else ""
        return f"no end is recorded: {off or 'the run was killed'}"
    message = " ".join(record.message.split())
    return f"with status {record.exit_status} after {record.duration:.1f} s: {message[:300]}"


def _stuck(seen: _Seen) -> bool:
    started = seen.facts.record.last_start
    return seen.facts.running and seen.now.timestamp() - started > seen.facts.plan.longest + 60


def _missed(seen: _Seen) -> str:
    """When it was due last and did not start, and what kept it; "" if it did."""
    if seen.due is None:
        return ""
    due, record = seen.due.timestamp(), seen.facts.record
    if seen.booted > due:
        reason = f"this host was off; it was started at {_moment(seen.booted)}"
    elif record.last_start < due < record.last_end:
        reason = f"the previous run lasted until {_moment(record.last_end)}"
    else:
        reason = seen.line or "cron's own log says why (journalctl -u cron)"
    return f"it was due {_moment(due)} and did not start: {reason}"


def _next(seen: _Seen) -> str:
    plan = seen.facts.plan
    if plan.expression is None:
        return "by hand only"
    zone, zone_name = host_zone()
    coming = next_runs(plan.expression, seen.now, zone, plan.weekday, 1)
    if not coming:
        return "never"
    where = "" if plan.run_on == "any" else f", if this server is then the {plan.run_on}"
    note = f", {coming[0].note}" if coming[0].note else ""
    text = f"{coming[0].local:%a %Y-%m-%d %H:%M} {zone_name}{note}{where}"
    return f"{text} by the schedule, but {seen.line}" if seen.line else text


def _line_problem(environment: Environment, plan: JobPlan, starter: Starter) -> str:
    """What keeps cron from starting the job as the schedule says, a sentence without its full stop; "" for nothing."""
    if plan.expression is None:
        return ""
    try:
        user = crontab_user(environment)
        lines = [line for line in installed_lines(environment, user) if line.name == plan.name]
        if not lines:
            for line in commented_out(environment, user):
                if line.name == plan.name:
                    return f"its line is commented out ({line.where})"
        only = replace(environment, jobs={plan.name: plan})
        if found := unlike_the_schedule(only, lines):
            return found[0]
    except TitanError as error:
        return f"whether a line starts it is unknown: {error.message.rstrip('.')}"
    return _NO_CRON if starter.cron is False else ""


def _message(seen: _Seen) -> str:
    alert, lost = seen.facts.record.alert, seen.lost
    if not alert.state:
        return "none is due"
    if alert.state != FAILED:
        return "another job's message covers the failure"
    if alert.delivered:
        return f"failure, {_moment(alert.sent)}"
    problem = f" ({lost.problem[:200]})" if lost.problem and abs(lost.last - alert.sent) < _SAME_MESSAGE else ""
    return f"failure, {_moment(alert.sent)}: no channel took it{problem}"


def _advice(environment: Environment, seen: _Seen) -> list[tuple[str, str]]:
    """What a person can do, the most useful first: pairs of a few words and a command."""
    plan, record = seen.facts.plan, seen.facts.record
    command, word = os.path.basename(environment.command) or "titan-db", environment.word
    run = shlex.join([command, "cron", word, plan.name])
    if seen.facts.running:
        follow = [("follow it", f"tail -f {shlex.quote(plan.log)}")] if plan.log else []
        return [("end it", f"kill {record.pid}"), *follow] if _stuck(seen) and record.pid else follow
    found = []
    bad = record.failed or record.interrupted(seen.facts.running)
    if bad and plan.log:
        found.append(("read why", f"tail -n 50 {shlex.quote(plan.log)}"))
    found.append(("run it now", run))
    if bad and plan.after and record.message.startswith("Not started: "):
        found.insert(0, ("look first", shlex.join([command, "why", word, plan.after])))
    if seen.line == _NO_CRON:
        found.insert(0, ("start cron", "systemctl enable --now cron"))
    elif seen.line:
        again = f"ansible-playbook titan.database.site -l {shlex.quote(environment.name)} --tags crontab"
        found.insert(0, ("its line", f"{again} (or crontab -e)"))
    if record.alert.state == FAILED and not record.alert.delivered:
        found.append(("be heard", shlex.join([command, "notify-test", word, "--check"])))
    if bad and record.exit_status == _TIMED_OUT:
        found.append(("more time", f"timeout of the job {plan.name}, {plan.timeout:g} s now; then converge"))
    return found if bad else [*found, ("try it", f"{run} --check")]
