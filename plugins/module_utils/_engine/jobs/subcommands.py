# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# pylint: disable=ansible-bad-function
"""The subcommands of titan-db that are about the jobs themselves: cron, note, why and notify-test."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any

from ..errors import OptionError
from ..host.act_as import acting_for

# Loaded when a subcommand needs them: the command has to start quickly.
_HERE = __package__ or ""
_ENVIRONMENT = "name of the environment on this host, or the path of its configuration"


def add_subcommands(subcommands: Any) -> None:
    """Add the sub-parsers."""
    _add_cron(subcommands)
    _add_note(subcommands)
    _add_why(subcommands)
    _add_test(subcommands)


def _add_cron(subcommands: Any) -> None:
    cron = _parser(
        subcommands,
        "cron",
        "run a job of an environment exactly as its line in the crontab does",
        "The run takes the job's lock, is limited in time, recorded, and reported by message. It changes to the job's "
        "directory. For a job of certain days of the week only, it ends at once on other days, unless it is started at a terminal.",
    )
    cron.add_argument(
        "environment", metavar="ENVIRONMENT", nargs="?", help=f"{_ENVIRONMENT}; default: the only one on this host"
    )
    cron.add_argument("job", metavar="JOB", help="name of the job in the configuration")
    cron.add_argument("--check", action="store_true", help="plan and report, write nothing, record nothing")


def _add_note(subcommands: Any) -> None:
    note = _parser(
        subcommands,
        "note",
        "record and report how a job's line ended, if the run has not done that itself",
        "The end of each line in the crontab. A run that has reported its failure itself, another run that holds the lock (status 75), "
        "and a day on which the job has nothing to do are left alone. Exit status: STATUS.",
    )
    note.add_argument("environment", metavar="ENVIRONMENT", nargs="?", help=_ENVIRONMENT)
    note.add_argument("job", metavar="JOB", nargs="?", help="name of the job in the configuration")
    note.add_argument("status", metavar="STATUS", nargs="?", type=int, help="exit status of the line, 1 to 255")
    # As the lines of earlier versions have it: their shell had decided that the run could not start.
    for flag, kind in (("--config", str), ("--job", str), ("--status", int)):
        note.add_argument(flag, dest=f"former_{flag[2:]}", type=kind, help=argparse.SUPPRESS)


def _add_why(subcommands: Any) -> None:
    reason = _parser(
        subcommands,
        "why",
        "show in ten lines when a job last ran, how it ended, when it runs next, and what a person can do",
    )
    reason.add_argument(
        "environment", metavar="ENVIRONMENT", nargs="?", help=f"{_ENVIRONMENT}; default: the only one on this host"
    )
    reason.add_argument("job", metavar="JOB", help="name of the job in the configuration")


def _add_test(subcommands: Any) -> None:
    test = _parser(subcommands, "notify-test", "send a test message to every configured channel")
    test.add_argument(
        "environment", metavar="ENVIRONMENT", nargs="?", help=f"{_ENVIRONMENT}; default: the only one on this host"
    )
    test.add_argument(
        "--config", metavar="FILE", help="path of the environment's configuration, instead of ENVIRONMENT"
    )
    test.add_argument(
        "--check", action="store_true", help="check that each address is valid and its host resolves; send nothing"
    )


def _parser(subcommands: Any, name: str, summary: str, more: str = "") -> argparse.ArgumentParser:
    found: argparse.ArgumentParser = subcommands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}. {more}"
    )
    return found


def run_subcommand(known: argparse.Namespace) -> int:
    """Do what note, why or notify-test asks for; return the exit status."""
    if known.subcommand == "note":
        return _note(known)
    environment = _environment(known.environment or getattr(known, "config", None))
    with acting_for([environment.state_dir]):
        if known.subcommand == "why":
            print(_load(".why").why(environment, known.job))
        else:
            print(_load("..alerts.delivery").test_channels(environment, send_it=not known.check))
    return 0


def start_of_job(known: argparse.Namespace) -> tuple[Any, Any]:
    """The environment and the plan of the job that ``cron`` names.

    Raises:
        OptionError: there is no such environment, or it has no such job.
    """
    environment = _environment(known.environment)
    return environment, _load(".why").require_job(environment, known.job)


def nothing_today(plan: Any) -> str:
    """Why a line of the crontab has nothing to do today; "" when it has, and for a person at a terminal."""
    if any(stream and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return ""
    return str(_load(".lines").not_today(plan))


def _note(known: argparse.Namespace) -> int:
    note = _load(".note")
    if known.former_config:
        environment = _environment(os.path.abspath(known.former_config))
        with acting_for([environment.state_dir]):
            note.note_failed_start(environment, known.former_job, known.former_status or 1)
        return 0
    for name in ("environment", "job", "status"):
        if getattr(known, name) is None:
            raise OptionError(name, None, "Write titan-db note ENVIRONMENT JOB STATUS.")
    environment = _environment(known.environment)
    with acting_for([environment.state_dir]):
        note.note_end(environment, known.job, known.status)
    return int(known.status)


def _environment(name: str | None) -> Any:
    found = _load("..environment.found")
    path = name or found.found_config({})
    if not path:
        raise OptionError(
            "environment", None, f"There is no configuration in {found.DIRECTORY}: converge first, or name one."
        )
    return found.named_environment(path)


def _load(name: str) -> Any:
    return importlib.import_module(name, _HERE)
