# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# pylint: disable=ansible-bad-function
"""The host command titan-db: from its arguments to an exit status."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Callable

from .command_line import COMMANDS, Command, parser
from .environment.config_file import read_config
from .errors import OptionError, TitanError
from .host.act_as import acting_for, directories_named
from .host.limits import REFUSALS, refusal
from .jobs.subcommands import nothing_today, run_subcommand, start_of_job
from .outcome import Call
from .postgres import driver
from .postgres.from_options import settings_from_options
from .postgres.time_limit import time_limit
from .postgres.variables import forget_session_variables, settings_from_variables, take_demands, with_demands
from .text.arguments import as_argument, as_typed, complete
from .text.one_line import lines, printable
from .text.options import Spec

# Options that each subcommand takes besides those of its spec.
_OF_EVERY = ("config", "job", "env_file")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one job; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    subcommand = next((word for word in given if not word.startswith("-")), "")
    try:
        known = parser(subcommand).parse_args(given)
    except SystemExit as error:
        # A monitoring system would read 2 as critical; 3 says that nothing was checked.
        return 3 if error.code == 2 and given[:1] == ["health"] else int(error.code or 0)
    try:
        status = _dispatched(known)
        if sys.stdout is not None:
            sys.stdout.flush()  # here it can still be told that nobody can read the result
        return status
    except TitanError as error:
        return _failed(known, error)
    except REFUSALS as error:
        why = refusal(error)
        if not why:
            raise
        return _failed(known, TitanError(why))


def _dispatched(known: argparse.Namespace) -> int:
    if known.subcommand == "cron":
        return _start_job(known)
    if known.subcommand not in COMMANDS:
        _clear_for(known)
        return run_subcommand(known)
    found = importlib.import_module(".environment.found", __package__)
    if known.config:
        known.config = found.config_named(known.config)
    elif not (known.env_file or ("dest" in known and not COMMANDS[known.subcommand].needs_database)):
        known.config = found.found_config(os.environ)
    with acting_for([known.config or ""]):
        return _run(known, read_config(known.config))


def _run(known: argparse.Namespace, config: dict[str, Any]) -> int:
    """Do what the command line says with the configuration that was read."""
    environment = importlib.import_module(".environment.config", __package__).environment_from_config(
        config, known.config
    )
    _require_its_job(known, config, environment)
    if not known.check:
        _clear(known, config)
    # Somebody at a terminal who asks how things are wants a table, not a job's log lines.
    looking = known.subcommand in ("health", "stats") and sys.stdout is not None and sys.stdout.isatty()
    is_job = environment and COMMANDS[known.subcommand].is_job and not (known.check or known.by_hand or looking)
    if is_job and _names_another_database(known, config):
        said = (
            f"titan-db {known.subcommand}: with --env-file of another database than the configuration's: as --by-hand"
        )
        print(f"{said}, no job's record, lock, log or message.", file=sys.stderr)
    elif is_job:
        with acting_for([environment.state_dir]):
            return _run_job(known, config, environment)
    return _perform(known, config, record_ahead=_record_ahead(environment))[0]


def _require_its_job(known: argparse.Namespace, config: Mapping[str, Any], environment: Any) -> None:
    """Refuse --job with a name that the configuration does not have, or has for another subcommand."""
    scheduled = environment.jobs if environment else {}
    if not known.job or not known.config or known.job == known.subcommand:
        return
    if known.job not in scheduled and known.job not in config.get("jobs", {}):
        names = ", ".join(sorted({*scheduled, *config.get("jobs", {})})) or "none"
        raise OptionError("job", known.job, f"{known.config} has no such job; its jobs are: {names}.")
    if known.job in scheduled and scheduled[known.job].subcommand != known.subcommand:
        does = f"That job is one of the subcommand {scheduled[known.job].subcommand}, not {known.subcommand}."
        raise OptionError("job", known.job, does)


def _names_another_database(known: argparse.Namespace, config: Mapping[str, Any]) -> bool:
    """Whether --env-file is another one than the configuration's: what is done there is none of the environment's jobs."""
    own = str(config.get("env_file") or "")
    return bool(known.env_file and not (own and os.path.realpath(known.env_file) == os.path.realpath(own)))


def _clear(known: argparse.Namespace, config: dict[str, Any]) -> None:
    """End what killed runs have left: a server with somebody's rows in it must not wait for the next drill."""
    folders = [str(job.get("drill_dir") or "") for job in config.get("jobs", {}).values()]
    throw_away = importlib.import_module(".postgres.throw_away", __package__)
    for path in throw_away.remove_what_dead_runs_left([*folders, getattr(known, "drill_dir", None) or ""]):
        print(f"titan-db {known.subcommand}: a killed run had left {path}; it was removed.", file=sys.stderr)


