"""The ways a night can go wrong. For each: somebody hears of it within one cycle, health is red, and both clear."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import psycopg2
import pytest
import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.line import (
    Job,
    render_command,
    unescape_cron,
)
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import login
from tests.drill_programs import drill_programs
from tests.integration.alerts.stub import Stub, running_stub

ROOT = Path(__file__).resolve().parents[3]
# The jobs of production as the shipped inventory and the role's defaults have them.
PRODUCTION = yaml.safe_load((ROOT / "inventories" / "production" / "group_vars" / "production.yml").read_text())
SHIPPED = {job["name"]: {**job, "log": "", "run_on": "primary"} for job in PRODUCTION["crontab_jobs"]}
CRON_ENVIRONMENT = {"HOME": "/", "LOGNAME": "root", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}


class Night:
    """One environment whose jobs start through their crontab lines, in cron's own environment."""

    def __init__(self, folder: Path, settings: ConnectionSettings, stub: Stub) -> None:
        self.folder, self.settings, self.stub = folder, settings, stub
        self.home, self.backups = folder / "app", folder / "backups"
        self.program, self.spare = folder / "titan-db", folder / "etc" / "titan-db"
        self.home.mkdir()
        self.spare.parent.mkdir()
        self.backups.mkdir(mode=0o700)
        content = zipapp.build(sys.executable)
        for copy in (self.program, self.spare):
            copy.write_bytes(content)
            copy.chmod(0o755)
        self.env, self.config = self.home / ".env", folder / "config.json"
        self.write_env(settings.port)
        (folder / "notify.env").write_text(
            f"TITAN_DB_NOTIFY_URLS='{stub.url}/message'\nTITAN_DB_PING_URL='{stub.url}/{{job}}'\n"
        )
        self.write_config()

    def write_env(self, port: int) -> None:
        self.env.write_text(
            f"DATABASE_URL='postgresql://{self.settings.user}@127.0.0.1:{port}/{self.settings.database}'\n"
        )

    def write_config(self, timeout: str = "60s") -> None:
        old = time.time() - 30 * 86400
        limits = {"disk": [100, 100], "oldest_transaction": [1e6, 1e6], "inactive_slots": [99, 99]}
        config = {
            "environment": "night",
            "env_file": str(self.env),
            "directory": str(self.home),
            "notify_env_file": f"{self.folder}/notify.env",
            "state_dir": f"{self.folder}/state",
            "command": str(self.program),
            "spare_command": str(self.spare),
            "schedule": {
                "backup": {"schedule": "0 2 * * *", "timeout": timeout, "log": f"{self.folder}/backup.log"},
                "cleanup": {"after": "backup", "log": f"{self.folder}/cleanup.log"},
                "health": {**SHIPPED["health"], "log": f"{self.folder}/health.log"},
            },
            "jobs": {
                "backup": {"dest": str(self.backups), "name": "n", "programs": drill_programs(), "verify": "checksum", "globals": False},
                "health": {"thresholds": {**limits, "verified_backup_age": [], "cron_daemon": [], "job_lines": []}},
            },
        }  # fmt: skip
        self.config.write_text(json.dumps(config))
        os.utime(self.config, (old, old))

    def line(self, word: str = "backup") -> str:
        program, teller = (self.spare, self.program) if word == "health" else (self.program, self.spare)
        names = f"{self.config} {word}"
        log = f"{self.folder}/{word}.log"
        job = Job(
            word, "0 2 * * *", f"{program} cron {names}", log, "", str(self.env), on_failure=f"{teller} note {names} $?"
        )
        return unescape_cron(render_command(job))

    def start(self, *before: str, word: str = "backup") -> subprocess.Popen[bytes]:
        line = [*before, "/bin/sh", "-c", self.line(word)]
        return subprocess.Popen(line, env=CRON_ENVIRONMENT, start_new_session=True)

    def health(self) -> int:
        """One cycle of the health job, which the shipped inventories start every quarter of an hour; its exit status."""
        done = subprocess.run(
            ["/bin/sh", "-c", self.line("health")], env=CRON_ENVIRONMENT, capture_output=True, check=False
        )
        return done.returncode

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.stub.messages() if each["kind"] == kind]

    def log(self) -> str:
        return (self.folder / "backup.log").read_text()


