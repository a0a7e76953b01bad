"""Services as their documentation has them: each stub takes only the request that the service takes, and answers as it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.alerts import channels, pings
from ansible_collections.titan.database.plugins.module_utils._engine.alerts.message import Message
from ansible_collections.titan.database.plugins.module_utils._engine.alerts.services import service_of

from tests.integration.alerts.strange import Strange, http, running

FACTS = {"environment": "production", "job": "backup", "host": "db1", "status": 1, "run_id": "1234abcd"}
LOG = "2026-11-27T02:00:00Z backup[1234abcd] failed: größer\n" * 40
KINDS = ("failure", "recovery", "report", "test", "success")
SECRETS = ("T0KEN", "us3r", "Geheim9", "127.0.0.1")


def message(kind: str) -> Message:
    return Message(kind, f"[production] backup {kind} (db1)", LOG, FACTS)


def send(url: str, kind: str = "failure") -> list[str]:
    return channels.send(message(kind), channels.channels({"TITAN_DB_NOTIFY_URLS": url}), sleep=lambda _seconds: None)


def only(data: dict[str, Any], *names: str) -> bool:
    """Some services refuse what they do not know."""
    return set(data) <= set(names)


def google_chat(method: str, path: str, _headers: str, body: str) -> tuple[int, str]:
    good = path.endswith("?key=K&token=T0KEN") and only(json.loads(body), "text") and method == "POST"
    return (200, '{"name": "spaces/A/messages/B"}') if good else (400, '{"error": {"code": 400}}')


def rocket_chat(_method: str, _path: str, _headers: str, body: str) -> tuple[int, str]:
    return (200, '{"success":true}') if json.loads(body)["text"] else (400, '{"success":false,"error":"x"}')


def pagerduty(_method: str, path: str, _headers: str, body: str) -> tuple[int, str]:
    event = json.loads(body)
    payload = event["payload"]
    good = (
        event["routing_key"] == "T0KEN"
        and len(payload["summary"]) <= 1024
        and payload["source"]
        and "T0KEN" not in path
    )
    if path == "/v2/enqueue":
        good = good and event["event_action"] in ("trigger", "resolve") and len(event["dedup_key"]) <= 255
        good = good and payload["severity"] in ("critical", "error", "warning", "info")
    return (202, '{"status":"success","message":"Event processed"}') if good else (400, '{"status":"invalid event"}')


def opsgenie(_method: str, path: str, headers: str, body: str) -> tuple[int, str]:
    alert = json.loads(body)
    closes = path.endswith("/close?identifierType=alias") and only(alert, "note", "source", "user")
    opens = (
        path.endswith("/v2/alerts")
        and len(alert["message"]) <= 130
        and alert["priority"] in ("P1", "P5")
        and alert["alias"]
    )
    good = "Authorization: GenieKey T0KEN" in headers and (closes or opens)
    return (202, '{"result":"Request will be processed","took":0.1}') if good else (422, '{"message":"no"}')


def pushover(_method: str, path: str, headers: str, body: str) -> tuple[int, str]:
    form = dict(parse_qsl(body))
    good = (
        path == "/1/messages.json"
        and "x-www-form-urlencoded" in headers
        and (form["token"], form["user"]) == ("T0KEN", "us3r")
    )
    good = good and 0 < len(form["message"]) <= 1024 and len(form["title"]) <= 250
    return (200, '{"status":1,"request":"x"}') if good else (400, '{"status":0,"errors":["x"]}')


def matrix(method: str, path: str, headers: str, body: str) -> tuple[int, str]:
    text = json.loads(body)
    good = method == "PUT" and path.count("/m.room.message/") == 1 and "Authorization: Bearer T0KEN" in headers
    good = good and text["msgtype"] == "m.text" and text["body"] and "T0KEN" not in path
    return (200, '{"event_id":"$x"}') if good else (403, '{"errcode":"M_FORBIDDEN","error":"x"}')


def zulip(_method: str, path: str, headers: str, body: str) -> tuple[int, str]:
    form = dict(parse_qsl(body))
    good = (
        path == "/api/v1/messages"
        and "Authorization: Basic" in headers
        and only(form, "type", "to", "topic", "content")
    )
    return (200, '{"result":"success","id":1}') if good and form["content"] else (400, '{"result":"error"}')


def own_program(_method: str, _path: str, headers: str, body: str) -> tuple[int, str]:
    return (200, "{}") if "Authorization: Basic" in headers and json.loads(body)["title"] else (403, "{}")


def ntfy(method: str, path: str, headers: str, body: str) -> tuple[int, str]:
    """Of a server without room for attachments, which a longer text would become."""
    if f"Authorization: Bearer {NTFY_TOKEN}" not in headers:
        return 403, '{"code":40301,"http":403,"error":"forbidden"}'
    good = (method, path) == ("POST", "/backups") and 0 < len(body.encode()) <= 4096
    return (200, '{"id":"x","event":"message"}') if good else (400, '{"code":40014,"http":400,"error":"x"}')


def telegram(_method: str, path: str, _headers: str, body: str) -> tuple[int, str]:
    """What stands in the query comes first; Markdown with an odd underscore is refused."""
    said = {**json.loads(body), **dict(parse_qsl(path.partition("?")[2]))}
    good = (said["chat_id"], said["message_thread_id"]) == ("-5", "7") and "failed" in said["text"]
    good = good and len(said["text"]) <= 4096 and "parse_mode" not in said
    return (200, '{"ok":true,"result":{}}') if good else (400, '{"ok":false,"description":"can\'t parse entities"}')


NTFY_TOKEN = "tk_0123456789abcdefghijklmnopqrs"


CASES: dict[str, tuple[str, Callable[[str, str, str, str], tuple[int, str]]]] = {
    "googlechat": ("/v1/spaces/AAA/messages?key=K&token=T0KEN", google_chat),
    "rocketchat": ("/hooks/5f1e2d3c4b5a69788796a5b4/T0KEN12345678901234567890", rocket_chat),
    "pagerduty": ("/v2/enqueue?routing_key=T0KEN", pagerduty),
    "opsgenie": ("/v2/alerts?apiKey=T0KEN", opsgenie),
    "opsgenie's successor": ("/jsm/ops/integration/v2/alerts?apiKey=T0KEN", opsgenie),
    "ntfy": (f"{NTFY_TOKEN}@/backups", ntfy),
    "telegram": ("/bot1:T0KEN/sendMessage?chat_id=-5&message_thread_id=7&parse_mode=Markdown&text=Hi", telegram),
    "pushover": ("/1/messages.json?token=T0KEN&user=us3r", pushover),
    "matrix": ("/_matrix/client/v3/rooms/!room:example.org/send/m.room.message?access_token=T0KEN", matrix),
    "zulip": ("al1ce:Geheim9@/api/v1/messages?type=stream&to=ops&topic=T0KEN", zulip),
    "zulip_slack": ("/api/v1/external/slack_incoming?api_key=T0KEN&stream=ops", rocket_chat),
    "webhook": ("al1ce:Geheim9@/T0KEN", own_program),
}


def address(server: Strange, path: str) -> str:
    user, at, path = path.rpartition("@") if not path.startswith("/") else ("", "", path)
    return f"http://{user}{at}127.0.0.1:{server.port}{path}"


@pytest.mark.parametrize("service", CASES)
def test_each_service_takes_its_messages_and_says_when_it_does_not(service: str) -> None:
    path, judge = CASES[service]
    answers: list[tuple[int, str]] = []

    def strict(client: Any, first: str, body: str) -> None:
        method, target, _version = first.split(" ")
        answers.append(judge(method, target, server.requests[-1][1], body))
        http(client, *answers[-1])

    with running(strict) as server:
        url = address(server, path)
        assert service_of(url) == service.partition("'")[0]
        for kind in KINDS:
            assert send(url, kind) == [], (kind, answers[-1], server.requests[-1])
        assert len(answers) == len(KINDS)
    refused = (
        json.dumps({"result": "error"}) if service == "zulip" else '{"errcode": "M_FORBIDDEN", "error": "T0KEN us3r"}'
    )
    with running(lambda client, *_request: http(client, 200, refused)) as server:
        (problem,) = send(address(server, path))
    assert problem.endswith("the answer says that it failed")
    assert not any(secret in problem for secret in SECRETS)


def test_a_name_in_a_message_calls_nobody() -> None:
    """A table, a host or a job may be called like what calls everybody in a channel."""
    wanted = Message("failure", "[production] <!channel> @everyone FAILED (a&b)", "it's 100% of\nrows", FACTS)
    with running(lambda client, *_request: http(client, 200, "ok")) as server:
        for path in ("/services/T0A/B0A/abc", "/api/webhooks/123/ab-c"):
            assert channels.send(wanted, channels.channels({"TITAN_DB_NOTIFY_URLS": server.url + path})) == []
    slack, discord = (json.loads(body) for _first, _headers, body in server.requests)
    assert slack["text"].startswith("[production] &lt;!channel&gt; @everyone FAILED (a&amp;b)\n\nit's 100% of\nrows")
    assert discord["allowed_mentions"] == {"parse": []} and "<!channel> @everyone FAILED (a&b)" in discord["content"]


def test_an_incident_is_closed_under_the_name_under_which_it_was_opened() -> None:
    with running(lambda client, *_request: http(client, 202, "{}")) as server:
        for kind in ("failure", "recovery"):
            assert send(f"{server.url}/v2/enqueue?routing_key=T0KEN", kind) == []
            assert send(f"{server.url}/v2/alerts?apiKey=T0KEN", kind) == []
    opened, alert, closed, close = server.requests
    assert json.loads(opened[2])["dedup_key"] == json.loads(closed[2])["dedup_key"]
    assert json.loads(alert[2])["alias"] in close[0]
    with running(lambda client, *_request: http(client, 202, "{}")) as server:
        assert send(f"{server.url}/v2/enqueue?routing_key=T0KEN", "report") == []
    assert server.requests[0][0].startswith("POST /v2/change/enqueue "), "a report wakes nobody"


# ruff: noqa: E501 - addresses
# the address as one pastes it, and what arrives for start, failure and success; None where nothing does
PINGS = {
    "healthchecks.io": ("/uuid", ("POST /uuid/start", "POST /uuid/fail", "POST /uuid")),
    "healthchecks.io by slug": ("/key/{job}?create=1", ("POST /key/backup/start?create=1", "POST /key/backup/fail?create=1", "POST /key/backup?create=1")),
    "Uptime Kuma": (
        "/api/push/T0KEN?status=up&msg=OK&ping=",
        (None, "GET /api/push/T0KEN?status=down&msg=backup+failed&ping=", "GET /api/push/T0KEN?status=up&msg=OK&ping="),
    ),
    "Sentry": (
        "/api/42/cron/nightly/T0KEN/", ("GET /api/42/cron/nightly/T0KEN/?status=in_progress", "GET /api/42/cron/nightly/T0KEN/?status=error",
                                        "GET /api/42/cron/nightly/T0KEN/?status=ok"),
    ),
    "Sentry, a monitor for each job": (
        "/api/42/cron/{job}/T0KEN/", ("GET /api/42/cron/backup/T0KEN/?status=in_progress", "GET /api/42/cron/backup/T0KEN/?status=error",
                                      "GET /api/42/cron/backup/T0KEN/?status=ok"),
    ),
    "Better Stack": ("/api/v1/heartbeat/T0KEN", (None, "POST /api/v1/heartbeat/T0KEN/fail", "POST /api/v1/heartbeat/T0KEN")),
}  # fmt: skip


@pytest.mark.parametrize("service", PINGS)
def test_a_dead_mans_switch_hears_each_event_in_its_own_way(service: str) -> None:
    path, expected = PINGS[service]
    with running(lambda client, *_request: http(client, 200, "OK")) as server:
        for event in ("start", "fail", ""):
            assert pings.ping({"TITAN_DB_PING_URL": server.url + path}, "backup", event, "the log") == ""
    assert [first.rpartition(" ")[0] for first, _headers, _body in server.requests] == [
        each for each in expected if each
    ]


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("https://cronitor.link/p/KEY/{job}", ({"state": "run"}, {"state": "fail", "message": "backup failed"}, {"state": "complete"})),
        (
            "https://cronitor.link/p/KEY/x?env=live",
            ({"state": "run", "env": "live"}, {"state": "fail", "env": "live", "message": "backup failed"}, {"state": "complete", "env": "live"}),
        ),
        ("https://nosnch.in/c2354d53d2", (None, {"s": "1", "m": "backup failed"}, {"m": "OK"})),
        ("https://heartbeat.uptimerobot.com/m1-abc", (None, None, {})),
        ("https://push.statuscake.com/?PK=k&TestID=1&time=0", (None, None, {"PK": "k", "TestID": "1", "time": "0"})),
        ("https://api.opsgenie.com/v2/heartbeats/n/ping?apiKey=k", (None, None, {"apiKey": "k"})),
    ],
)  # fmt: skip
def test_services_that_are_known_by_their_host(base: str, said: tuple[dict[str, str] | None, ...]) -> None:
    for event, expected in zip(("start", "fail", ""), said):
        url, _by_query = pings.ping_url(base, "backup", event)
        found = {name: values[0] for name, values in parse_qs(url.partition("?")[2]).items()}
        assert (found if url else None) == expected
        assert not url.partition("?")[0].endswith(("fail", "start"))


@pytest.mark.parametrize(
    "answer",
    [
        "OK (not found)",
        "OK (rate limited)",
        '{"ok": false, "msg": "Monitor not found or not active."}',
        '{"code":19001,"data":{},"msg":"param invalid: incoming webhook access token invalid"}',  # Lark
        '{"code":400,"message":"failed to get device token","timestamp":1}',  # Bark
        '{"errcode":310000,"errmsg":"keywords not in content"}',  # DingTalk
        '{"status":401,"message":"Invalid access token"}',
        '{"statusCode":500,"body":"x"}',
        '{"errorMessage":"Task timed out","errorType":"Error"}',  # a function behind a gateway
        '{"status":"ERROR"}',
        '{"accepted":"false"}',
        "<!-- x --> <html><body>sign in</body></html>",
    ],
)
def test_a_ping_that_was_not_taken_is_none(answer: str) -> None:
    with running(lambda client, *_request: http(client, 200, answer)) as server:
        problem = pings.ping({"TITAN_DB_PING_URL": f"{server.url}/uuid"}, "backup", "", "log", tries=1)
    assert problem.startswith(("ping: the answer says that ", "ping: the answer is a web page"))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "1",
        '{"StatusCode":0,"StatusMessage":"success","code":0,"msg":"success"}',
        '{"code":200,"message":"success","timestamp":1}',
        '{"code":1000,"msg":"x","success":true}',
        '{"status":1,"request":"x","error":null,"errors":[]}',
        '{"kind":"failure","status":137,"title":"404 not found","body":"error"}',  # an echo of what was sent
        "<!---->" * 5000,
    ],
)
def test_a_ping_that_was_taken_is_one(answer: str) -> None:
    with running(lambda client, *_request: http(client, 200, answer)) as server:
        assert not pings.ping({"TITAN_DB_PING_URL": f"{server.url}/uuid"}, "backup", "", "log", tries=1)


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://discord.com/api/webhooks/1/x/slack", "slack"),
        ("https://default1.2.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/a/triggers/manual/paths/invoke?sig=T", "teams"),
        ("https://T0KEN@events.eu.pagerduty.com/v2/enqueue", "pagerduty"),
        ("https://api.eu.opsgenie.com/v2/alerts?apiKey=T", "opsgenie"),
        ("https://default1.2.environment.api.gov.powerplatform.us/powerautomate/automations/direct/workflows/a/triggers/manual/paths/invoke", "teams"),
        (f"https://:{NTFY_TOKEN}@push.example.org/backups", "ntfy"),
        ("https://own.example/api/v1/messages", "webhook"),
        ("https://own.example/message", "webhook"),
    ],
)  # fmt: skip
def test_more_addresses(url: str, service: str) -> None:
    assert service_of(url) == service
