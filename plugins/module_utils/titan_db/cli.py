# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host command titan-db: argument parsing only."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable

from .arguments import add_flags, complete
from .connection import settings_from_options, settings_from_variables
from .errors import OptionError, TitanError
from .outcome import Call, Outcome


@dataclass(frozen=True)
class Command:
    """A word of the command line: <folder>/options.py holds its spec (WORD), <folder>/operation.py its function."""

    folder: str
    name: str
    help: str
    needs_database: bool = True

    def spec(self) -> dict[str, dict[str, Any]]:
        return dict(getattr(importlib.import_module(f".{self.folder}.options", __package__), self.name.upper()))

    def operation(self) -> Callable[[Call], Outcome]:
        function: Callable[[Call], Outcome] = getattr(
            importlib.import_module(f".{self.folder}.operation", __package__), self.name
        )
        return function


COMMANDS: dict[str, Command] = {
    "backup": Command("backups", "backup", "take one backup, prove it, and remove what the keep rules let go"),
    "drill": Command(
        "backups", "drill", "restore a backup into a throw-away cluster and compare it", needs_database=False
    ),
    "restore": Command("backups", "restore", "restore a backup into a new database"),
    "list": Command("backups", "backup_info", "list the backups of a directory", needs_database=False),
    "cleanup": Command("retention", "cleanup", "delete the rows that the retention policies say are due"),
    "reindex": Command("upkeep", "reindex", "rebuild bloated indexes without blocking anybody"),
    "stats": Command("watch", "stats", "print the statistics report"),
    "health": Command("watch", "health", "check thresholds; exit status 0 ok, 1 warning, 2 critical, 3 unknown"),
}


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="titan-db",
        description="Maintenance of one PostgreSQL database. The database is named by the env file, the configuration, "
        "or the environment (DATABASE_URL, or DB_HOST DB_PORT DB_USER DB_PASSWORD DB_NAME).",
        epilog="Exit status: 0 done, 1 failed, 2 usage, 75 another run holds the lock.",
    )
    words = top.add_subparsers(dest="word", required=True, metavar="JOB")
    for word, command in COMMANDS.items():
        sub = words.add_parser(word, help=command.help, description=command.help)
        sub.add_argument(
            "--config", metavar="FILE", help="JSON file with the environment's settings; options win over it"
        )
        sub.add_argument("--env-file", metavar="PATH", help="file with DATABASE_URL, instead of the environment's")
        sub.add_argument("--check", action="store_true", help="plan and report, write nothing")
        sub.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
        add_flags(sub, command.spec())
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one job; return the exit status."""
    known = parser().parse_args(arguments)
    given = {
        key: value for key, value in vars(known).items() if key not in ("word", "config", "env_file", "check", "json")
    }
    command = COMMANDS[known.word]
    try:
        config = read_config(known.config)
        options = complete({**config.get("jobs", {}).get(known.word, {}), **given}, command.spec())
        outcome = command.operation()(Call(options, _settings(known, config, command), known.check, _progress()))
    except TitanError as error:
        if known.json:
            print(json.dumps({"failed": True, "msg": error.message, **error.details}, default=str))
        print(f"titan-db {known.word}: {error.message}", file=sys.stderr)
        return error.exit_status
    for warning in outcome.warnings:
        print(f"titan-db {known.word}: warning: {warning}", file=sys.stderr)
    if known.json:
        print(json.dumps({"changed": outcome.changed, "summary": outcome.summary, **outcome.data}, default=str))
    else:
        print(outcome.data.get("report") or outcome.summary)
    return int(outcome.data.get("exit_status", 0))


def read_config(path: str | None) -> dict[str, Any]:
    """The configuration file: ``{"environment": NAME, "env_file": PATH, "jobs": {WORD: {OPTION: VALUE}}}``."""
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8") as stream:
            config = json.load(stream)
    except (OSError, ValueError) as error:
        raise OptionError("config", path, f"It cannot be read as JSON: {error}.") from error
    if not isinstance(config, dict):
        raise OptionError("config", path, "It must hold one JSON object.")
    return config


def _settings(known: argparse.Namespace, config: dict[str, Any], command: Command) -> Any:
    if not command.needs_database:
        return None
    env_file = known.env_file or config.get("env_file")
    if env_file:
        return settings_from_options({**config.get("connection", {}), "env_file": env_file})
    if config.get("connection"):
        return settings_from_options(config["connection"])
    return settings_from_variables(os.environ, "the environment")


def _progress() -> Callable[[str], None]:
    """Progress goes to a terminal only; a log gets the result."""
    if not sys.stderr.isatty():
        return lambda line: None
    return lambda line: print(line, file=sys.stderr, flush=True)
