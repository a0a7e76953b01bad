"""Messages through the distribution's Apprise, as a host has it: received by stubs, and no secret in what is said."""

from __future__ import annotations

import email
import email.policy
import json
import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.integration.alerts.stub import Stub, running_stub

PYTHON = "/usr/bin/python3"
TOKEN = "123456789:abcdefghijklmnopqrstuvwxyz012345678"
PASSWORD = "s3cret-mail-password"


def has_apprise() -> bool:
    if not os.path.exists(PYTHON):
        return False
    return (
        subprocess.run([PYTHON, "-c", "from apprise import Apprise"], capture_output=True, check=False).returncode == 0
    )


pytestmark = pytest.mark.skipif(not has_apprise(), reason="needs the Debian package apprise")


class Mails:
    """A loopback SMTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[email.message.EmailMessage] = []
        self.refuses = False
        mails = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.answer("220 stub")
                while line := self.rfile.readline().decode().strip():
                    word = line.split()[0].upper()
                    if word == "EHLO":
                        self.answer("250-stub\r\n250 AUTH PLAIN LOGIN")
                    elif word == "AUTH":
                        self.answer("535 no" if mails.refuses else "235 welcome")
                    elif word == "DATA":
                        self.answer("354 go on")
                        mails.received.append(email.message_from_bytes(self.text(), policy=email.policy.default))  # type: ignore[arg-type]
                        self.answer("250 kept")
                    else:
                        self.answer("221 bye" if word == "QUIT" else "250 ok")

            def answer(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

            def text(self) -> bytes:
                found = b""
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    found += line[1:] if line.startswith(b"..") else line  # RFC 5321, 4.5.2
                return found

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = (
            f"mailto://ops:{PASSWORD}@127.0.0.1:{self.server.server_address[1]}/?from=db@h.example&to=ops@h.example"
        )


@contextmanager
def running_mails() -> Iterator[Mails]:
    mails = Mails()
    threading.Thread(target=mails.server.serve_forever, daemon=True).start()
    try:
        yield mails
    finally:
        mails.server.shutdown()
        mails.server.server_close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as made:
        yield made


@pytest.fixture
def mails() -> Iterator[Mails]:
    with running_mails() as made:
        yield made


class Host:
    """titan-db under the distribution's Python, with the addresses in its env file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.env = folder, folder / "notify.env"
        self.program = folder / "titan-db"
        self.program.write_bytes(zipapp.build(PYTHON))
        self.program.chmod(0o755)
        config = {"environment": "t", "state_dir": f"{folder}/state", "notify_env_file": str(self.env)}
        (folder / "c.json").write_text(json.dumps(config))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.program), words[0], "--config", f"{self.folder}/c.json", *words[1:]]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", "HOME": "/"}
        )
        for secret in (TOKEN, TOKEN.split(":")[1], PASSWORD, "SECRET"):
            assert secret not in done.stdout + done.stderr + " ".join(command)
        return done


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_mails_and_json_are_received(host: Host, stub: Stub, mails: Mails) -> None:
    host.env.write_text(f"TITAN_DB_NOTIFY_URLS='{stub.url.replace('http', 'json')}/message {mails.url}'\n")
    done = host.run("notify-test")
    assert (done.returncode, done.stderr) == (0, "")
    assert "test message delivered to json 1, mailto 2" in done.stdout
    assert [each["title"].startswith("[t] test message") for each in stub.messages()] == [True]
    assert [(each["to"], each["from"], each["subject"]) for each in mails.received] == [
        ("ops@h.example", mails.received[0]["from"], stub.messages()[0]["title"])
    ]


def test_a_failure_is_mailed_as_it_was_logged(host: Host, mails: Mails) -> None:
    """The message of a job that could not start; lines stay lines, and nothing of it is taken for markup."""
    host.env.write_text(f"TITAN_DB_NOTIFY_URLS='{mails.url}'\n")
    config = json.loads((host.folder / "c.json").read_text())
    (host.folder / "c.json").write_text(json.dumps({**config, "schedule": {"backup": {"log": "/logs/<a>&b.log"}}}))
    assert host.run("note", "--job", "backup", "--status", "2").returncode == 0
    assert "backup FAILED: the job could not start" in mails.received[0]["subject"]
    html = mails.received[0].get_body(("html",))
    assert html
    assert "/logs/&lt;a&gt;&amp;b.log" in html.get_content()
    assert "<br" in html.get_content()


