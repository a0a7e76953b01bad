# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that want more than a text: keys in other places than the address, another method, an incident to open or close."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from .message import Message, shortened
from .transport import Request

_SUMMARY, _PUSHOVER_TITLE, _PUSHOVER, _OPSGENIE = 1024, 250, 1024, 130


def pagerduty(url: str, message: Message, body: str) -> Request:
    """An event for Events API v2: a failure opens an incident of its job, what is good again closes it.

    The key is the query's ``routing_key``, or the user in the address. A report is a change event, which wakes nobody.
    """
    parts, query, user = _taken_apart(url)
    details = {
        "summary": message.title[:_SUMMARY],
        "source": str(message.facts.get("host") or "titan-db"),
        "custom_details": {**message.facts, "log": body},
    }
    event: dict[str, object] = {"routing_key": query.pop("routing_key", user), "payload": details}
    if message.kind == "report":
        parts = parts._replace(path="/v2/change/enqueue")
    else:
        details["severity"] = "info" if message.kind == "test" else "critical"
        event["event_action"] = "resolve" if message.kind in ("recovery", "success") else "trigger"
        event["dedup_key"] = _incident(message)
    return _json(urlunsplit(parts._replace(query=urlencode(query))), event)


def opsgenie(url: str, message: Message, body: str) -> Request:
    """An alert of its job, or its end; the key is the query's ``apiKey``, or the password or user in the address."""
    parts, query, user = _taken_apart(url)
    headers = {"Authorization": f"GenieKey {query.pop('apiKey', user)}"}
    if message.kind in ("recovery", "success"):
        path = f"{parts.path.rstrip('/')}/{quote(_incident(message), safe='')}/close"
        query["identifierType"] = "alias"
        alert: dict[str, object] = {"note": message.title, "source": "titan-db"}
    else:
        path = parts.path
        priority = "P1" if message.kind == "failure" else "P5"
        alert = {
            "message": message.title[:_OPSGENIE], "alias": _incident(message), "description": f"{message.title}\n\n{body}",
            "priority": priority, "source": "titan-db",
        }  # fmt: skip
    return _json(urlunsplit(parts._replace(path=path, query=urlencode(query))), alert, headers)


def pushover(url: str, message: Message, body: str) -> Request:
    """A message whose keys, ``token`` and ``user`` of the query, go into the form with it."""
    parts, query, _user = _taken_apart(url)
    form = {
        **query, "title": message.title[:_PUSHOVER_TITLE], "message": body[-_PUSHOVER:] or message.title,
        "priority": "1" if message.kind == "failure" else "0",
    }  # fmt: skip
    return _form(urlunsplit(parts._replace(query="")), form)


def matrix(url: str, message: Message, body: str) -> Request:
    """A text for a room: PUT with a number that is the same for a second try; the query's ``access_token`` goes into the header."""
    parts, query, user = _taken_apart(url)
    token = query.pop("access_token", user)
    number = hashlib.sha256(
        f"{message.title}{body}{message.facts.get('run_id')}{time.time() // 300}".encode()
    ).hexdigest()
    path = f"{parts.path.rstrip('/')}/{number[:32]}"
    text = {"msgtype": "m.text", "body": f"{message.title}\n\n{body}"}
    sent = urlunsplit(parts._replace(path=path, query=urlencode(query)))
    return _json(sent, text, {"Authorization": f"Bearer {token}"}, method="PUT")


def zulip(url: str, message: Message, body: str) -> Request:
    """A message for a stream; the query's ``type``, ``to`` and ``topic`` go into the form with it."""
    parts = urlsplit(url)
    form = {**dict(parse_qsl(parts.query)), "content": shortened(f"{message.title}\n\n{body}", 10_000)}
    return _form(urlunsplit(parts._replace(query="")), {"type": "stream", "topic": "titan-db", **form})


def _taken_apart(url: str) -> tuple[SplitResult, dict[str, str], str]:
    """The address without user and password, its query, and the password (or user) that may be the key."""
    parts = urlsplit(url)
    user_info, _at, host = parts.netloc.rpartition("@")
    user, _colon, password = user_info.partition(":")
    return parts._replace(netloc=host), dict(parse_qsl(parts.query)), unquote(password or user)


def _incident(message: Message) -> str:
    """What a failure and its end have in common."""
    return "-".join(
        ["titan-db", *(str(message.facts[key]) for key in ("environment", "job", "host") if message.facts.get(key))]
    )


def _json(
    url: str, data: Mapping[str, object], headers: Mapping[str, str] | None = None, method: str = "POST"
) -> Request:
    return Request(url, json.dumps(data, default=str).encode(), method=method, headers=headers or {})


def _form(url: str, data: Mapping[str, str]) -> Request:
    return Request(url, urlencode(data).encode(), "application/x-www-form-urlencoded")
