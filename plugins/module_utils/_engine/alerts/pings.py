# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pings to a dead man's switch: a service that raises the alarm when nothing arrives."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Callable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from .transport import Request, proxies_of, send_request

TRIES = 3
TIMEOUT = 5.0
VARIABLE = "TITAN_DB_PING_URL"
_BODY_LIMIT = 10_000
_UPTIME_KUMA = re.compile(r".*/api/push/[^/]+")


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
    problem = ""
    for attempt in range(tries):
        if attempt:
            sleep(float(attempt))
        request = _request(base, job, event, body)
        problem = send_request(request, proxies_of(variables), TIMEOUT) if request else ""
        if not problem:
            return ""
    return f"ping: {problem}"


def ping_url(base: str, job: str, event: str) -> str:
    """The address for an event; "" when the service has none for it.

    An address whose query says ``status=up``, and Uptime Kuma's, tells a failure as ``status=down`` and a start not at all.
    Elsewhere the event is appended to the path (healthchecks.io), before a query.
    """
    parts = urlsplit(base.replace("{job}", quote(job, safe="")))
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if _UPTIME_KUMA.fullmatch(parts.path.rstrip("/")) or query.get("status") in ("up", "down"):
        if event == "start":
            return ""
        query.update({"status": "down" if event else "up", "msg": f"{job} failed" if event else "OK"})
        return urlunsplit(parts._replace(query=urlencode(query)))
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=f"{path}/{event}" if event else path))


def _request(base: str, job: str, event: str, body: str) -> Request | None:
    try:
        url = ping_url(base, job, event)
    except ValueError:
        url = base  # the transport says what is wrong with it
    if not url:
        return None
    if "status=" in urlsplit(url).query if "[" not in url else False:
        return Request(url, method="GET")
    return Request(url, body.encode()[-_BODY_LIMIT:], "text/plain; charset=utf-8")