def test_the_weekly_report_is_a_page_in_the_mail_and_beside_it(
    host: Host, mails: Mails, settings: ConnectionSettings
) -> None:
    """Under the distribution's Python, as on a host; the page is what the job has left among its records."""
    if subprocess.run([PYTHON, "-c", "import psycopg2.extensions"], capture_output=True, check=False).returncode:
        pytest.skip(f"{PYTHON} has no psycopg2 (Debian package python3-psycopg2)")
    host.env.write_text(f"TITAN_DB_NOTIFY_URLS='{mails.url}'\n")
    with connect(settings) as database:
        database.execute('CREATE TABLE public."<b>&\'" (id int)')
    names = {"HOST": settings.host, "PORT": settings.port, "USER": settings.user, "NAME": settings.database}
    text = "".join(f"DB_{name}={value}\n" for name, value in {**names, "PASSWORD": settings.password}.items())
    (host.folder / "db.env").write_text(text)
    (host.folder / "db.env").chmod(0o600)
    config = json.loads((host.folder / "c.json").read_text())
    (host.folder / "c.json").write_text(json.dumps({**config, "env_file": f"{host.folder}/db.env"}))
    done = host.run("stats")
    assert done.returncode == 0 and "Database " in done.stdout, done.stdout + done.stderr
    [mail] = mails.received
    page = (host.folder / "state" / "report.html").read_text()
    [attached] = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("report.html", "text/html")
    assert attached.get_payload(decode=True).decode() == page and "&lt;b&gt;&amp;&#x27;" in page
    html = mail.get_body(("html",))
    assert html and html.get_content().split() == page.split()
    assert "statistics" in mail["subject"]


def test_what_cannot_be_delivered_is_said_and_counted_without_a_secret(host: Host, mails: Mails) -> None:
    mails.refuses = True
    host.env.write_text(f"TITAN_DB_NOTIFY_URLS='{mails.url}'\n")
    done = host.run("note", "--job", "backup")
    assert "message not delivered: mailto 1: Apprise could not deliver it" in done.stdout
    assert json.loads((host.folder / "state" / "notify.json").read_text())["failed_total"] == 1
    assert mails.received == []
    for address in ("nonsense://SECRET", "mailto://SECRET:SECRET@", "tgram://SECRET/1"):
        host.env.write_text(f"TITAN_DB_NOTIFY_URLS='{address}'\n")
        refused = host.run("notify-test", "--check")
        assert (
            refused.returncode != 0 and "Apprise does not understand this URL" in refused.stderr or "tgram" in address
        )
        assert host.run("notify-test").returncode != 0


DRIVER = """
import sys
sys.path.insert(0, sys.argv[1])
import apprise
from importlib import import_module
notify = import_module(sys.argv[2] + ".alerts.channels")
variables = dict(line.split("=", 1) for line in sys.stdin.read().splitlines())
[channel] = notify.channels(variables)
type(apprise.Apprise.instantiate(channel.url)).notify_url = sys.argv[3] + "/bot"  # in the place of Telegram's own
print(notify.send(notify.Message("failure", "backup <FAILED>", "a < b & c", {}), [channel], sleep=lambda seconds: None))
"""


def test_the_originals_telegram_variables_reach_the_chat(host: Host, stub: Stub) -> None:
    variables = f"TELEGRAM_ALERT_TOKEN={TOKEN}\nTELEGRAM_CHAT_ID=-100123\nENABLE_TELEGRAM_BACKUP_ALERTS=true\n"
    argv = [PYTHON, "-c", DRIVER, str(Path(zipapp.PACKAGE).parent), Path(zipapp.PACKAGE).name, stub.url]
    done = subprocess.run(argv, input=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    path, body = stub.received[-1]
    assert path == f"/bot{TOKEN}/sendMessage"
    said = json.loads(body)
    assert str(said["chat_id"]) == "-100123"
    assert "backup" in said["text"] and "a &lt; b &amp; c" in said["text"]
    assert TOKEN not in done.stdout + done.stderr + " ".join(argv)