def _clear_for(known: argparse.Namespace) -> None:
    """The same for a subcommand that works with the environment's records only; what is wrong with its name, that one says."""
    if getattr(known, "check", False):
        return
    found, config = importlib.import_module(".environment.found", __package__), {}
    with suppress(TitanError, OSError):
        name = getattr(known, "former_config", None) or known.environment or getattr(known, "config", None)
        meant = name or found.found_config({})
        if meant:
            path = found.named_environment(meant).config_path
            with acting_for([path]):
                config = read_config(path)
    _clear(known, config)


def _start_job(known: argparse.Namespace) -> int:
    """Run a job of an environment as its line in the crontab does."""
    environment, plan = start_of_job(known)
    name, check, path = known.job, known.check, environment.config_path
    reason = nothing_today(plan)
    if reason:
        print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {name} {reason}")
        return 0
    known = parser(plan.subcommand).parse_args([plan.subcommand, "--config", path, "--job", name])
    known.check = check
    with acting_for([path]):
        config = read_config(path)
        if check:
            return _perform(known, config, record_ahead=_record_ahead(environment))[0]
        _clear(known, config)
        lines = importlib.import_module(".jobs.lines", __package__)
        with acting_for([environment.state_dir]):
            return _run_job(known, config, environment, lines.Line(lines.parent(), environment.directory))


def _run_job(known: argparse.Namespace, config: dict[str, Any], environment: Any, line: Any = None) -> int:
    """Run the subcommand as a job of the environment; the result goes to standard output with --json, all else to the log."""
    run = importlib.import_module(".jobs.run", __package__)
    command = COMMANDS[known.subcommand]
    complete(_given(known), _optional(command.spec()))  # a mistake in what somebody typed is no run
    ahead = _record_ahead(environment)  # before this run's own record is written
    status, data = run.run_job(
        environment,
        known.job or known.subcommand,
        known.subcommand,
        lambda: _settings(known, config, command),
        lambda: _perform(known, config, as_job=True, record_ahead=ahead),
        out=2 if known.json else 1,
        line=line,
        typed=_typed(known, command),
    )
    if known.json:
        print(json.dumps({**data, "exit_status": status}, default=str))
    return int(status)


def _typed(known: argparse.Namespace, command: Command) -> Any:
    """What the command line says for this run."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return importlib.import_module(".jobs.typed", __package__).Typed(
        frozenset(_given(known)),
        any(stream is not None and stream.isatty() for stream in streams),
        lambda message: as_typed(printable(message), [*command.spec(), *_OF_EVERY]),
    )


def _record_ahead(environment: Any) -> tuple[float, str]:
    """By how many seconds the newest record of the environment's jobs is dated after now, and whose it is."""
    if environment is None:
        return 0.0, ""
    with acting_for([environment.state_dir]):
        state = importlib.import_module(".environment.records", __package__).StateDirectory(environment.state_dir)
        seconds, job = state.ahead(environment.jobs, time.time())
        return float(seconds), str(job)


