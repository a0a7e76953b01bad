# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request, whose result is a few words: whatever an address does, the caller goes on within the time limit.

What is returned never holds a part of the address: user, password, host, path and query may all be secret.
"""

from __future__ import annotations

import base64
import http.client
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Callable

from ..text.json_kinds import parsed

_ANSWER_LIMIT = 65_536
_REDIRECTS = 3
_WEB_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<!--(?:(?!-->).)*-->)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
# What answers with a status of success say of a failure: words of the one, numbers of others. Codes below 400 mean too many things.
_FAILED = ("error", "fail", "failed", "failure")
_FIRST_ERROR = 400


@dataclass(frozen=True)
class Request:
    """What is sent; headers beside the content type."""

    url: str
    body: bytes = b""
    content_type: str = "application/json"
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)


class Problem(str):
    """What went wrong, in a few words; empty for nothing.

    Attributes:
        wait: Seconds after which the service wants to be asked again; 0 if it does not say.
    """

    wait: float = 0.0


class _RefusedError(Exception):
    """The request failed for the reason that is its text; its wait as that of a Problem."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: urllib would turn a POST into a GET without a body."""

    def redirect_request(self, *_arguments: Any, **_keywords: Any) -> None:
        return None


def proxies_of(variables: Mapping[str, str]) -> dict[str, str]:
    """The proxies that the variables name, by scheme; "no" holds the hosts that are reached without one."""
    # HTTP_PROXY in upper case may be a header of a web request, so nobody takes it.
    names = {"http": ("http_proxy",), "https": ("https_proxy", "HTTPS_PROXY"), "no": ("no_proxy", "NO_PROXY")}
    found = {}
    for scheme, spellings in names.items():
        value = next((variables[name] for name in spellings if variables.get(name)), "")
        if value:
            found[scheme] = value if scheme == "no" or "://" in value else f"http://{value}"
    return found


def within(seconds: float, work: Callable[[], str]) -> Problem:
    """The result of the work, or what kept it from one: it runs in a thread of its own, which is left behind when it is late."""
    results: list[Problem] = []

    def run() -> None:
        try:
            result = Problem(work())
        except _RefusedError as error:
            result = Problem(error)
            result.wait = error.wait
        except Exception as error:  # an address may cause any; the text may hold the address
            result = Problem(_reason(error))
        results.append(result)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else Problem("no answer in time")


def send_request(request: Request, proxies: Mapping[str, str], timeout: float) -> Problem:
    """Send the request; return what went wrong, which is empty when the answer says that it was taken."""
    return within(timeout, lambda: _exchange(request, dict(proxies), timeout, _REDIRECTS))


def _exchange(request: Request, proxies: dict[str, str], timeout: float, redirects: int) -> str:
    url, authorization = _without_user(_spelled(request.url))
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _RefusedError("the address is not an http or https URL")
    bypass = urllib.request.proxy_bypass_environment(parts.netloc, proxies) if "no" in proxies else False  # type: ignore[attr-defined]
    chosen = {} if bypass else {scheme: proxy for scheme, proxy in proxies.items() if scheme != "no"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(chosen), _NoRedirect())
    headers = {"User-Agent": "titan-db", "Content-Type": request.content_type, **authorization, **request.headers}
    prepared = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, data=None if request.method == "GET" else request.body, headers=headers, method=request.method
    )
    try:
        with opener.open(prepared, timeout=timeout) as answer:
            if answer.headers.defects:
                return "the answer is not HTTP"
            return _judge(answer.read(_ANSWER_LIMIT), answer.headers)
    except urllib.error.HTTPError as error:
        target = urllib.parse.urljoin(url, error.headers.get("Location") or "")
        if error.code in (307, 308) and redirects and target.startswith(("https://", f"{parts.scheme}://")):
            same_host = urllib.parse.urlsplit(target).netloc == parts.netloc
            again = Request(
                target, request.body, request.content_type, request.method, request.headers if same_host else {}
            )
            return _exchange(again, proxies, timeout, redirects - 1)
        if 300 <= error.code < 400:
            raise _RefusedError(
                f"HTTP status {error.code}: a redirect would lose the message, give the final address"
            ) from None
        reason = {413: ": the message is too long for it", 429: ": too many messages"}.get(error.code, "")
        wait = _wait_of(error) if error.code in (429, 503) else 0.0
        raise _RefusedError(f"HTTP status {error.code}{reason}", wait) from None


