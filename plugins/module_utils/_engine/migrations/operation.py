# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry points: read and plan; what there is to do is done by runs.py."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..errors import OptionError, TitanError
from ..outcome import Call, Data, Outcome
from ..postgres.database import Database, connect
from ..postgres.locks import advisory_lock
from ..postgres.trust import require_trusted_role
from ..text.counted import counted
from ..typed import Any
from .files.migration import Migration
from .history import read
from .history.plan import Plan, edited, make_plan
from .indexes.presence import any_skipped
from .information import check_history, migrations_of, status_of
from .progress import capture_progress
from .report import data_of, finish, notes, outcome_of
from .session.observer import NOBODY, Observer

# As whom migrations run instead of as a superuser.
_AS_WHOM = "the role that owns what the migrations change"

# The modules that lex, run and compare are imported only when there is something for them: a run without news, which
# is nearly every run, takes half the time without them.


def migration(call: Call, observer: Observer = NOBODY) -> Outcome:
    """Apply, roll back or baseline; the observer is told of each statement.

    Raises:
        TitanError: something is wrong; the message says in which state the database is.
    """
    _check_options(call.options)
    check_history(call.options["history"])
    with _all_kept():
        migrations = migrations_of(call.options)
    kept = "" if call.options["rehearse"] else call.options["record"] or ""
    if kept and call.options["history"]:
        kept = _record_of(kept, call.options["history"])
    held = not call.options["apply_pending"]
    news = not held and bool(kept) and _record(kept, migrations, call.check_mode)
    outcome = _migrate(call, migrations, observer)
    if held and kept and not outcome.data["pending"]:  # files that wait are recorded by the run that applies them
        news = _record(kept, migrations, call.check_mode)
    if call.options["read_back"]:
        status = status_of(call, migrations)
        outcome = outcome._replace(data={**outcome.data, "status": {**status.data, "summary": status.summary}})
    unseen = _unseen(call.options)
    if unseen:
        outcome = outcome._replace(warnings=(*outcome.warnings, *unseen))
    if not news:
        return outcome
    after = f"{outcome.after}-- {kept}: these {len(migrations)} files are what is known now\n"
    return outcome._replace(changed=True, after=after)


