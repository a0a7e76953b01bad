# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of titan-db: its subcommands and their arguments."""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass
from typing import Callable

from .jobs.subcommands import add_subcommands
from .outcome import Call, Outcome
from .text.arguments import Paragraphs, add_flags
from .text.options import Spec
from .version import VERSION


@dataclass(frozen=True)
class Command:
    """A subcommand: <folder>/options.py holds its spec (NAME), <folder>/operation.py its function, or another file that is named.

    needs_it_for: The option that makes it need the database although it does not otherwise.
    """

    folder: str
    name: str
    help: str
    needs_database: bool = True
    needs_it_for: str = ""
    is_job: bool = True
    file: str = "operation"

    def spec(self) -> Spec:
        found: Spec = getattr(importlib.import_module(f".{self.folder}.options", __package__), self.name.upper())
        return found

    def operation(self) -> Callable[[Call], Outcome]:
        function: Callable[[Call], Outcome] = getattr(
            importlib.import_module(f".{self.folder}.{self.file}", __package__), self.name
        )
        return function


COMMANDS: dict[str, Command] = {
    "backup": Command("after_backup", "backup", "take one backup, prove it, and remove what the keep rules let go"),
    "drill": Command(
        "backups", "drill", "restore a backup into a throw-away cluster and compare it", needs_database=False
    ),
    "restore": Command("backups", "restore", "restore a backup into a new database", is_job=False),
    "copy": Command(
        "backups",
        "copy",
        "restore a backup into a throw-away cluster, and keep that for a while",
        needs_database=False,
        is_job=False,
    ),
    "rescue": Command(
        "backups", "rescue", "put back rows that were lost since a backup, or take that back", is_job=False
    ),
    "rehearse": Command(
        "rehearsal",
        "rehearse",
        "run the pending migrations on a copy, and tell what production will feel",
        is_job=False,
    ),
    "recover": Command(
        "backups",
        "recover",
        "get back a moment that pgBackRest's archive holds, beside the live server or in its place",
        is_job=False,
    ),
    "measure": Command(
        "index_effect",
        "measure",
        "measure on a copy what indexes are worth to queries, and what writers pay for them",
        needs_database=False,
        needs_it_for="top",
        is_job=False,
    ),
    "pin": Command(
        "backups",
        "pin",
        "keep an existing backup for ever, or (--state absent) let it go again",
        needs_database=False,
        is_job=False,
        file="information",
    ),
    "list": Command(
        "backups",
        "backup_info",
        "list the backups of a directory",
        needs_database=False,
        is_job=False,
        file="information",
    ),
    "cleanup": Command("retention", "cleanup", "delete the rows that the retention policies say are due"),
    "reindex": Command("reindex", "reindex", "rebuild bloated indexes without blocking anybody"),
    "stats": Command("health", "stats", "print the statistics report"),
    "evidence": Command(
        "evidence",
        "evidence",
        "write signed evidence of backups, proofs, deletions and failures, or check it",
        needs_database=False,
        is_job=False,
    ),
    "health": Command("health", "health_info", "check thresholds; exit status 0 ok, 1 warning, 2 critical, 3 unknown"),
}


def parser(only: str = "") -> argparse.ArgumentParser:
    """The command line.

    Args:
        only: The subcommand whose options are wanted; those of the others are left out, with what would have to be imported for
            them. "" for the whole.
    """
    top = argparse.ArgumentParser(
        prog="titan-db",
        description="Maintenance of one PostgreSQL database. The database is named by the env file, the configuration, "
        "or the environment (DATABASE_URL, or DB_HOST DB_PORT DB_USER DB_PASSWORD DB_NAME).",
        epilog="Exit status: 0 done, 1 failed, 2 usage, 75 another run holds the lock. With --config a run is a job of that "
        "environment: one at a time, with a time limit, recorded, and reported by message (unless --by-hand is given).",
    )
    top.add_argument("--version", action="version", version=f"titan-db {VERSION}")
    subcommands = top.add_subparsers(dest="subcommand", required=True, metavar="JOB")
    for name, command in COMMANDS.items():
        sub = subcommands.add_parser(name, help=command.help, description=command.help, formatter_class=Paragraphs)
        if only and name != only:
            continue
        sub.add_argument(
            "--config",
            metavar="FILE",
            help="JSON file with the environment's settings, or the environment's name; options win. Default: the only one in "
            "/etc/titan-db, unless the environment or --env-file names a database",
        )
        sub.add_argument(
            "--job", metavar="NAME", help="name of the job in the configuration, if it is not that of the subcommand"
        )
        if command.is_job:
            sub.add_argument(
                "--by-hand", action="store_true", help="with --config: no job's record, lock, log or message"
            )
        sub.add_argument(
            "--env-file",
            metavar="PATH",
            help="file with DATABASE_URL, instead of the environment's; a run on another database than the configuration's "
            "is no job's run",
        )
        sub.add_argument("--check", action="store_true", help="plan and report, write nothing")
        sub.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
        add_flags(sub, command.spec())
    add_subcommands(subcommands)
    return top
