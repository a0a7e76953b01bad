# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where messages go. A message that cannot be sent never fails a job."""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable

from ..errors import OptionError
from ..host.safe_open import UnsafePathError, read_file
from .message import Message
from .pings import VARIABLE as PING_VARIABLE
from .services import request_for, service_of
from .transport import Problem, Request, proxies_of, send_request, within

try:
    import apprise
except ImportError:  # http(s) addresses and Telegram work without it
    apprise = None

__all__ = ["Channel", "Message", "channels", "check_channels", "send"]

TRIES = 3
TIMEOUT = 10.0
LONGEST_WAIT = 30.0  # seconds: what a job's end is held up for at most, twice for each channel
APPRISE_TIMEOUT = 40.0
TELEGRAM = "https://api.telegram.org"
URLS_VARIABLE = "TITAN_DB_NOTIFY_URLS"
_BODY_LIMIT = 3500
_HTTP = ("http://", "https://")
_MAIL = ("mailto://", "mailtos://")
_ON = ("1", "true", "yes", "on")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BETWEEN = re.compile(r"\s+|,(?=\s*[A-Za-z][A-Za-z0-9+.-]*://)")


@dataclass(frozen=True)
class Channel:
    """One place that messages go to; label names its kind and number, no part of its address."""

    label: str
    url: str
    proxies: Mapping[str, str] = field(default_factory=dict)


def channels(variables: Mapping[str, str]) -> list[Channel]:
    """The channels that the variables name.

    TITAN_DB_NOTIFY_URLS holds Apprise URLs and http(s) addresses, separated by white space or commas.
    TELEGRAM_ALERT_TOKEN and TELEGRAM_CHAT_ID name a Telegram chat, unless ENABLE_TELEGRAM_BACKUP_ALERTS says no.
    """
    proxies = proxies_of(variables)
    addresses = (each.strip(",") for each in _BETWEEN.split(variables.get(URLS_VARIABLE, "")))
    named = [Channel(f"{_kind(url)} {number}", url, proxies) for number, url in enumerate(filter(None, addresses), 1)]
    token, chat = variables.get("TELEGRAM_ALERT_TOKEN", ""), variables.get("TELEGRAM_CHAT_ID", "")
    if token and chat and variables.get("ENABLE_TELEGRAM_BACKUP_ALERTS", "true").lower() in _ON:
        named.append(Channel("telegram", f"tgram://{token}/{chat}", proxies))
    return named


def _kind(url: str) -> str:
    if url.lower().startswith(_HTTP):
        return service_of(url)
    scheme = url.partition("://")[0]
    return scheme if "://" in url and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,19}", scheme) else "address"


def is_own_program(channel: Channel) -> bool:
    """Whether the address is one of the web that belongs to no known service."""
    return channel.url.lower().startswith(_HTTP) and service_of(channel.url) == "webhook"


def check_channels(known: list[Channel], variables: Mapping[str, str]) -> None:
    """Check what can be checked without sending: each address is valid, and its host (or the proxy's) resolves.

    Raises:
        OptionError: no channel at all, or some that cannot work; names each without its address.
    """
    if not known:
        raise OptionError(
            URLS_VARIABLE, "", "No channel is configured: set it, or TELEGRAM_ALERT_TOKEN and TELEGRAM_CHAT_ID."
        )
    problems = {channel.label: problem for channel in known if (problem := _problem(channel))}
    if len(problems) == 1:
        raise OptionError(URLS_VARIABLE, *problems.popitem())
    if problems:
        each = " ".join(f"{label}: {problem}" for label, problem in problems.items())
        raise OptionError(URLS_VARIABLE, ", ".join(problems), each)
    base = variables.get(PING_VARIABLE, "").strip()
    problem = _unreachable(base, proxies_of(variables)) if base else ""
    if problem:
        raise OptionError(PING_VARIABLE, "(hidden)", problem)


def _problem(channel: Channel) -> str:
    """Why the channel cannot work; "" if nothing speaks against it."""
    if channel.url.lower().startswith(_HTTP):
        return _unreachable(channel.url, channel.proxies)
    if apprise is None:
        if channel.url.startswith("tgram://"):
            return _unreachable(TELEGRAM, channel.proxies)
        return "This kind of URL needs Apprise: install the package apprise."
    return "" if apprise.Apprise().add(channel.url) else "Apprise does not understand this URL."


def _unreachable(url: str, proxies: Mapping[str, str]) -> str:
    """Why the http(s) address cannot be reached; "" if it resolves."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "It is not a valid address: percent-encode special characters in user and password."
    if parts.scheme not in ("http", "https") or not host:
        return "It is not a valid http or https address."
    proxy = proxies.get(parts.scheme)
    if proxy:
        host = urllib.parse.urlsplit(proxy).hostname or host
    found = within(TIMEOUT, lambda: "" if socket.getaddrinfo(host, port) else "nothing")
    return (
        f"Its {'proxy' if proxy else 'host'} does not resolve: correct the address, or the host's DNS." if found else ""
    )


def send(message: Message, known: list[Channel], sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """Send to every channel, three tries each, as long after each other as the service asks for, within limits.

    Returns:
        What went wrong, without any part of an address.
    """
    problems = []
    for channel in known:
        problem = Problem()
        for attempt in range(TRIES):
            if attempt:
                sleep(max(2.0**attempt, min(problem.wait, LONGEST_WAIT)))
            problem = _send_once(message, channel)
            if not problem:
                break
        if problem:
            problems.append(f"{channel.label}: {problem}")
    return problems


def _send_once(message: Message, channel: Channel) -> Problem:
    body = _CONTROL.sub("?", message.body)[-_BODY_LIMIT:]
    if channel.url.lower().startswith(_HTTP):
        return send_request(request_for(channel.url, message, body), channel.proxies, TIMEOUT)
    if apprise is not None:
        return within(APPRISE_TIMEOUT, lambda: _through_apprise(message, channel, body))
    if channel.url.startswith("tgram://"):
        token, _slash, chat = channel.url[len("tgram://") :].partition("/")
        payload = {"chat_id": chat.partition("?")[0].strip("/"), "text": f"{message.title}\n\n{body}"}
        request = Request(f"{TELEGRAM}/bot{token}/sendMessage", json.dumps(payload).encode())
        return send_request(request, channel.proxies, TIMEOUT)
    return Problem("this kind of URL needs Apprise (package apprise)")


def _through_apprise(message: Message, channel: Channel, body: str) -> str:
    kinds = {"failure": "failure", "recovery": "success", "success": "success"}
    carrier = apprise.Apprise()
    page = _page_of(message) if channel.url.lower().startswith(_MAIL) else ""
    text = {"body": body, "body_format": apprise.NotifyFormat.TEXT}  # otherwise a mail loses its line ends
    shown = {
        "body": page,
        "body_format": apprise.NotifyFormat.HTML,
        "attach": f"file://{urllib.parse.quote(message.page)}",
    }
    done = carrier.add(channel.url) and carrier.notify(
        title=message.title, notify_type=kinds.get(message.kind, "info"), **(shown if page else text)
    )
    return "" if done else "Apprise could not deliver it"


def _page_of(message: Message) -> str:
    """The page; "" where there is none, and the text has to do."""
    try:
        return read_file(message.page).decode("utf-8") if message.page else ""
    except (OSError, UnsafePathError):
        return ""