@contextmanager
def _all_kept() -> Iterator[None]:
    """Without Python's cyclic garbage collector, which passes over thousands of new objects again and again; none of them is garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _record_of(path: str, history: str) -> str:
    from .history.known_files import path_of

    return path_of(path, history)


def _record(path: str, migrations: Sequence[Migration], check_mode: bool) -> bool:
    """Bring the record of the files up to date, before the run: also one that fails has told what it wanted."""
    from .history import known_files

    news = known_files.is_outdated(path, migrations)
    if news and not check_mode:
        known_files.write(path, migrations)
    return news


def _migrate(call: Call, migrations: Sequence[Migration], observer: Observer) -> Outcome:
    with (
        capture_progress(call) as (call, progress),
        connect(call.connection, "migration", fixed_settings=False) as database,
    ):
        problem = _unsuitable(database)
        if problem:
            return finish(False, data_of(reason=problem, warnings=[problem]), f"Nothing was done: {problem}.", "")
        accepted = require_trusted_role(database, call.options["accept_superuser"], _AS_WHOM)
        if call.check_mode or call.options["rehearse"]:
            outcome = _run(call, database, migrations, observer)
        else:
            with advisory_lock(
                database, *read.lock_words(call.options["history"] or ""), wait=float(call.options["wait"])
            ):
                outcome = _run(call, database, migrations, observer)
    return outcome._replace(data={**outcome.data, "progress": progress}, warnings=(*accepted, *outcome.warnings))


def _run(call: Call, database: Database, migrations: Sequence[Migration], observer: Observer) -> Outcome:
    if call.options["state"] == "rolled_back":
        from .runs import roll_back

        return roll_back(call, database, migrations, observer)
    with _all_kept():
        plan = _read_plan(database, migrations, call.options)
    if not plan.pending and not plan.amended:
        if any_skipped(database) and not _settled(database):
            from .runs import restore_indexes

            return restore_indexes(call, database, plan)
        return outcome_of(False, data_of(missing=plan.missing, warnings=notes(plan)), "No migration is pending.", plan)
    _refuse_read_only(database)
    if call.options["state"] in ("baselined", "adopted"):
        return _take_over(call, database, plan, migrations)
    if plan.pending and not call.options["apply_pending"]:
        waiting: list[Data] = [{"version": item.version, "name": item.name, "file": item.file} for item in plan.pending]
        data = data_of(pending=waiting, missing=plan.missing, warnings=notes(plan._replace(amended=())))
        return finish(
            False, data, f"{counted(len(waiting), 'migration is', 'migrations are')} pending; none was applied.", ""
        )
    said = _of_other_tools(database) if plan.first else ()
    try:
        outcome = _applied(call, database, plan, observer)
    except TitanError as error:
        error.message = " ".join((error.message, *said))
        raise
    return outcome._replace(warnings=(*outcome.warnings, *said))


def _applied(call: Call, database: Database, plan: Plan, observer: Observer) -> Outcome:
    from . import runs

    if call.check_mode or call.options["rehearse"]:
        return runs.preview(call, database, plan)
    return runs.apply(call, database, plan, observer)


def _of_other_tools(database: Database) -> tuple[str, ...]:
    """What to do about the history of another tool, before files run that may have run already."""
    from .takeover.other_tables import advice, other_histories

    return tuple(advice(noted) for noted in other_histories(database))


def _settled(database: Database) -> bool:
    from .indexes import skipped, standing

    return standing.settled(database, skipped.read(database))


def _take_over(call: Call, database: Database, plan: Plan, migrations: Sequence[Migration]) -> Outcome:
    if call.options["state"] == "adopted":
        from .takeover.adopt import adopt as take
    else:
        from .takeover.baseline import baseline as take
    done = take(call, database, plan, migrations)
    data = data_of(baseline=done.listed, missing=plan.missing, warnings=done.warnings)
    return finish(done.changed, data, done.summary, done.after)


def _read_plan(database: Database, migrations: Sequence[Migration], options: Mapping[str, Any]) -> Plan:
    state = read.read(database, options["history"] or "")
    changed = edited(migrations, state)
    amended: list[Migration] = []
    if changed:
        from .history.edits import check_edits

        bodies = {item.key: read.body(database, known.row) for item, known in changed}
        amended = check_edits(changed, bodies, options["accept_edited"])
    target, late = options["target"] or "", options["allow_out_of_order"]
    taking_over = options["state"] in ("baselined", "adopted")
    plan = make_plan(migrations, state, amended, target=target, allowed_late=late, taking_over=taking_over)
    return plan._replace(first=not any(known.applied for known in state.values()))


def _check_options(options: Mapping[str, Any]) -> None:
    for name in ("lock_timeout", "concurrent_lock_timeout"):
        if options[name] < 1:
            raise OptionError(name, options[name], "It is a number of milliseconds, 1 or more.")
    for name in ("lock_retries", "plain_index_max_rows", "wait"):
        if options[name] < 0:
            raise OptionError(name, options[name], "It must be 0 or more.")
    if options["state"] == "adopted" and not options["from"]:
        raise OptionError("from", options["from"], "state=adopted needs the tool whose table is read.")
    if options["state"] == "rolled_back" and not options["target"]:
        raise OptionError(
            "target", options["target"], "state=rolled_back needs the version to go back to; 0 rolls back all."
        )


def _unseen(options: Mapping[str, Any]) -> tuple[str, ...]:
    """A warning of the SQL files that the naming does not see; on the controller, the action plugin gives it."""
    if options.get("files") is not None or not options.get("path"):
        return ()
    from .files.directory import unseen_warning

    return unseen_warning(options["path"], options["naming"])


def _refuse_read_only(database: Database) -> None:
    """Raise if role or database let each transaction begin read-only: neither a file nor its record could be written."""
    if database.parameter_status("default_transaction_read_only") == "on":
        raise TitanError(
            "default_transaction_read_only is on for this role or database: no file could change anything, as psql could not. Set it "
            "to off for the role that runs migrations (ALTER ROLE ... IN DATABASE ... SET default_transaction_read_only = off)."
        )


def _unsuitable(database: Database) -> str:
    """Why nothing can be done on this server, if it is no fault; empty if all is well."""
    if database.parameter_status("standard_conforming_strings") != "on":
        raise TitanError(
            "standard_conforming_strings is off for this role or database: backslashes in plain strings would change the "
            "meaning of the files. Set it to on (ALTER ROLE ... SET standard_conforming_strings = on)."
        )
    told = (
        "" if database.pooled else database.parameter_status("in_hot_standby")
    )  # a pooler's may be of an earlier session
    if told == "on" or (not told and database.in_recovery()):
        return "the server is a standby, which receives the migrations from its primary"
    return ""
