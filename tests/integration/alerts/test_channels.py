"""Messages through each kind of channel, to a stub; nothing that holds a token is ever said."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.alerts import channels
from ansible_collections.titan.database.plugins.module_utils._engine.alerts.pings import ping
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError

from tests.integration.alerts.stub import Stub, running_stub

SECRET = "1234:SECRET-TOKEN"
MESSAGE = channels.Message("failure", "backup FAILED", "line one\nbell \x07 end", {"job": "backup"})


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as made:
        yield made


def test_the_originals_telegram_variables(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TELEGRAM", stub.url)
    monkeypatch.setattr(channels, "apprise", None)
    variables = {"TELEGRAM_ALERT_TOKEN": SECRET, "TELEGRAM_CHAT_ID": "-100", "ENABLE_TELEGRAM_BACKUP_ALERTS": "true"}
    assert channels.send(MESSAGE, channels.channels(variables)) == []
    path, body = stub.received[0]
    assert path == f"/bot{SECRET}/sendMessage"
    assert json.loads(body) == {"chat_id": "-100", "text": "backup FAILED\n\nline one\nbell ? end"}
    assert channels.channels({**variables, "ENABLE_TELEGRAM_BACKUP_ALERTS": "false"}) == []
    assert channels.channels({"TELEGRAM_ALERT_TOKEN": SECRET}) == []


def test_a_webhook_gets_the_facts(stub: Stub) -> None:
    found = channels.channels({"TITAN_DB_NOTIFY_URLS": f"{stub.url}/message, {stub.url}/message"})
    assert channels.send(MESSAGE, found) == []
    assert [each["job"] for each in stub.messages()] == ["backup", "backup"]


@pytest.mark.parametrize("status", [403, 500])
def test_three_tries_and_no_token_in_what_is_said(stub: Stub, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setattr(channels, "TELEGRAM", stub.url)
    monkeypatch.setattr(channels, "apprise", None)
    stub.status = status
    waits: list[float] = []
    found = channels.channels(
        {"TELEGRAM_ALERT_TOKEN": SECRET, "TELEGRAM_CHAT_ID": "1", "TITAN_DB_NOTIFY_URLS": f"{stub.url}/{SECRET}"}
    )
    problems = channels.send(MESSAGE, found, sleep=waits.append)
    assert (len(problems), len(stub.received), len(waits)) == (2, 6, 4)
    assert "SECRET" not in str(problems)
    assert f"HTTP status {status}" in problems[0]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/SECRET", "http://[SECRET", "mailto://SECRET@h", "nonsense://SECRET"]
)
def test_whatever_is_wrong_with_an_address_is_said_without_it(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(channels, "apprise", None)
    problems = channels.send(MESSAGE, channels.channels({"TITAN_DB_NOTIFY_URLS": url}), sleep=lambda _seconds: None)
    assert len(problems) == 1
    assert "SECRET" not in problems[0]


def test_a_place_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert channels.TIMEOUT <= 10
    monkeypatch.setattr(channels, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = channels.channels({"TITAN_DB_NOTIFY_URLS": f"http://127.0.0.1:{silent.getsockname()[1]}/SECRET"})
        assert channels.send(MESSAGE, found, sleep=lambda _seconds: None) == ["webhook 1: no answer in time"]


def test_channels_that_need_apprise_are_refused_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "apprise", None)
    with pytest.raises(OptionError, match="install the package apprise"):
        channels.check_channels(channels.channels({"TITAN_DB_NOTIFY_URLS": "mailto://u:p@h"}), {})


def test_apprise_carries_what_it_knows(stub: Stub) -> None:
    pytest.importorskip("apprise")
    url = stub.url.replace("http://", "json://") + "/message"
    found = channels.channels({"TITAN_DB_NOTIFY_URLS": url})
    channels.check_channels(found, {})
    assert channels.send(MESSAGE, found) == []
    assert stub.messages()[0]["title"] == "backup FAILED"
    stub.status = 500
    assert "could not deliver" in channels.send(MESSAGE, found, sleep=lambda _seconds: None)[0]
    with pytest.raises(OptionError, match="does not understand"):
        channels.check_channels(channels.channels({"TITAN_DB_NOTIFY_URLS": "nonsense://x"}), {})


def test_the_ping_carries_the_end_of_the_log(stub: Stub) -> None:
    variables = {"TITAN_DB_PING_URL": f"{stub.url}/ping/{{job}}/"}
    assert ping(variables, "a b", "fail", "x" * 20_000 + "END") == ""
    path, body = stub.received[0]
    assert (path, len(body), body[-3:]) == ("/ping/a%20b/fail", 10_000, "END")
    stub.status = 404
    assert ping(variables, "a", "", "", tries=1) == "ping: HTTP status 404"
    assert ping({}, "a", "", "") == ""