def _perform(
    known: argparse.Namespace, config: dict[str, Any], as_job: bool = False, record_ahead: tuple[float, str] = (0.0, "")
) -> tuple[int, dict[str, Any]]:
    """Do the work and print its result; as a job, the result is also returned for the record, and failure is one."""
    command = COMMANDS[known.subcommand]
    try:
        given = _options(known, config, command)
        if as_job and known.subcommand == "stats" and config.get("state_dir"):
            page = importlib.import_module(".environment.records", __package__).PAGE
            given["html"] = given.get("html") or os.path.join(config["state_dir"], page)
        options = complete(given, command.spec())
        with acting_for(directories_named(options)), time_limit(options, partial(_give_up, known.subcommand)):
            settings = _settings(known, config, command, options.get(command.needs_it_for))
            outcome = command.operation()(Call(options, settings, known.check, _progress(), record_ahead))
    except TitanError as error:
        if not as_job:
            raise
        status = 3 if known.subcommand == "health" else error.exit_status
        return status, {"failed": True, "msg": error.message, "message": error.message, **error.details}
    data = {"changed": outcome.changed, "summary": outcome.summary, **outcome.data}
    for warning in (*(settings.notes if settings else ()), *outcome.warnings):
        said = printable(warning) if as_job and not _given(known) else as_typed(printable(warning), command.spec())
        print(f"{'' if as_job else f'titan-db {known.subcommand}: '}warning: {said}", file=sys.stderr)
    if known.json and not as_job:
        print(json.dumps(data, default=str))
    elif not (as_job and not outcome.data.get("report")):
        report = str(outcome.data.get("report") or "")
        said = report if as_job and not _given(known) else as_typed(report, command.spec())
        print(said or lines(as_typed(outcome.summary, command.spec())))
    return int(outcome.data.get("exit_status", 0)), data


def _give_up(subcommand: str, sentence: str) -> None:
    """End a run that ends by nothing else, from another thread."""
    os.write(2, f"titan-db {subcommand}: {sentence}\n".encode())
    os._exit(3 if subcommand == "health" else 1)


def _given(known: argparse.Namespace) -> dict[str, Any]:
    """The options of the operation that the command line gives."""
    own = ("subcommand", "config", "job", "by_hand", "env_file", "check", "json", "demands")
    return {key: value for key, value in vars(known).items() if key not in own}


def _optional(spec: Spec) -> Spec:
    return {name: rule._replace(required=False) for name, rule in spec.items()}


def _options(known: argparse.Namespace, config: dict[str, Any], command: Command) -> dict[str, Any]:
    """The options of the configuration's job, with those of the command line over them."""
    found = {**config.get("jobs", {}).get(known.job or known.subcommand, {}), **_given(known)}
    if "dest" in command.spec() and not (found.get("dest") or found.get("source")):
        found["dest"] = (
            config.get("jobs", {}).get("backup", {}).get("dest")
        )  # the directory of the environment's backups
    if config.get("environment") and "job_config" in command.spec() and not _names_another_database(known, config):
        found.setdefault("job_config", known.config)
    return found


def _failed(known: argparse.Namespace, error: TitanError) -> int:
    message = printable(error.message)
    if known.subcommand in COMMANDS:
        message = as_typed(message, [*COMMANDS[known.subcommand].spec(), *_OF_EVERY])
    else:
        message = as_argument(message, ("environment", "job", "status"))
    said = f"titan-db {known.subcommand}: {message}"
    result = json.dumps({"failed": True, "msg": error.message, **error.details}, default=str)
    for text, stream in ((result, sys.stdout if getattr(known, "json", False) else None), (said, sys.stderr)):
        with suppress(OSError):  # the other stream may still be heard, and the status is
            if stream is not None:
                print(text, file=stream, flush=True)
    _forget_unwritten()
    return 3 if known.subcommand == "health" else error.exit_status


def _forget_unwritten() -> None:
    """What standard output did not take would be tried again at the exit, which then has a status and words of Python's."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _settings(known: argparse.Namespace, config: dict[str, Any], command: Command, needed: object = None) -> Any:
    if not command.needs_database and not needed:
        forget_session_variables(os.environ)
        take_demands(os.environ)
        return None
    if driver.psycopg2 is None:
        raise TitanError(f"psycopg2 is missing for {sys.executable}: install the package python3-psycopg2.")
    read = importlib.import_module(".environment.config", __package__).connection_options
    connection = read({**config, "env_file": known.env_file or config.get("env_file")})
    settings = (
        settings_from_options(connection) if connection else settings_from_variables(os.environ, "the environment")
    )
    forget_session_variables(os.environ)
    known.demands = {**vars(known).get("demands", {}), **take_demands(os.environ)}  # a job asks twice
    return with_demands(settings, known.demands)


def _progress() -> Callable[[str], None]:
    """Progress goes to a terminal only; a log gets the result."""
    if sys.stderr is None or not sys.stderr.isatty():
        return lambda line: None
    return lambda line: print(line, file=sys.stderr, flush=True)
