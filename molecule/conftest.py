# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verifiers of all scenarios share: SQL as the superuser, cron's way of running a line, the job user's files."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.utils.ansible_runner import AnsibleRunner

ROOT = Path(__file__).resolve().parent.parent
# The directory: the file in it that the variable names has the containers only, not their groups.
INVENTORY = os.path.dirname(os.environ.get("MOLECULE_INVENTORY_FILE", ""))
NINE = (
    "idx_orders_created_at",
    "idx_trades_executed_at",
    "idx_price_alerts_user_id",
    "idx_notifications_unread",
    "idx_positions_portfolio_status",
    "idx_audit_logs_user_timestamp",
    "idx_system_logs_level_timestamp",
    "idx_user_sessions_user_expires",
    "idx_orders_market_id",
)
# The two of the nine that repeat an index which Titan has already; they are not built.
TWINS = {
    "idx_audit_logs_user_timestamp": "idx_audit_logs_user_created",
    "idx_system_logs_level_timestamp": "idx_system_logs_level_created",
}
# Counted here in plain SQL, not by the code under test: days to keep, for production and for staging.
KEEP = {"production": (90, 30, 180, 60), "staging": (30, 7, 30, 30)}


@dataclass(frozen=True)
class Environment:
    """One environment on one host, by Titan's paths below the home directory of the jobs' user."""

    host: Any
    name: str
    user: str = "ubuntu"
    base: str = "/home/ubuntu"

    @property
    def home(self) -> str:
        return self.base + {"production": "/Titan", "staging": "/Titan-staging"}[self.name]

    @property
    def backups(self) -> str:
        return self.base + {"production": "/backups/database", "staging": "/backups/staging"}[self.name]

    @property
    def prefix(self) -> str:
        return {"production": "titan_prod", "staging": "titan_staging"}[self.name]

    @property
    def config(self) -> str:
        return f"/etc/titan-db/{self.name}.json"

    def database(self) -> str:
        """The database that the env file names (two environments on one server have two)."""
        text = self.host.run("cat %s", f"{self.home}/.env").stdout
        found = re.search(r"^DB_NAME='?([\w]+)|^DATABASE_URL=.*/(\w+)'?$", text, re.M)
        assert found, f"{self.home}/.env names no database"
        return found.group(1) or found.group(2)

    def sql(self, query: str) -> list[list[str]]:
        """Rows of a query that the server's superuser runs over the socket."""
        done = self.host.run(
            "cd / && runuser -u postgres -- psql -X -A -t -F '\x1f' -v ON_ERROR_STOP=1 -p 5433 -d %s -c %s",
            self.database(),
            query,
        )
        assert done.rc == 0, done.stderr
        return [line.split("\x1f") for line in done.stdout.splitlines() if line]

    def value(self, query: str) -> str:
        return self.sql(query)[0][0]

    def titan_db(self, *arguments: str, expect: int | None = 0) -> Any:
        """Run titan-db as the job user with the environment's configuration."""
        words = shlex.join(["titan-db", arguments[0], "--config", self.config, *arguments[1:]])
        done = self.host.run("cd / && runuser -u %s -- sh -c %s", self.user, words)
        assert expect is None or done.rc == expect, f"{words}: {done.rc}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, expect: int | None = 0) -> dict[str, Any]:
        return dict(json.loads(self.titan_db(*arguments, "--json", expect=expect).stdout))

    def block(self, user: str = "") -> list[str]:
        """The lines between the environment's two markers in the user's crontab."""
        text = crontab(self.host, user or self.user)
        begin, end = f"titan.database crontab {self.name} ", f"END titan.database crontab {self.name}"
        inside = re.search(rf"^# BEGIN {re.escape(begin)}.*?\n(.*?)^# {re.escape(end)}", text, re.M | re.S)
        assert inside, f"no block of {self.name} in:\n{text}"
        return [line for line in inside.group(1).splitlines() if line and not line.startswith("#")]

    def line(self, word: str) -> str:
        """The one cron line that starts the job."""
        found = [line for line in self.block() if f"titan-db cron {self.name} {word})" in line]
        assert len(found) == 1, found
        return found[0]

    def cron(self, word: str) -> Any:
        """Do what cron does with the line of a job: its command, its shell, its environment, the job's user."""
        command = re.split(r"\s+", self.line(word), maxsplit=5)[5]
        command = re.sub(r"\\%", "%", command)  # cron takes the backslash away
        as_cron = "env -i HOME=%s LOGNAME=%s PATH=/usr/bin:/bin SHELL=/bin/sh /bin/sh -c %s"
        where, who = self.base, self.user
        return self.host.run(f"cd %s && runuser -u %s -- {as_cron}", where, who, where, who, command)

    def log(self, job: str) -> str:
        names = {"backup": f"db-backup-{self.name}.log"}
        path = f"{self.base}/logs/{names.get(job, f'db-{job}.log')}"
        done = self.host.run("cat %s", path)
        return done.stdout if done.rc == 0 else ""

    def dumps(self) -> list[str]:
        done = self.host.run("find %s -name %s", self.backups, f"{self.prefix}_*.sql.gz")
        return sorted(done.stdout.split())

    def due(self) -> dict[str, int]:
        """Rows that have to go, by independent SQL."""
        audit, low, high, read = KEEP[self.name]
        row = self.sql(
            f"""SELECT (SELECT count(*) FROM audit_logs WHERE created_at < now() - interval '{audit} days'),
            (SELECT count(*) FROM system_logs WHERE lower(level) IN ('debug','info') AND created_at < now() - interval '{low} days'
              OR lower(level) IN ('warn','error','fatal') AND created_at < now() - interval '{high} days'),
            (SELECT count(*) FROM notifications WHERE is_read AND created_at < now() - interval '{read} days'),
            (SELECT count(*) FROM user_sessions WHERE expires_at < now())"""
        )[0]
        return dict(zip(("audit_logs", "system_logs", "notifications", "user_sessions"), map(int, row)))

    def counts(self) -> dict[str, int]:
        tables = ("audit_logs", "system_logs", "notifications", "user_sessions", "orders", "trades", "users")
        row = self.sql("SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in tables))[0]
        return dict(zip(tables, map(int, row)))


def crontab(host: Any, user: str = "ubuntu") -> str:
    done = host.run("crontab -l -u %s", user)
    return done.stdout if done.rc == 0 else ""


def hosts_of(group: str) -> list[str]:
    """Names of the inventory's hosts in a group."""
    names = sorted(AnsibleRunner(INVENTORY).get_hosts(group))
    assert names, f"the inventory has no group {group}"
    return names


def machine(name: str) -> Any:
    """The container of an inventory's host, entered as root through Docker (Ansible itself goes over SSH)."""
    named = AnsibleRunner(INVENTORY).get_variables(name).get("lab_container", "{{")
    return testinfra.get_host(f"docker://{name if '{{' in named else named}")


def playbook(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run ansible-playbook from the checkout with the scenario's inventory, as a person would."""
    done = subprocess.run(
        ["ansible-playbook", "-i", INVENTORY, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done


def recap(done: subprocess.CompletedProcess[str], key: str = "changed") -> dict[str, int]:
    """One number of each host's line in the play recap."""
    return {name: int(number) for name, number in re.findall(rf"^(\S+)\s+: .*?\b{key}=(\d+)", done.stdout, re.M)}


def without_sandbox(host: Any, user: str, *words: str, seconds: int = 300, url: str = "") -> Any:
    """A run of titan-db by that user where nobody may make a namespace, as systemd's RestrictNamespaces has it."""
    unit = f"systemd-run -q --wait --pipe --collect -p User={user} -p RestrictNamespaces=yes -p WorkingDirectory=/"
    given = f" -E {shlex.quote(f'DATABASE_URL={url}')}" if url else ""
    return host.run(f"timeout {seconds} {unit}{given} -- {shlex.join(['titan-db', *words])}")


def wait_until(condition: Any, seconds: float, what: str) -> Any:
    """Poll until the condition is true; return its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.5)
    return value


@pytest.fixture(scope="session")
def environments() -> Sequence[Environment]:
    """Every environment of the scenario on its host."""
    return [Environment(machine(name), group) for group in ("production", "staging") for name in hosts_of(group)]
