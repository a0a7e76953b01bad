# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form that each service wants a message in, by the address that it gives to its users. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.header import Header
from html import escape
from typing import Callable
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

from . import incidents
from .message import Message, shortened
from .transport import Request

_DISCORD = r"(\w+\.)?discord(app)?\.com"
# Names of services by host; the second pattern is for the path, where the host is one's own.
_SERVICES = (
    ("slack", r"hooks\.slack\.com", r"/services/T\w+/B\w+/\w+"),
    ("discord", _DISCORD, r"/api/(v\d+/)?webhooks/\d+/[\w-]+"),
    (
        "teams",
        r".*\.(webhook\.office|logic\.azure|environment\.api\.powerplatform)\.com",
        r"/webhookb2/.*|(/powerautomate/automations/direct)?/workflows/\w+/triggers/.*",
    ),
    ("mattermost", r"", r"(/.*)?/hooks/[a-z0-9]{26}"),
    ("rocketchat", r"", r"(/.*)?/hooks/[A-Za-z0-9]{17,24}/[A-Za-z0-9]{20,}"),
    ("googlechat", r"chat\.googleapis\.com", r"/v1/spaces/[\w-]+/messages"),
    ("pagerduty", r"events\.(\w+\.)?pagerduty\.com", r"/v2/enqueue"),
    ("opsgenie", r"api\.(\w+\.)?opsgenie\.com", r"(/jsm/ops/integration)?/v2/alerts"),
    ("pushover", r"api\.pushover\.net", r"/1/messages\.json"),
    ("matrix", r"", r"/_matrix/client/(r0|v3)/rooms/[^/]+/send/m\.room\.message"),
    ("zulip", r"", r"/api/v1/messages"),
    ("zulip_slack", r"", r"/api/v1/external/slack_incoming"),
    ("telegram", r"api\.telegram\.org", r"/bot[^/]+/sendMessage"),
    ("gotify", r"", r"(/.*)?/message"),
    ("ntfy", r"ntfy\..*", r""),
)
# What the query has to hold, where the path alone may be that of another program.
_NEEDED = {"gotify": "token", "zulip": "to"}
_DISCORD_LIMIT, _TELEGRAM_LIMIT, _NTFY_LIMIT = 2000, 4096, 4096  # the last one in bytes
# Of the query of a Telegram address: what says where a message goes. A form (parse_mode) would refuse logs with an underscore.
_TELEGRAM_PLACE = ("chat_id", "message_thread_id", "disable_notification", "protect_content")
_NTFY_TOKEN = re.compile(r"tk_[a-z0-9]{29}")
# Those whose keys stand in the address and are sent elsewhere.
_BY_KEYS: Mapping[str, Callable[[str, Message, str], Request]] = {
    "pagerduty": incidents.pagerduty,
    "opsgenie": incidents.opsgenie,
    "pushover": incidents.pushover,
    "matrix": incidents.matrix,
    "zulip": incidents.zulip,
}


def service_of(url: str) -> str:
    """The service whose address it is; "webhook" for one's own program."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "webhook"
    if parts.path.endswith("/slack") and re.fullmatch(_DISCORD, host):
        return "slack"  # Discord takes Slack's form there
    if any(_NTFY_TOKEN.fullmatch(each or "") for each in (parts.username, parts.password)):
        return "ntfy"
    for name, hosts, paths in _SERVICES:
        if hosts and re.fullmatch(hosts, host):
            return name
        if (
            paths
            and re.fullmatch(paths, parts.path.rstrip("/"))
            and _NEEDED.get(name, "") in {"", *parse_qs(parts.query)}
        ):
            return name
    return "webhook"


def request_for(url: str, message: Message, body: str) -> Request:
    """The request that delivers the message to an http(s) address."""
    service = service_of(url)
    if service in _BY_KEYS:
        return _BY_KEYS[service](url, message, body)
    text = f"{message.title}\n\n{body}"
    if service == "ntfy":
        return _ntfy(url, message, body)
    payload: Mapping[str, object]
    if service == "slack" and not re.fullmatch(_DISCORD, (urlsplit(url).hostname or "").lower()):
        payload = {
            "text": escape(text, quote=False)
        }  # as Slack wants it: a name must not call everybody, as <!channel> would
    elif service in ("slack", "mattermost", "rocketchat", "googlechat", "zulip_slack"):
        payload = {"text": text}
    elif service == "discord":
        payload = {"content": shortened(text, _DISCORD_LIMIT), "allowed_mentions": {"parse": []}}
    elif service == "teams":
        payload = _teams_card(message.title, body)
    elif service == "telegram":
        parts = urlsplit(url)
        kept = {name: value for name, value in parse_qsl(parts.query) if name in _TELEGRAM_PLACE}
        url = urlunsplit(parts._replace(query=""))
        payload = {"chat_id": "", **kept, "text": shortened(text, _TELEGRAM_LIMIT)}
    elif service == "gotify":
        payload = {"title": message.title, "message": body, "priority": 8 if message.kind == "failure" else 4}
    else:  # text and content: what chat programs behind one's own address look for
        payload = {
            **message.facts, "kind": message.kind, "title": message.title, "body": body,
            "text": text, "content": shortened(text, _DISCORD_LIMIT),
        }  # fmt: skip
    return Request(url, json.dumps(payload, default=str).encode())


def _ntfy(url: str, message: Message, body: str) -> Request:
    """A text of at most 4,096 bytes: a longer one becomes an attachment, which not every server takes."""
    title = message.title
    headers = {
        "Title": title if title.isascii() else Header(title, "utf-8").encode(linesep=""),
        "Priority": "4" if message.kind == "failure" else "3",
    }
    parts = urlsplit(url)
    if _NTFY_TOKEN.fullmatch(parts.username or "") and not parts.password:
        headers["Authorization"] = f"Bearer {parts.username}"
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    end = body.encode()[-_NTFY_LIMIT:].decode("utf-8", "ignore")
    return Request(url, end.encode(), "text/plain; charset=utf-8", headers=headers)


def _teams_card(title: str, body: str) -> Mapping[str, object]:
    blocks = [
        {"type": "TextBlock", "text": title, "weight": "Bolder", "wrap": True},
        {"type": "TextBlock", "text": body.replace("\n", "\n\n"), "wrap": True, "fontType": "Monospace"},
    ]
    card = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "summary": title, "text": title, "attachments": [attachment]}
