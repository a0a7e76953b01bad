# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pings to a dead man's switch: a service that raises the alarm when nothing arrives."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Callable, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from .transport import Problem, Request, proxies_of, send_request

TRIES = 3
TIMEOUT = 5.0
LONGEST_WAIT = 10.0  # seconds, which the job's start or end is held up for
VARIABLE = "TITAN_DB_PING_URL"
_BODY_LIMIT = 10_000


class _Service(NamedTuple):
    """How a service is told of an event: by parameters of the query, or by a word at the end of the path.

    Attributes:
        hosts, paths: Regular expressions; "" for any.
        start, fail, success: Parameters, or the word; None when the service has no such event. ``{job}`` is the job's name.
        name: For messages.
    """

    name: str
    hosts: str
    paths: str
    start: Mapping[str, str] | str | None
    fail: Mapping[str, str] | str | None
    success: Mapping[str, str] | str


_FAILED = "{job} failed"
_UPTIME_KUMA = _Service(
    "Uptime Kuma", "", r".*/api/push/[^/]+", None, {"status": "down", "msg": _FAILED}, {"status": "up", "msg": "OK"}
)
_HEALTHCHECKS = _Service("healthchecks.io", "", "", "start", "fail", "")
# Those that hear of a success alone: whatever else arrives would count as one.
_SUCCESS_ONLY = (
    ("Opsgenie", r"api\.(\w+\.)?opsgenie\.com", r"/v2/heartbeats/[^/]+/ping"),
    ("Jira Service Management", r"api\.atlassian\.com", r"/jsm/ops/.*/ping"),
    ("StatusCake", r"push\.statuscake\.com", ""),
    ("UptimeRobot", r"heartbeat\.uptimerobot\.com", ""),
    ("Checkly", r"ping\.checklyhq\.com", ""),
    ("Honeybadger", r"api\.(eu-)?honeybadger\.io", r"/v1/check_in/.*"),
    ("AppSignal", r"appsignal-endpoint\.net", ""),
)
_SERVICES = (
    _UPTIME_KUMA,
    _Service(
        "Cronitor", r"(.*\.)?cronitor\.(link|io)", "",
        {"state": "run"}, {"state": "fail", "message": _FAILED}, {"state": "complete"},
    ),
    _Service("Dead Man's Snitch", r"(.*\.)?nosnch\.in", "", None, {"s": "1", "m": _FAILED}, {"m": "OK"}),
    _Service(
        "Sentry", "", r"/api/\d+/cron/[^/]+/\w+", {"status": "in_progress"}, {"status": "error"}, {"status": "ok"}
    ),
    _Service("Better Stack", "", r"/api/v1/heartbeat/\w+", None, "fail", ""),
    _Service("Oh Dear", r"ping\.ohdear\.app", "", "starting", "failed", "finished"),
    *(_Service(name, hosts, paths, None, None, "") for name, hosts, paths in _SUCCESS_ONLY),
)  # fmt: skip


def ping(
    variables: Mapping[str, str],
    job: str,
    event: str,
    body: str,
    tries: int = TRIES,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Tell the dead man's switch: event is "start", "fail", or "" for success; return what went wrong, or ""."""
    base = variables.get(VARIABLE, "").strip()
    if not base:
        return ""
    problem = Problem()
    for attempt in range(tries):
        if attempt:
            sleep(max(float(attempt), min(problem.wait, LONGEST_WAIT)))
        request = _request(base, job, event, body)
        problem = send_request(request, proxies_of(variables), TIMEOUT) if request else Problem()
        if not problem:
            return ""
    return f"ping: {problem}"


def ping_url(base: str, job: str, event: str) -> tuple[str, bool]:
    """The address for an event, "" when the service has none for it; and whether its query says it all.

    A service that is known by its address is told in its own way. An address whose query says ``status=up`` tells a failure as
    ``status=down``, as Uptime Kuma's does. Elsewhere the event is appended to the path, before a query (healthchecks.io).
    """
    parts = urlsplit(base.replace("{job}", quote(job, safe="")))
    service = _service_of(parts)
    said = {"start": service.start, "fail": service.fail}.get(event, service.success)
    if said is None:
        return "", False
    path = parts.path.rstrip("/")
    if isinstance(said, str):
        return urlunsplit(parts._replace(path=f"{path}/{said}" if said else path)), False
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query.update({name: value.format(job=job) for name, value in said.items()})
    return urlunsplit(parts._replace(query=urlencode(query))), True


def how_it_is_told(base: str) -> str:
    """How the service behind the address hears of a failure, as a sentence without any part of the address."""
    service = _service_of(urlsplit(base))
    if service.fail is None:
        return f"The ping address is {service.name}'s, which is notified of successes only: a failure shows there as silence"
    known = "is taken for one of the kind of" if service is _HEALTHCHECKS else "is that of"
    fail = (
        f"/{service.fail} at the end"
        if isinstance(service.fail, str)
        else ", ".join(f"{k}={v}" for k, v in service.fail.items())
    )
    return f"The ping address {known} {service.name}: a failure is reported by {fail.format(job='JOB')}"


def _service_of(parts: SplitResult) -> _Service:
    host, path = (parts.hostname or "").lower(), parts.path.rstrip("/")
    for service in _SERVICES:
        if re.fullmatch(service.hosts or ".*", host) and re.fullmatch(service.paths or ".*", path):
            return service
    query = dict(parse_qsl(parts.query))
    return _UPTIME_KUMA if query.get("status") in ("up", "down") else _HEALTHCHECKS


def _request(base: str, job: str, event: str, body: str) -> Request | None:
    try:
        url, by_query = ping_url(base, job, event)
    except ValueError:
        url, by_query = base, False  # the transport says what is wrong with it
    if not url:
        return None
    if by_query:
        return Request(url, method="GET")
    return Request(url, body.encode()[-_BODY_LIMIT:], "text/plain; charset=utf-8")