def _wait_of(answer: urllib.error.HTTPError) -> float:
    """Seconds that the answer asks to wait: its header (RFC 9110, 10.2.3), or the object of Discord's and Telegram's answers."""
    text = (answer.headers.get("Retry-After") or "").strip()
    with suppress(ValueError, OverflowError):
        return max(0.0, float(text))
    with suppress(TypeError, ValueError):
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    with suppress(OSError, http.client.HTTPException, ValueError, LookupError, AttributeError, TypeError):
        data = parsed(answer.read(_ANSWER_LIMIT))
        return max(0.0, float(data.get("retry_after") or data["parameters"]["retry_after"]))
    return 0.0


def _spelled(url: str) -> str:
    """The URL with what is not ASCII in path and query percent-encoded, as a browser sends it."""
    parts = urllib.parse.urlsplit(url)
    kept = "%/:;=@&+$,!~*'()[]?-._"
    path, query = (urllib.parse.quote(text, safe=kept) if not text.isascii() else text for text in parts[2:4])
    return urllib.parse.urlunsplit(parts._replace(path=path, query=query))


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """The URL without user and password, and the header that carries them."""
    parts = urllib.parse.urlsplit(url)
    user_info, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    user, _colon, password = user_info.partition(":")
    pair = f"{urllib.parse.unquote(user)}:{urllib.parse.unquote(password)}"
    header = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return urllib.parse.urlunsplit(parts._replace(netloc=host)), header


def _judge(answer: bytes, headers: Mapping[str, str]) -> str:
    """What is wrong with the answer of a request that succeeded by its status; "" for nothing."""
    length = headers.get("Content-Length")
    if length and length.isdigit() and len(answer) < min(int(length), _ANSWER_LIMIT):
        return "the answer is incomplete"
    if headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip"):  # nobody asked for it, but proxies do it
        answer = zlib.decompressobj(wbits=31).decompress(answer, _ANSWER_LIMIT)
    if _WEB_PAGE.match(answer):
        return "the answer is a web page, not a service's"
    try:
        data = parsed(answer)
    except ValueError:
        data = None
    if isinstance(data, dict):  # what was sent may stand in it: its words prove nothing
        return _judge_object(data)
    start = answer[:1000].lower()
    if b"not found" in start:
        return "the answer says that there is no such address"
    if b"rate limited" in start or b"delivery failed" in start:
        return "the answer says that it was not accepted"
    return ""


def _judge_object(data: Mapping[str, object]) -> str:
    """The same of a JSON object."""
    if any(str(data.get(name)).strip(" .!").lower() == "not found" for name in ("message", "detail", "msg", "title")):
        return "the answer says that there is no such address"
    said = {name: data.get(name) for name in ("status", "result", "code", "statusCode", "status_code")}
    if (
        any(str(data.get(name)).lower() == "false" for name in ("ok", "success", "accepted", "delivered"))
        or any(str(value).lower() in _FAILED for value in said.values())
        or any(data.get(name) for name in ("error", "errors", "errcode", "errno", "error_code", "errorMessage"))
        or (data.get("success") is not True and any(map(_is_of_an_error, said.values())))
    ):
        return "the answer says that it failed"
    return ""


def _is_of_an_error(value: object) -> bool:
    return isinstance(value, (int, float)) and value >= _FIRST_ERROR


def _reason(error: BaseException) -> str:
    """A few words on an exception, which never hold its own text."""
    if isinstance(error, urllib.error.URLError):
        inner = error.reason
        if isinstance(inner, TimeoutError):
            return "no answer in time"
        return (inner.strerror if isinstance(inner, OSError) else None) or "no connection"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    names = {
        "InvalidURL": "the address is not valid",
        "BadStatusLine": "the answer is not HTTP",
        "RemoteDisconnected": "no answer",
    }
    return names.get(type(error).__name__, type(error).__name__)
