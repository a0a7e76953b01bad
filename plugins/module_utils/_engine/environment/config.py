# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of one environment, as the role crontab writes them for titan-db. Pure apart from reading the file."""

from __future__ import annotations

import os
import pwd
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..crontab.expression import WEEKDAYS, Expression, parse_expression, spelled_out
from ..crontab.titan_command import config_path
from ..errors import OptionError
from ..text.durations import parse_seconds
from .config_file import read_config


@dataclass(frozen=True)
class JobPlan:
    """How one job is run.

    Attributes:
        name, subcommand: Its name in the environment, and what titan-db does.
        expression, weekday: When it is due; None for a job that nothing schedules.
        log: Its log file; "" if unknown.
        after: Name of the job that must have succeeded since it was last due; "" for none.
        wait, timeout: Seconds.
        run_on: primary, standby or any.
        nice: 0 to 19.
    """

    name: str
    subcommand: str
    expression: Expression | None = None
    weekday: int | None = None
    log: str = ""
    after: str = ""
    wait: float = 3 * 3600.0
    timeout: float = 6 * 3600.0
    run_on: str = "any"
    nice: int = 10

    @property
    def longest(self) -> float:
        """Seconds that a run may take, with its waiting for another job."""
        return self.timeout + (self.wait if self.after else 0.0)


@dataclass(frozen=True)
class Environment:
    """One environment on this host."""

    name: str
    config_path: str
    installed: float
    state_dir: str
    metrics_dir: str = ""
    env_file: str = ""
    directory: str = ""
    notify_env_file: str = ""
    patroni_url: str = ""
    command: str = "titan-db"
    spare_command: str = ""
    connection: Mapping[str, Any] = field(default_factory=dict)
    notify: Mapping[str, Any] = field(default_factory=dict)
    jobs: Mapping[str, JobPlan] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def typed(self, subcommand: str) -> str:
        """The subcommand of titan-db as one types it on this host."""
        return shlex.join([self.command, subcommand, "--config", self.config_path])

    @property
    def word(self) -> str:
        """What ``titan-db cron`` calls it: its name, or the path of a configuration elsewhere."""
        return self.name if config_path(self.name) == self.config_path else self.config_path

    def job(self, name: str, subcommand: str) -> JobPlan:
        """The plan of a job; a plain one for a job that is not scheduled."""
        return self.jobs.get(name) or JobPlan(name, subcommand)


def environment_from_config(config: Mapping[str, Any], path: str) -> Environment | None:
    """The environment that a configuration describes; None if it names none.

    Raises:
        OptionError: a value cannot be used.
    """
    name = config.get("environment")
    if not name:
        return None
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", str(name)):
        raise OptionError("environment", name, "Use letters, digits, '.', '_' or '-'.")
    home = pwd.getpwuid(os.geteuid()).pw_dir
    return Environment(
        name=str(name),
        config_path=path,
        installed=os.stat(path).st_mtime if path and os.path.exists(path) else 0.0,
        state_dir=str(config.get("state_dir") or os.path.join(home, ".local", "state", "titan-db", str(name))),
        metrics_dir=str(config.get("metrics_dir") or ""),
        env_file=str(config.get("env_file") or ""),
        directory=str(config.get("directory") or ""),
        notify_env_file=str(config.get("notify_env_file") or ""),
        patroni_url=str(config.get("patroni_url") or ""),
        command=str(config.get("command") or "titan-db"),
        spare_command=str(config.get("spare_command") or ""),
        connection=connection_options(config),
        notify=dict(config.get("notify") or {}),
        jobs={key: _plan(key, dict(item)) for key, item in dict(config.get("schedule") or {}).items()},
        options=dict(config.get("jobs") or {}),
    )


def connection_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """How the jobs reach the database, as options of the connection; empty where the configuration does not say it."""
    found = dict(config.get("connection") or {})
    found.update(
        {name: config[name] for name in ("env_file", "database_url_variable", "direct_url") if config.get(name)}
    )
    return found


def read_environment(path: str) -> Environment:
    """Read the configuration file.

    Raises:
        OptionError: it cannot be read, is no JSON object, or names no environment.
    """
    found = environment_from_config(read_config(path, "job_config"), path)
    if found is None:
        raise OptionError("job_config", path, "It must hold a JSON object that names its environment.")
    return found


def _plan(name: str, item: Mapping[str, Any]) -> JobPlan:
    expression, weekday = None, None
    if item.get("schedule"):
        expression, weekday = _schedule(str(item["schedule"]), str(item.get("only_on") or ""))
    run_on = str(item.get("run_on") or "any")
    if run_on not in ("primary", "standby", "any"):
        raise OptionError(f"schedule.{name}.run_on", run_on, "Allowed: primary, standby, any.")
    return JobPlan(
        name=name,
        subcommand=str(item.get("subcommand") or name),
        expression=expression,
        weekday=weekday,
        log=str(item.get("log") or ""),
        after=str(item.get("after") or ""),
        wait=parse_seconds(f"schedule.{name}.wait", item.get("wait") or "3h"),
        timeout=parse_seconds(f"schedule.{name}.timeout", item.get("timeout") or "6h"),
        run_on=run_on,
        nice=int(item.get("nice", 10)),
    )


def _schedule(text: str, only_on: str) -> tuple[Expression, int | None]:
    text, only_on = spelled_out(text, only_on, "schedule")
    return parse_expression(text), WEEKDAYS.index(only_on) + 1 if only_on else None
