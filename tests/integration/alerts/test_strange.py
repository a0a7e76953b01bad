"""Whatever an address does, the sender goes on within its limit, says a few words without the address, and tries the others."""

from __future__ import annotations

import json
import re
import time
from email.utils import formatdate

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.alerts import channels, pings
from ansible_collections.titan.database.plugins.module_utils._engine.alerts.services import Message, service_of
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError

from tests.integration.alerts.strange import BROKEN, http, packed, running
from tests.integration.alerts.stub import running_stub

MESSAGE = Message("failure", "backup FAILED", "the log", {"job": "backup", "environment": "t"})
SECRETS = ("al1ce", "Geheim9", "T0KEN", "QUERY7", "127.0.0.1")


def send(urls: str, variables: dict[str, str] | None = None) -> list[str]:
    known = channels.channels({**(variables or {}), "TITAN_DB_NOTIFY_URLS": urls})
    return channels.send(MESSAGE, known, sleep=lambda _seconds: None)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_address_is_a_failure_and_the_next_one_is_tried(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TIMEOUT", 1.0)
    monkeypatch.setattr(pings, "TIMEOUT", 1.0)
    started = time.monotonic()
    with running(BROKEN[name]) as server, running_stub() as good:
        address = f"http://al1ce:Geheim9@127.0.0.1:{server.port}/T0KEN?q=QUERY7"
        problems = send(f"{address} {good.url}/message")
        assert len(problems) == 1
        assert problems[0].startswith("webhook 1: ")
        assert good.messages()
        problem = pings.ping({"TITAN_DB_PING_URL": address}, "backup", "fail", "log", tries=1)
        assert problem.startswith("ping: ")
        assert not any(secret in problems[0] + problem for secret in SECRETS)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("status", "body", "header", "waits"),
    [
        (429, "", "Retry-After: 7", [7, 7]),
        (503, "", "Retry-After: 6.5", [6.5, 6.5]),
        (429, "", "Retry-After: 86400", [30, 30]),
        (429, "", "Retry-After: in an hour", [30, 30]),
        (429, "", "Retry-After: an hour ago", [2, 4]),
        (429, '{"message": "You are being rate limited.", "retry_after": 5.5}', "X-RateLimit-Scope: user", [5.5, 5.5]),
        (429, '{"ok": false, "error_code": 429, "parameters": {"retry_after": 12}}', "X: y", [12, 12]),
        (429, '{"code": 42901}', "Retry-After: soon", [2, 4]),
        (429, '["retry_after"]', "X: y", [2, 4]),
        (500, "", "Retry-After: 20", [2, 4]),
    ],
)
def test_a_service_that_asks_for_a_pause_gets_it_within_limits(
    status: int, body: str, header: str, waits: list[float]
) -> None:
    for words, seconds in (
        ("in an hour", 3600),
        ("an hour ago", -3600),
    ):  # not among the parameters: all workers have to name them alike
        header = header.replace(words, formatdate(time.time() + seconds, usegmt=True))
    waited: list[float] = []
    with running(lambda client, *_request: http(client, status, body, header)) as server:
        known = channels.channels({"TITAN_DB_NOTIFY_URLS": f"{server.url}/hook"})
        (problem,) = channels.send(MESSAGE, known, sleep=waited.append)
    assert waited == waits and f"HTTP status {status}" in problem


