# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to people and pings to a dead man's switch. A message that cannot be sent never fails a job."""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from ..errors import OptionError

try:
    import apprise
except ImportError:  # plain https:// webhooks and Telegram work without it
    apprise = None

TRIES = 3
TIMEOUT = 10.0
_BODY_LIMIT = 3500
_PING_LIMIT = 10_000
TELEGRAM = "https://api.telegram.org"
_ON = ("1", "true", "yes", "on")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


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
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Channel:
    """One place that messages go to; label names it without its secrets."""

    label: str
    url: str


def channels(variables: Mapping[str, str]) -> list[Channel]:
    """The channels that the variables name.

    TITAN_DB_NOTIFY_URLS holds Apprise URLs and plain http(s) webhooks, separated by white space or commas.
    TELEGRAM_ALERT_TOKEN and TELEGRAM_CHAT_ID name a Telegram chat, unless ENABLE_TELEGRAM_BACKUP_ALERTS says no.
    """
    found = []
    for url in re.split(r"[\s,]+", variables.get("TITAN_DB_NOTIFY_URLS", "").strip()):
        if url:
            found.append(Channel(_label(url), url))
    token, chat = variables.get("TELEGRAM_ALERT_TOKEN", ""), variables.get("TELEGRAM_CHAT_ID", "")
    if token and chat and variables.get("ENABLE_TELEGRAM_BACKUP_ALERTS", "true").lower() in _ON:
        found.append(Channel("telegram", f"tgram://{token}/{chat}"))
    return found


def _label(url: str) -> str:
    """The channel's name for people: a webhook's host, otherwise only the kind (the rest may be a token)."""
    scheme = url.partition("://")[0][:20] if "://" in url else "address"
    try:
        host = urllib.parse.urlsplit(url).hostname if scheme in ("http", "https") else ""
    except ValueError:
        host = ""
    return f"{scheme}://{host or '...'}"


def require_channels(found: list[Channel]) -> None:
    """Check what can be checked without sending.

    Raises:
        OptionError: no channel at all, or one that needs Apprise, which is not installed.
    """
    if not found:
        raise OptionError(
            "TITAN_DB_NOTIFY_URLS",
            "",
            "No channel is configured: set it, or TELEGRAM_ALERT_TOKEN and TELEGRAM_CHAT_ID.",
        )
    for channel in found:
        if channel.url.startswith(("http://", "https://", "tgram://")):
            continue
        if apprise is None:
            raise OptionError(
                "TITAN_DB_NOTIFY_URLS", channel.label, "This kind of URL needs Apprise: install the package apprise."
            )
        if not apprise.Apprise().add(channel.url):
            raise OptionError("TITAN_DB_NOTIFY_URLS", channel.label, "Apprise does not understand this URL.")


def send(message: Message, found: list[Channel], sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """Send to every channel, three tries each; return what went wrong, without secrets."""
    problems = []
    for channel in found:
        problem = ""
        for attempt in range(TRIES):
            if attempt:
                sleep(2.0**attempt)
            problem = _send_once(message, channel)
            if not problem:
                break
        if problem:
            problems.append(f"{channel.label}: {problem}")
    return problems


def ping(
    variables: Mapping[str, str],
    job: str,
    event: str,
    body: str,
    tries: int = TRIES,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Tell the dead man's switch: event is "start", "fail", or "" for success; return what went wrong, or ""."""
    base = variables.get("TITAN_DB_PING_URL", "").strip()
    if not base:
        return ""
    url = base.replace("{job}", urllib.parse.quote(job, safe="")).rstrip("/")
    problem = ""
    for attempt in range(tries):
        if attempt:
            sleep(float(attempt))
        problem = _post(
            f"{url}/{event}" if event else url, body.encode()[-_PING_LIMIT:], "text/plain; charset=utf-8", 5.0
        )
        if not problem:
            return ""
    return f"ping: {problem}"


def _send_once(message: Message, channel: Channel) -> str:
    body = _CONTROL.sub("?", message.body)[-_BODY_LIMIT:]
    if channel.url.startswith(("http://", "https://")):
        payload = {**message.facts, "kind": message.kind, "title": message.title, "body": body}
        return _post(channel.url, json.dumps(payload, default=str).encode(), "application/json")
    if apprise is not None:
        kinds = {"failure": "failure", "recovery": "success", "success": "success"}
        carrier = apprise.Apprise()
        try:
            done = carrier.add(channel.url) and carrier.notify(
                title=message.title,
                body=body,
                notify_type=kinds.get(message.kind, "info"),
                body_format=apprise.NotifyFormat.TEXT,  # otherwise a mail loses its line ends
            )
        except Exception as error:  # a plug-in may raise anything; its text may hold the token
            return type(error).__name__
        return "" if done else "Apprise could not deliver it"
    if channel.url.startswith("tgram://"):
        token, chat = channel.url[len("tgram://") :].split("/", 1)
        payload = {"chat_id": chat, "text": f"{message.title}\n\n{body}"}
        return _post(f"{TELEGRAM}/bot{token}/sendMessage", json.dumps(payload).encode(), "application/json")
    return "this kind of URL needs Apprise (package apprise)"


def _post(url: str, body: bytes, kind: str, timeout: float | None = None) -> str:
    """POST and return "" or what went wrong; never the URL, which may hold a token. No proxy is used."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            url, data=body, headers={"Content-Type": kind, "User-Agent": "titan-db"}, method="POST"
        )
        with opener.open(request, timeout=timeout or TIMEOUT) as answer:
            answer.read(1000)
    except urllib.error.HTTPError as error:
        return f"HTTP status {error.code}"
    except urllib.error.URLError as error:
        return error.reason.strerror or "no connection" if isinstance(error.reason, OSError) else "no connection"
    except socket.timeout:
        return "no answer in time"
    except (OSError, ValueError) as error:
        return type(error).__name__
    return ""
