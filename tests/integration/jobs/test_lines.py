"""The short line beside the long one of earlier versions, under dash and bash: what is heard in each failure is the same."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.jobs import jobs_from_options, render_lines
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.line import unescape_cron
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp

from tests.integration.alerts.stub import Stub, running_stub

CRON = {"HOME": "/", "LOGNAME": "root", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
SHELLS = ["/bin/dash", "/bin/bash"]


class Host:
    """A job of an environment in a directory whose name no shell likes."""

    def __init__(self, folder: Path, stub: Stub) -> None:
        self.stub = stub
        self.place = folder / 'it\'s 100% "$HOME" ü\\'
        self.program, self.spare = self.place / "titan-db", self.place / "etc" / "titan-db"
        self.spare.parent.mkdir(parents=True)
        content = zipapp.build(sys.executable)
        for copy in (self.program, self.spare):
            copy.write_bytes(content)
            copy.chmod(0o755)
        self.app, self.log, self.state = self.place / "app", self.place / "logs" / "a.log", self.place / "state"
        self.app.mkdir()
        self.log.parent.mkdir()
        self.env, self.config = self.app / ".env", self.place / "t.json"
        self.write_env("")
        self.write_config()

    def write_env(self, more: str) -> None:
        self.env.write_text(
            f"TITAN_DB_NOTIFY_URLS='{self.stub.url}/message'\nDATABASE_URL='postgresql://u@127.0.0.1:1/d'\n{more}"
        )

    def write_config(self, **job: Any) -> None:
        backup = {"subcommand": "backup", "schedule": "0 2 * * *", "log": str(self.log), "timeout": "60s", **job}
        config = {
            "environment": "t", "env_file": str(self.env), "directory": str(self.app), "state_dir": str(self.state),
            "command": str(self.program), "spare_command": str(self.spare), "notify": {"repeat": "1s"},
            "schedule": {"backup": backup, "other": {"subcommand": "drill"}}, "jobs": {"backup": {"dest": str(self.place)}},
        }  # fmt: skip
        self.config.write_text(json.dumps(config))

    def line(self, job: str = "backup") -> str:
        names = f"{shlex.quote(str(self.config))} {job}"
        options = {
            "name": job, "schedule": "0 2 * * *", "log": str(self.log), "env_file": str(self.env), "directory": str(self.app),
            "command": escaped(f"{shlex.quote(str(self.program))} cron {names}"),
            "on_failure": escaped(f"{shlex.quote(str(self.spare))} note {names} $?"),
        }  # fmt: skip
        return unescape_cron(render_lines(jobs_from_options([options]))[1][len("0 2 * * * ") :])

    def former_line(self) -> str:
        log, app, env, program, spare, config = (
            shlex.quote(str(each)) for each in (self.log, self.app, self.env, self.program, self.spare, self.config)
        )
        note = f'"$p" note --config {config} --job backup --status $s && break'
        trap = f"case $?:$1 in *:|12[67]:*) s=$?; for p in {spare} {program}; do {note}; done;; esac"
        return (
            f"trap {shlex.quote(trap)} EXIT; exec >> {log} 2>&1; cd {app} && set -a && . {env} && set +a || exit; "
            f"set -- started; {program} backup --config {config}"
        )

    def run(self, line: str, shell: str = "/bin/sh") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shell, "-c", line], env=CRON, capture_output=True, text=True, check=False, umask=0o077, timeout=60
        )

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "backup.json").read_text())
        return found

    def titan(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.program, *words], env=CRON, capture_output=True, text=True, check=False)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with running_stub() as stub:
        yield Host(tmp_path, stub)


def log_closed(host: Host) -> None:
    shutil.rmtree(host.log.parent)


# What is broken, and what the message says of it.
BREAKS: dict[str, tuple[Callable[[Host], Any], str]] = {
    "nothing but the database": (lambda host: None, "connection"),
    "a syntax error in the env file": (lambda host: host.write_env("A='never closed\n"), ".env, line"),
    "a command of the env file fails": (lambda host: host.write_env("A=$(false)\n"), "could not start"),
    "the log": (log_closed, "cannot be written"),
    "the program": (lambda host: host.program.unlink(), "is missing"),
    "the program's mode": (lambda host: host.program.chmod(0o644), "cannot be executed"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_what_is_heard_of_a_failure_is_what_the_long_line_told(host: Host, how: str) -> None:
    break_it, said = BREAKS[how]
    break_it(host)
    heard = []
    for line in (host.former_line(), host.line()):
        host.stub.received.clear()
        shutil.rmtree(host.state, ignore_errors=True)
        done = host.run(line)
        record = host.record()
        heard.append([(each["job"], each["kind"]) for each in host.stub.messages()])
        assert done.returncode and record["exit_status"] == done.returncode, (how, done, record)
        assert record["failures"] == record["failures_total"] == record["runs_total"] == 1
    assert heard == [[("backup", "failure")]] * 2
    assert said in host.stub.messages()[0]["title"]


def test_an_env_file_that_is_gone_is_recorded_by_both(host: Host) -> None:
    """Its address went with it, so the message has to be in the second env file, or nobody hears of it but health."""
    host.env.unlink()
    for line in (host.former_line(), host.line()):
        shutil.rmtree(host.state, ignore_errors=True)
        assert host.run(line).returncode == 2
        assert "could not start" in host.record()["message"] and host.record()["exit_status"] == 2
    assert "cannot be read" in host.record()["message"]
    assert host.log.read_text().count("FAILED with status 2") == 2, "the end of the line writes into the job's log"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_directory_that_is_gone_and_a_run_that_goes_on_already(host: Host, shell: str) -> None:
    host.app.rename(f"{host.app} gone")
    host.env = Path(f"{host.app} gone/.env")
    host.write_config()
    config = json.loads(host.config.read_text())
    host.config.write_text(json.dumps({**config, "directory": str(host.app)}))
    assert host.run(host.line(), shell).returncode == 1
    assert "its directory" in host.stub.messages()[0]["title"] and len(host.stub.messages()) == 1
    with open(host.state / "backup.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert host.run(host.line(), shell).returncode == 75
    assert len(host.stub.messages()) == 1 and host.record()["runs_total"] == 1


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_is_heard_at_once(host: Host, shell: str, number: signal.Signals) -> None:
    host.write_config(after="other")
    host.state.mkdir(mode=0o700)
    with open(host.state / "other.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        line = subprocess.Popen([shell, "-c", host.line()], env=CRON)
        deadline = time.monotonic() + 60
        while not (host.log.exists() and "waiting for" in host.log.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(host.record()["pid"], number)
        line.wait(60)
    assert [(each["job"], f"killed by {number.name}" in each["title"]) for each in host.stub.messages()] == [
        ("backup", True)
    ]
    assert host.record()["exit_status"] == 128 + number


def test_a_run_by_hand_is_the_same_run_and_a_mistake_is_none(host: Host) -> None:
    by_hand = host.titan("cron", str(host.config), "backup")
    assert by_hand.returncode == 1 and host.record()["runs_total"] == 1 and len(host.stub.messages()) == 1
    before = host.record()
    for words in (
        ("cron", str(host.config), "backups"),
        ("cron", "no-such", "backup"),
        ("cron", str(host.config)),
        ("backup", "--config", str(host.config), "--keep-dais", "3"),
    ):
        done = host.titan(*words)
        assert done.returncode == 2 and "Traceback" not in done.stderr, done
    assert "its jobs are: backup, other" in host.titan("cron", str(host.config), "backups").stderr
    assert "environments of this host are" in host.titan("cron", "no-such", "backup").stderr
    assert host.record() == before and len(host.stub.messages()) == 1
    assert host.run(host.line("backups")).returncode == 2
    assert "has no such job" in host.stub.messages()[1]["title"]


def test_the_calendars_first_weekday_is_decided_inside(host: Host) -> None:
    today = datetime.now().astimezone()
    tomorrow = (today + timedelta(days=1)).strftime("%A").lower()
    host.write_config(schedule="0 4 1-31 * *", only_on=tomorrow)
    assert host.run(host.line()).returncode == 0
    assert "nothing to do today: it runs next on" in host.log.read_text()
    host.program.unlink()
    assert host.run(host.line()).returncode == 127, "not the day: nobody is told"
    assert not host.state.exists() and host.stub.received == []


def test_why_says_it_in_ten_lines(host: Host) -> None:
    never = host.titan("why", str(host.config), "backup")
    assert never.returncode == 0 and "never" in never.stdout and len(never.stdout.splitlines()) <= 10
    host.run(host.line())
    text = host.titan("why", str(host.config), "backup").stdout
    assert len(text.splitlines()) <= 10
    for part in (
        "with status 1 after",
        "02:00",
        f"tail -n 50 {shlex.quote(str(host.log))}",
        f"cron {shlex.quote(str(host.config))} backup",
        "failure, ",
    ):
        assert part in text, text
    assert host.titan("why", str(host.config), "backups").returncode == 2
    for words in (("why", "backup"), ("note",)):  # of the host's environments, if it has any
        assert "Traceback" not in host.titan(*words).stderr