ECHO = json.dumps(
    {"id": "x", "event": "message", "title": MESSAGE.title, "message": "psql: not found; delivery failed"}
)
TAKEN = {
    "204": lambda client, *_request: client.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "202 without a word": lambda client, *_request: http(client, 202, ""),
    "the message itself": lambda client, *_request: http(client, 200, ECHO),
    "packed": lambda client, *_request: packed(client, b'{"ok": true}'),
    "HTTP/1.0, until it closes": lambda client, *_request: client.sendall(b"HTTP/1.0 200 OK\r\n\r\nok"),
    "more than is read": lambda client, *_request: http(client, 200, "x" * 200_000),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_a_service_takes_is_delivered_once(name: str) -> None:
    with running(TAKEN[name]) as server:
        assert send(f"http://127.0.0.1:{server.port}/hööks/ü?q=ä%20b") == []
        assert [first for first, *_rest in server.requests] == ["POST /h%C3%B6%C3%B6ks/%C3%BC?q=%C3%A4%20b HTTP/1.1"]


def test_an_address_by_ipv6_is_reached() -> None:
    with running(TAKEN["204"], "::1") as server:
        assert send(f"http://al1ce:Geheim9@[::1]:{server.port}/T0KEN") == []
        assert f"Host: [::1]:{server.port}" in server.requests[0][1] and "Geheim9" not in str(server.requests)


@pytest.mark.parametrize(
    "address",
    ["https://al1ce:Geheim9@127.0.0.1:port/T0KEN", "http://[T0KEN", "http://", "http:///T0KEN", "https://127.0.0.1:1/T0KEN", "http://T0KEN.invalid/",
     "http://127.0.0.1:99999/T0KEN", "http://T0KEN\u0000x/", "HTTP://T0KEN.invalid"],
)  # fmt: skip
def test_a_wrong_address_is_a_failure_and_check_finds_it(address: str) -> None:
    with running_stub() as good:
        problems = send(f"{address} {good.url}/message")
        assert len(problems) == 1
        assert good.messages()
    assert not any(secret in problems[0] for secret in SECRETS)
    if "127.0.0.1:1/" not in address:  # that one is valid, only nobody listens
        known = channels.channels({"TITAN_DB_NOTIFY_URLS": address})
        with pytest.raises(OptionError) as caught:
            channels.check_channels(known, {})
        assert not any(secret in caught.value.message for secret in SECRETS)
        with pytest.raises(OptionError, match="TITAN_DB_PING_URL"):
            channels.check_channels(
                channels.channels({"TITAN_DB_NOTIFY_URLS": "http://127.0.0.1:9/"}), {"TITAN_DB_PING_URL": address}
            )


def test_user_and_password_travel_as_a_header() -> None:
    with running(lambda client, *_request: http(client, 200)) as server:
        assert send(f"http://al1ce:Geheim9%40@127.0.0.1:{server.port}/topic") == []
    first, headers, _body = server.requests[0]
    assert first == "POST /topic HTTP/1.1"
    assert "Authorization: Basic YWwxY2U6R2VoZWltOUA=" in headers


def test_a_redirect_that_keeps_method_and_body_is_followed() -> None:
    def answer(client: object, first: str, _body: str) -> None:
        http(client, 200) if "/new" in first else http(client, 308, "", "Location: /new")  # type: ignore[arg-type]

    with running(answer) as server:
        assert send(f"{server.url}/old") == []
    assert [first for first, _headers, _body in server.requests] == ["POST /old HTTP/1.1", "POST /new HTTP/1.1"]
    assert server.requests[0][2] == server.requests[1][2]


def test_a_proxy_is_used_and_no_proxy_is_honoured() -> None:
    with running(lambda client, *_request: http(client, 200)) as proxy, running_stub() as good:
        assert send("http://hook.invalid/T0KEN", {"http_proxy": proxy.url, "no_proxy": "127.0.0.1"}) == []
        assert proxy.requests[0][0] == "POST http://hook.invalid/T0KEN HTTP/1.1"
        assert send(f"{good.url}/message", {"http_proxy": proxy.url, "no_proxy": "127.0.0.1"}) == []
        assert (len(proxy.requests), len(good.messages())) == (1, 1)


SLACK, DISCORD = "/services/T0A/B0A/abc", "/api/webhooks/123/ab-c"
MATTERMOST, GOTIFY = f"/hooks/{'a' * 26}", "/message?token=T0KEN"


@pytest.mark.parametrize(
    ("path", "service", "key"),
    [(SLACK, "slack", "text"), (DISCORD, "discord", "content"), (MATTERMOST, "mattermost", "text"),
     (GOTIFY, "gotify", "message"), ("/botT0KEN/sendMessage?chat_id=-1", "telegram", "text"),
     ("/webhookb2/x", "teams", "attachments"), ("/own", "webhook", "job")],
)  # fmt: skip
def test_each_service_gets_the_form_that_it_wants(path: str, service: str, key: str) -> None:
    def strict(client: object, _first: str, body: str) -> None:
        http(client, 200 if key in json.loads(body) else 400)  # type: ignore[arg-type]

    with running(strict) as server:
        assert service_of(server.url + path) == service
        assert send(server.url + path) == []
    body = server.requests[0][2]
    assert "backup FAILED" in body
    if service == "telegram":
        assert json.loads(body)["chat_id"] == "-1"


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://hooks.slack.com/services/T0/B0/x", "slack"),
        ("https://discord.com/api/webhooks/1/x", "discord"),
        ("https://x.webhook.office.com/webhookb2/x", "teams"),
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/a/triggers/manual/paths/invoke?sig=T0KEN", "teams"),
        ("https://ntfy.sh/topic", "ntfy"),
        ("https://api.telegram.org/bot1:x/sendMessage?chat_id=1", "telegram"),
        ("https://gotify.example.org/message?token=x", "gotify"),
        ("https://example.org/message", "webhook"),
    ],
)
def test_a_service_is_known_by_its_address(url: str, service: str) -> None:
    assert service_of(url) == service


@pytest.mark.parametrize("base", ["/api/push/AbC?status=up&msg=OK&ping=", "/api/push/AbC", "/other?status=up"])
def test_uptime_kuma_hears_of_a_failure_as_down(base: str) -> None:
    def kuma(client: object, first: str, _body: str) -> None:
        http(client, 200, '{"ok":true}') if re.match(r"\S+ /(api/push/[A-Za-z0-9]+|other)(\?| )", first) else http(
            client, 404
        )  # type: ignore[arg-type]

    with running(kuma) as server:
        for event in ("start", "fail", ""):
            assert pings.ping({"TITAN_DB_PING_URL": server.url + base}, "backup", event, "log") == ""
    seen = [re.findall(r"status=(\w+)", first) for first, _headers, _body in server.requests]
    assert seen == [["down"], ["up"]]


def test_an_event_stands_before_the_query() -> None:
    assert (
        pings.ping_url("https://hc.example/ping/uuid/{job}?create=1", "a b", "fail")[0]
        == "https://hc.example/ping/uuid/a%20b/fail?create=1"
    )
    assert pings.ping_url("https://hc.example/ping/uuid/", "x", "")[0] == "https://hc.example/ping/uuid"
