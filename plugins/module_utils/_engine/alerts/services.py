# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form that each service wants a message in, by the address that it gives to its users. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header
from urllib.parse import parse_qs, urlsplit

from .transport import Request

# Names of services by host; the second pattern is for the path, where the host is one's own.
_SERVICES = (
    ("slack", r"hooks\.slack\.com", r"/services/T\w+/B\w+/\w+"),
    ("discord", r"(\w+\.)?discord(app)?\.com", r"/api/(v\d+/)?webhooks/\d+/[\w-]+"),
    (
        "teams",
        r".*\.(webhook\.office|logic\.azure|environment\.api\.powerplatform)\.com",
        r"/webhookb2/.*|/workflows/\w+/triggers/.*",
    ),
    ("mattermost", r"", r"(/.*)?/hooks/[a-z0-9]{26}"),
    ("telegram", r"api\.telegram\.org", r"/bot[^/]+/sendMessage"),
    ("gotify", r"", r"(/.*)?/message"),
    ("ntfy", r"ntfy\..*", r""),
)
_DISCORD_LIMIT, _TELEGRAM_LIMIT = 2000, 4096


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        kind: failure, recovery, success, report or test.
        title, body: Plain text.
        facts: Further values for webhooks.
    """

    kind: str
    title: str
    body: str
    facts: Mapping[str, object]


def service_of(url: str) -> str:
    """The service whose address it is; "webhook" for one's own program."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "webhook"
    for name, hosts, paths in _SERVICES:
        if hosts and re.fullmatch(hosts, host):
            return name
        if (
            paths
            and re.fullmatch(paths, parts.path.rstrip("/"))
            and (name != "gotify" or "token" in parse_qs(parts.query))
        ):
            return name
    return "webhook"


def request_for(url: str, message: Message, body: str) -> Request:
    """The request that delivers the message to an http(s) address."""
    service = service_of(url)
    text = f"{message.title}\n\n{body}"
    urgent = message.kind == "failure"
    if service == "ntfy":
        headers = {
            "Title": Header(message.title, "utf-8").encode(linesep="") if not message.title.isascii() else message.title
        }
        return Request(
            url, body.encode(), "text/plain; charset=utf-8", headers={**headers, "Priority": "4" if urgent else "3"}
        )
    payload: Mapping[str, object]
    if service in ("slack", "mattermost"):
        payload = {"text": text}
    elif service == "discord":
        payload = {"content": _shortened(text, _DISCORD_LIMIT)}
    elif service == "teams":
        payload = _teams_card(message.title, body)
    elif service == "telegram":
        chat = parse_qs(urlsplit(url).query).get("chat_id", [""])[0]
        payload = {"chat_id": chat, "text": _shortened(text, _TELEGRAM_LIMIT)}
    elif service == "gotify":
        payload = {"title": message.title, "message": body, "priority": 8 if urgent else 4}
    else:  # text and content: what chat programs behind one's own address look for
        payload = {
            **message.facts, "kind": message.kind, "title": message.title, "body": body,
            "text": text, "content": _shortened(text, _DISCORD_LIMIT),
        }  # fmt: skip
    return Request(url, json.dumps(payload, default=str).encode())


def _teams_card(title: str, body: str) -> Mapping[str, object]:
    blocks = [
        {"type": "TextBlock", "text": title, "weight": "Bolder", "wrap": True},
        {"type": "TextBlock", "text": body, "wrap": True, "fontType": "Monospace"},
    ]
    card = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "summary": title, "text": title, "attachments": [attachment]}


def _shortened(text: str, limit: int) -> str:
    """The title and the end of the log, which says how it ended."""
    if len(text) <= limit:
        return text
    title, _gap, body = text.partition("\n\n")
    title = title[:200]
    return f"{title}\n\n…{body[-(limit - len(title) - 3) :]}"
