"""Days under Debian's real cron, in a mount namespace of their own: run as root by test_month.py through unshare.

The clock is libfaketime's: its offset lies in a file that the server, cron and every job read, so that all agree. To
move on, the offset is written and cron is woken by SIGHUP, which ends its sleep; a jump of more than three hours makes
it run the jobs of the minute it lands on, and nothing else. Each minute at which any job might fire is visited on each
day. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.crontab.operation import crontab
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call

from tests.integration.alerts.stub import running_stub

PROGRAMS = "/usr/lib/postgresql/15/bin"
LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
TIMES = {
    "backup": "0 2 * * *",
    "cleanup": "15 2 * * *",
    "stats": "0 8 * * 0",
    "reindex": "first sunday 04:00",
    "health": "30 9 * * *",
}
USER = "nobody"


class World:
    """One faked machine in a folder."""

    def __init__(self, folder: Path, start: datetime, url: str, port: int) -> None:
        self.folder, self.url, self.start, self.port = folder, url, start, port
        self.clock = folder / "clock"
        self.env = {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1",
        }
        self.set_clock(start)
        self.state = folder / "state"
        self.server = folder / "server"

    def set_clock(self, moment: datetime) -> None:
        # A little past the full minute, so that nobody sees the minute before it.
        self.clock.write_text(f"{moment.timestamp() - time.time() + 1:+.0f}\n")

    def pg_ctl(self, *words: str) -> None:
        env = [f"{key}={value}" for key, value in self.env.items()]
        command = [
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "env",
            *env,
            f"{PROGRAMS}/pg_ctl",
            "-w",
            "-D",
        ]
        subprocess.run(
            [*command, str(self.server), "-l", str(self.server) + ".log", *words],
            check=True,
            capture_output=True,
            cwd="/",
        )

    def make_server(self) -> None:
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        subprocess.run(
            [*as_postgres, f"{PROGRAMS}/initdb", "-D", str(self.server), "-A", "trust", "-N"],
            check=True,
            capture_output=True,
            cwd="/",
        )
        conf = (
            f"port={self.port}\nunix_socket_directories=''\nfsync=off\nlisten_addresses='127.0.0.1'\nautovacuum=off\n"
        )
        with open(self.server / "postgresql.conf", "a", encoding="utf-8") as stream:
            stream.write(conf)
        self.pg_ctl("start")
        sql = (
            f"CREATE ROLE {USER} SUPERUSER LOGIN; CREATE TABLE public.events (id int PRIMARY KEY, at timestamptz NOT NULL);"
            + ("INSERT INTO events SELECT n, now() - interval '1 hour' * n FROM generate_series(1, 2000) n")
        )
        subprocess.run(
            [f"{PROGRAMS}/psql", "-qXh", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", sql], check=True
        )
        policies = {"policies": [{"table": "public.events", "column": "at", "keep": "60 days"}]}
        self.retention(policies)

    def retention(self, options: dict[str, Any]) -> None:
        from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import (
            ConnectionSettings,
        )
        from ansible_collections.titan.database.plugins.module_utils._engine.retention import declaration
        from ansible_collections.titan.database.plugins.module_utils._engine.retention.options import RETENTION_POLICY
        from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

        settings = ConnectionSettings(host="127.0.0.1", port=self.port, user="postgres", database="postgres")
        declaration.retention_policy(Call(complete(options, RETENTION_POLICY), settings))

    def install(self) -> dict[str, Any]:
        home, command, spare = self.folder / "home", self.folder / "titan-db", self.folder / "etc" / "titan-db"
        spare.parent.mkdir()
        content = zipapp.build("/usr/bin/python3")
        for copy in (command, spare):
            copy.write_bytes(content)
            copy.chmod(0o755)
        for path in (home, self.folder / "logs", self.folder / "backups", self.folder / "metrics"):
            path.mkdir(mode=0o700)
            os.chown(path, pwd.getpwnam(USER).pw_uid, -1)
        env = home / ".env"
        env.write_text(
            f"DATABASE_URL='postgresql://{USER}@127.0.0.1:{self.port}/postgres'\nTITAN_DB_NOTIFY_URLS='{self.url}/message'\n"
            f"TITAN_DB_PING_URL='{self.url}/{{job}}'\n"
        )
        os.chown(env, pwd.getpwnam(USER).pw_uid, -1)
        env.chmod(0o600)
        config = {
            "environment": "month",
            "env_file": str(env),
            "directory": str(home),
            "state_dir": f"{home}/state",
            "metrics_dir": f"{self.folder}/metrics",
            "command": str(command),
            "spare_command": str(spare),
            "schedule": {name: {"schedule": when, "log": f"{self.folder}/logs/{name}.log", "nice": 0} for name, when in TIMES.items()},
            "jobs": {
                "backup": {"dest": f"{self.folder}/backups", "name": "m", "programs": PROGRAMS, "keep": {"days": 5}, "globals": False},
                "cleanup": {"backup_dest": f"{self.folder}/backups", "backup_name": "m", "vacuum": "never"},
                "health": {"thresholds": {"disk": [100, 100]}},
            },
        }  # fmt: skip
        config["schedule"]["cleanup"]["after"] = "backup"
        foreign = "".join(f"{key}={value}\n" for key, value in {**self.env, "HOME": str(home)}.items())
        subprocess.run(["crontab", "-u", USER, "-"], input=foreign.encode(), check=True)
        path = f"{self.folder}/etc/month.json"
        jobs = [
            {"name": name, "schedule": when, "command": f"{spare if name == 'health' else command} cron {path} {name}",
             "log": f"{self.folder}/logs/{name}.log", "directory": str(home), "env_file": str(env),
             "on_failure": f"{command if name == 'health' else spare} note {path} {name} $?"}
            for name, when in TIMES.items()
        ]  # fmt: skip
        files = [{"path": path, "content": json.dumps(config), "mode": "0644"}]
        options = {"name": "month", "user": USER, "jobs": jobs, "files": files, "adopt": True, "state": "present"}
        result = crontab(Call(options)).data
        os.utime(path, (self.start.timestamp(), self.start.timestamp()))
        return result

    def run_of(self, name: str) -> list[dict[str, Any]]:
        try:
            lines = (self.folder / "home" / "state" / "runs.jsonl").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [run for run in map(json.loads, lines) if run["job"] == name]


def wait_idle(cron: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Until cron has no child left: every job of the minute is over."""
    deadline = time.monotonic() + seconds
    quiet = 0
    while quiet < 3:
        children = Path(f"/proc/{cron.pid}/task/{cron.pid}/children").read_text().split()
        quiet = 0 if children else quiet + 1
        if time.monotonic() > deadline:
            raise TimeoutError(f"jobs still run: {children}")
        time.sleep(0.05)