@pytest.fixture
def night(tmp_path: Path, settings: ConnectionSettings) -> Iterator[Night]:
    rows = "CREATE TABLE public.t AS SELECT n, md5(n::text) AS pad FROM generate_series(1, 20000) n"
    for statement in (rows, "ANALYZE public.t"):  # each in a session of its own: what changed is counted when one ends
        with psycopg2.connect(**settings.parameters()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()
    with running_stub() as stub:
        yield Night(tmp_path, settings, stub)


def env_gone(night: Night) -> Callable[[], None]:
    night.env.rename(f"{night.env}.gone")
    return lambda: Path(f"{night.env}.gone").rename(night.env)


def directory_gone(night: Night) -> Callable[[], None]:
    moved = night.folder / "moved"
    night.home.rename(moved)
    return lambda: moved.rename(night.home)


def database_down(night: Night) -> Callable[[], None]:
    night.write_env(1)
    return lambda: night.write_env(night.settings.port)


def hung(night: Night) -> Callable[[], None]:
    """Another session holds a table that the dump needs, for longer than the job's time limit."""
    night.write_config(timeout="2s")
    holder = psycopg2.connect(**night.settings.parameters())
    holder.cursor().execute("LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE")

    def repair() -> None:
        holder.close()
        night.write_config()

    return repair


def program_gone(night: Night) -> Callable[[], None]:
    return moved_away(night.program)


def program_not_executable(night: Night) -> Callable[[], None]:
    night.program.chmod(0o644)
    return lambda: night.program.chmod(0o755)


def moved_away(path: Path) -> Callable[[], None]:
    gone = Path(f"{path}.gone")
    path.rename(gone)

    def repair() -> None:
        gone.rename(path)

    return repair


# How a night is broken, and whether health finds something that the job's own message has not said.
BREAKS = {
    "env file gone": (env_gone, False),
    "directory gone": (directory_gone, False),
    "program gone": (program_gone, True),
    "program not executable": (program_not_executable, True),
    "database down": (database_down, True),
    "job hung": (hung, False),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_night_is_heard_and_seen_and_clears(night: Night, how: str) -> None:
    break_it, more = BREAKS[how]
    assert night.start().wait(60) == 0, night.log()
    repair = break_it(night)
    assert night.start().wait(60) != 0
    assert [(each["job"], each["kind"]) for each in night.stub.messages()] == [("backup", "failure")]
    assert "/backup/fail" in night.stub.pings()
    assert night.log().strip()
    for _cycle in range(2):
        assert night.health() >= 2
        assert [each["job"] for each in night.told("failure")] == ["backup", *(["health"] if more else [])]
    assert "jobs_failed" not in night.told("failure")[-1]["title"], "the job itself has been heard"
    repair()
    assert night.start().wait(60) == 0, night.log()
    assert [each["job"] for each in night.told("recovery")] == ["backup"]
    assert night.health() == 0, (night.folder / "health.log").read_text()
    assert [each["job"] for each in night.told("recovery")] == ["backup", *(["health"] if more else [])]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk(night: Night) -> None:
    mount = 'mount -t tmpfs -o size=24k,mode=0700 none "$1" && shift && exec "$@"'
    if subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    ).returncode:
        pytest.skip("needs the right to make a mount namespace")
    assert night.start("unshare", "-m", "sh", "-c", mount, "sh", str(night.backups)).wait(60) != 0
    assert [each["job"] for each in night.told("failure")] == ["backup"]
    assert "space" in night.told("failure")[0]["title"].lower()
    assert night.health() >= 2
    assert night.start().wait(60) == 0, night.log()
    assert night.health() == 0


def test_a_machine_that_stops_in_the_middle(night: Night) -> None:
    holder = psycopg2.connect(**night.settings.parameters())
    cursor = holder.cursor()
    cursor.execute("LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE")
    started = night.start()
    state = night.folder / "state" / "backup.json"
    deadline = time.monotonic() + 120
    while not (state.exists() and "started" in night.log()) and time.monotonic() < deadline:
        time.sleep(0.1)
    waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'public.t'::regclass AND NOT granted"
    cursor.execute(waiting)
    while cursor.fetchone() == (0,) and time.monotonic() < deadline:
        time.sleep(0.1)
        cursor.execute(waiting)
    for pid in family(started.pid):
        os.kill(pid, signal.SIGKILL)
    started.wait(10)
    holder.close()
    assert night.stub.messages() == [], "nobody was left to tell"
    assert night.health() >= 2
    assert [each["job"] for each in night.told("failure")] == ["health"]
    assert "jobs_failed" in night.told("failure")[0]["title"]
    assert night.start().wait(60) == 0, night.log()
    assert "was interrupted" in night.log()
    assert night.health() == 0
    assert [each["job"] for each in night.told("recovery")] == ["health"]


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += family(int(child))
    return found


def test_a_program_that_is_gone_is_named_and_told_once_for_the_jobs_that_wait_for_each_other(night: Night) -> None:
    assert night.start().wait(60) == 0
    night.program.unlink()
    assert night.start().wait(60) == 127
    assert "not found" in night.log()
    assert f"could not start: {night.program} is missing" in night.told("failure")[0]["title"]
    assert night.start(word="cleanup").wait(60) == 127
    assert len(night.told("failure")) == 1
    assert night.health() == 127, "it works, and the end of its line finds no program"
    assert night.told("failure")[1]["title"].startswith("[night] health FAILED: critical: programs (")
    said = (night.folder / "health.log").read_text()
    assert f"{night.program} is missing" in said and "titan.database.site -l night --tags host" in said


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexit 0\n"], ids=["empty", "another"])
def test_a_program_that_does_nothing_is_found_by_its_copy(night: Night, content: bytes) -> None:
    """Such a backup ends with status 0 and says nothing: it is the spare copy, which runs health, that tells."""
    good = night.program.read_bytes()
    night.program.write_bytes(content)
    assert night.start().wait(60) == 0
    assert night.stub.received == []
    night.health()
    assert "programs" in night.told("failure")[0]["title"]
    night.program.write_bytes(good)
    assert night.start().wait(60) == 0
    assert night.health() == 0
    assert [each["job"] for each in night.told("recovery")] == ["health"]


def test_a_spare_copy_that_is_gone_is_told_by_the_program(night: Night) -> None:
    repair = moved_away(night.spare)
    assert night.health() == 127
    assert f"could not start: {night.spare} is missing" in night.told("failure")[0]["title"]
    assert night.health() == 127 and len(night.told("failure")) == 1
    repair()
    assert night.start().wait(60) == 0
    assert night.health() == 0
    assert [(each["job"], each["kind"]) for each in night.stub.messages()] == [
        ("health", "failure"),
        ("health", "recovery"),
    ]


def test_without_python_the_log_speaks_and_the_dead_mans_switch_goes_off(
    night: Night, call_module: Callable[..., dict[str, Any]], settings: ConnectionSettings
) -> None:
    for copy in (night.program, night.spare):
        head, _line_end, rest = copy.read_bytes().partition(b"\n")
        copy.write_bytes(head + b"\nexec /no-such-python" + rest.partition(b"exec")[2])
    assert night.start().wait(60) == 127
    assert night.log().count("/no-such-python") == 1, "the job; what its line's end says is cron's mail"
    assert night.health() == 127
    assert night.stub.received == [], "no ping: the switch goes off"
    found = call_module("health_info", **login(settings), job_config=str(night.config))
    missed = next(each for each in found["checks"] if each["name"] == "jobs_missed")
    assert missed["status"] == "critical"
