"""What a person is told of a job, for each kind of end: in ten lines, true, with a command that helps."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab import other_lines
from ansible_collections.titan.database.plugins.module_utils._engine.environment.config import read_environment
from ansible_collections.titan.database.plugins.module_utils._engine.environment.records import (
    Alert,
    Record,
    StateDirectory,
)
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.host.cron_daemon import Starter
from ansible_collections.titan.database.plugins.module_utils._engine.jobs import why as subject

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=timezone.utc)  # a Friday
NIGHT = datetime(2026, 11, 27, 2, 0, tzinfo=timezone.utc).timestamp()
UP = Starter(booted=NIGHT - 10 * 86400, cron=True)
OK = {"last_start": NIGHT + 1, "last_end": NIGHT + 60, "last_success": NIGHT + 1, "duration": 59.0, "message": "done"}


class Host:
    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, StateDirectory(str(folder / "state"))
        (folder / "cron.d").mkdir()
        self.schedule({"schedule": "0 2 * * *"})

    def schedule(self, job: dict[str, Any], line: str | None = None, comment: str = "") -> None:
        config = self.folder / "t.json"
        job = {"subcommand": "backup", "log": f"{self.folder}/a.log", **job}
        config.write_text(
            json.dumps({"environment": "t", "state_dir": self.state.path, "schedule": {"j": job, "first": {}}})
        )
        os.utime(config, (1, 1))
        self.environment = read_environment(str(config))
        plan = self.environment.jobs["j"].expression
        text = line if line is not None else (plan.text if plan else "")
        command = f"(exec titan-db cron {config} j) >>{self.folder}/a.log 2>&1 || titan-db note {config} j $?"
        (self.folder / "cron.d" / "titan").write_text(f"{comment}{text} root {command}\n" if text else "")

    def ran(self, **facts: Any) -> None:
        self.state.save(Record("j", run_id="r1", pid=4711, timeout=3600.0, **{**OK, **facts}))

    def why(self, starter: Starter = UP, now: datetime = NOW) -> str:
        text = subject.why(self.environment, "j", now, starter)
        assert len(text.splitlines()) <= 10, text
        return text


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(other_lines, "CRON_FILES", f"{tmp_path}/cron.d")
    yield Host(tmp_path)


KINDS: dict[str, tuple[Callable[[Host], Any], list[str]]] = {
    "good": (lambda host: host.ran(), ["with status 0 after 59.0 s: done", "runs next    Sat 2026-11-28 02:00"]),
    "failed": (
        lambda host: host.ran(exit_status=1, message="no room", alert=Alert("failed", "x", NIGHT, True)),
        ["with status 1", "no room", "message      failure, ", "tail -n 50"],
    ),
    "killed": (
        lambda host: host.ran(last_end=0.0),
        ["no end is recorded: the run was killed", "run it now"],
    ),
    "timed out": (
        lambda host: host.ran(exit_status=124, message="stopped after its time limit of 60 s"),
        ["with status 124", "more time    timeout of the job j"],
    ),
    "unheard": (
        lambda host: (
            host.ran(exit_status=1, alert=Alert("failed", "x", NIGHT + 60, False)),
            host.state.add_undelivered(["slack answers 404"], NIGHT + 61),
        ),
        ["no channel took it (slack answers 404)", "be heard     titan-db notify-test"],
    ),
    "not after the other": (
        lambda host: (
            host.schedule({"schedule": "0 2 * * *", "after": "first"}),
            host.ran(exit_status=1, message="Not started: the job 'first' has never succeeded."),
        ),
        ["waits for    the job first", "look first   titan-db why", "first"],
    ),
    "the night before went on": (
        lambda host: host.ran(last_start=NIGHT - 80000, last_end=NIGHT + 900),
        ["missed       it was due Fri 2026-11-27 02:00:00 UTC", "the previous run lasted until Fri 2026-11-27 02:15"],
    ),
    "paused": (
        lambda host: (host.ran(), host.schedule({"schedule": "0 2 * * *"}, comment="# ")),
        ["by the schedule, but its line is commented out (", "--tags crontab"],
    ),
    "no line": (
        lambda host: (host.ran(), host.schedule({"schedule": "0 2 * * *"}, line="")),
        ["by the schedule, but no line starts the job j"],
    ),
    "another line": (
        lambda host: (host.ran(), host.schedule({"schedule": "0 2 * * *"}, line="0 3 * * 0")),
        ["but ", "starts the job j at '0 3 * * 0' instead of '0 2 * * *'"],
    ),
    "first Sunday": (
        lambda host: (host.schedule({"schedule": "first sunday 04:00"}), host.ran()),
        ["runs next    Sun 2026-12-06 04:00"],
    ),
    "by hand only": (lambda host: (host.schedule({}), host.ran()), ["runs next    by hand only"]),
    "from the future": (
        lambda host: host.ran(last_start=NOW.timestamp() + 9000, last_end=NOW.timestamp() + 9060),
        ["that is in the future"],
    ),
    "standby": (
        lambda host: (
            host.schedule({"schedule": "0 2 * * *", "run_on": "primary"}),
            host.ran(last_success=NIGHT - 86400, message="this server is not the primary"),
        ),
        ["this server is not the primary", "last success Thu", "if this server is then the primary"],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_end_is_told(host: Host, kind: str) -> None:
    arrange, parts = KINDS[kind]
    arrange(host)
    text = host.why()
    for part in parts:
        assert part in text, text
    assert ("missed" in text) == (kind in ("the night before went on", "from the future")), text


def test_what_never_ran_says_so_and_when_it_was_missed(host: Host) -> None:
    text = host.why()
    assert "last start   never" in text and "ended" not in text and "did not start: cron's own log" in text
    off = Starter(booted=NIGHT + 3600, cron=True)
    assert "this host was off; it was started at Fri 2026-11-27 03:00:00 UTC" in host.why(off)
    host.ran(last_start=NIGHT - 86400 + 1, last_end=0.0)
    assert "no end is recorded: this host was started again at Fri 2026-11-27 03:00:00 UTC" in host.why(off)


def test_without_cron_nothing_runs_next(host: Host) -> None:
    host.ran()
    text = host.why(Starter(UP.booted, False))
    assert "by the schedule, but no cron daemon runs" in text and "systemctl enable --now cron" in text


def test_a_run_that_goes_on_and_one_that_does_not_end(host: Host) -> None:
    host.ran(last_start=NOW.timestamp() - 60, last_end=0.0)
    with open(host.state.lock_path("j"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = host.why()
        assert "runs now as process 4711" in text and "ended        not yet" in text and "tail -f" in text
        late = host.why(now=NOW + timedelta(hours=7))
        assert "its time limit of 21600 s has passed" in late and "end it       kill 4711" in late


@pytest.mark.skipif(not os.path.exists("/usr/share/zoneinfo/Europe/Berlin"), reason="needs the package tzdata")
def test_the_day_on_which_the_clocks_change_is_named(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    from zoneinfo import ZoneInfo

    monkeypatch.setattr(subject, "host_zone", lambda: (ZoneInfo("Europe/Berlin"), "Europe/Berlin"))
    host.schedule({"schedule": "30 2 * * *"})
    spring = datetime(2026, 3, 28, 12, 0, tzinfo=timezone.utc)
    assert "runs next    Sun 2026-03-29 03:00 Europe/Berlin, clocks go forward on this day" in host.why(now=spring)
    autumn = datetime(2026, 10, 24, 12, 0, tzinfo=timezone.utc)
    assert "runs next    Sun 2026-10-25 02:30 Europe/Berlin, clocks go back on this day" in host.why(now=autumn)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_records_that_may_not_be_seen_are_not_called_missing(host: Host) -> None:
    host.ran()
    host.folder.chmod(0o600)
    try:
        with pytest.raises(TitanError, match="run it as"):
            subject.why(host.environment, "j", NOW, UP)
    finally:
        host.folder.chmod(0o700)