def visit(world: World, cron: subprocess.Popen[bytes], moment: datetime) -> None:
    world.set_clock(moment)
    os.kill(cron.pid, signal.SIGHUP)
    time.sleep(0.15)
    wait_idle(cron)


def live(world: World, first: datetime, days: int, bad_day: int) -> None:
    """The program is gone all the first day; the server is down in the night of the bad day."""
    program = world.folder / "titan-db"
    program.rename(f"{program}.gone")
    cron = subprocess.Popen(["cron", "-f"], env={**os.environ, **world.env})
    try:
        time.sleep(0.5)
        for day in range(days):
            midnight = first + timedelta(days=day)
            for hour, minute in ((2, 0), (2, 15), (3, 0), (4, 0), (8, 0), (9, 30)):
                if (day, hour, minute) == (1, 2, 0):
                    Path(f"{program}.gone").rename(program)
                if (day, hour, minute) == (bad_day, 2, 0):
                    world.pg_ctl("-m", "fast", "stop")
                if (day, hour, minute) == (bad_day, 3, 0):
                    world.pg_ctl("start")
                visit(world, cron, midnight + timedelta(hours=hour, minutes=minute))
    finally:
        cron.terminate()
        cron.wait(10)


def main(folder: Path, days: int, bad_day: int, port: int) -> dict[str, Any]:
    os.environ["TZ"] = "UTC"
    first = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    # Begin on a Saturday that is followed by a month's first Sunday, so that even few days see every job.
    while first.weekday() != 5 or (first + timedelta(days=1)).day > 7:
        first += timedelta(days=1)
    with running_stub() as stub:
        world = World(folder, first, stub.url, port)
        world.make_server()
        try:
            installed = world.install()
            live(world, first, days, bad_day)
        finally:
            world.pg_ctl("-m", "immediate", "stop")
        logs = {path.stem: path.read_text(errors="replace") for path in (folder / "logs").iterdir()}
        return {
            "first": first.date().isoformat(),
            "next_runs": installed["next_runs"],
            "runs": {name: world.run_of(name) for name in TIMES},
            "messages": [{key: each.get(key) for key in ("kind", "job", "title")} for each in stub.messages()],
            "pings": {path: stub.pings().count(path) for path in set(stub.pings())},
            "backups": sorted(path.name for path in (folder / "backups").iterdir() if not path.name.startswith(".")),
            "metrics": sorted(path.name for path in (folder / "metrics").iterdir()),
            "log_lines": {name: len(re.findall(r"^\d{4}-", text, re.MULTILINE)) for name, text in logs.items()},
            "strange_lines": {name: [line for line in text.splitlines() if not re.match(r"\d{4}-\d\d-\d\dT", line)] for name, text in logs.items()},
        }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
