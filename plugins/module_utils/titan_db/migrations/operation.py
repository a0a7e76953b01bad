# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry points: read, plan, apply unless in check mode, report from the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable

from ..database import Database, connect
from ..errors import DatabaseError, OptionError, TitanError
from ..locks import advisory_lock
from ..outcome import Call, Outcome
from . import drift, history
from .apply import Result, apply_whole
from .baseline import PROVEN, gather
from .info import read_status
from .placeholders import fill
from .plan import Plan, edited, make_plan, rollback_plan
from .pooler import require_own_session
from .preview import Preview, preview, rehearse
from .rollback import read_ways_back, take_back
from .script import Script, make_script
from .session import Rules, Session
from .source import Migration, parse_files, read_directory
from .statements import names_in
from .stepwise import Stepper
from .watcher import Watcher


@dataclass(frozen=True)
class Ready:
    """A migration that is due, with its script."""

    migration: Migration
    script: Script


def migration(call: Call) -> Outcome:
    """Apply, roll back or baseline.

    Raises:
        TitanError: something is wrong; the message says in which state the database is.
    """
    _check_options(call.options)
    migrations = _migrations(call.options)
    call, progress = _listening(call)
    with connect(call.connection, "migration", pinned=False) as database:
        require_own_session(database, call.connection)
        problem = _unsuitable(database)
        if problem:
            return Outcome(False, _data(reason=problem), f"Nothing was done: {problem}.", warnings=(problem,))
        if call.check_mode or call.options["rehearse"]:
            outcome = _LOOKS[call.options["state"]](call, database, migrations)
        else:
            with advisory_lock(database, "migrations", wait=float(call.options["wait"])):
                outcome = _ACTS[call.options["state"]](call, database, migrations)
    return replace(outcome, data={**outcome.data, "progress": progress})


def _listening(call: Call) -> tuple[Call, list[str]]:
    """The call with its progress lines kept too: a module shows them in its result."""
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        call.say(line)

    return replace(call, say=say), lines


def migration_info(call: Call) -> Outcome:
    """Compare directory, history and catalog; nothing is written.

    Raises:
        TitanError: the files cannot be used, or there is no connection.
    """
    migrations = _migrations(call.options)
    with connect(call.connection, "migration_info", pinned=False) as database:
        data = read_status(database, migrations)
        data["drift"] = drift.drift(database) or []
    pending, tampered = len(data["pending"]), len(data["tampered"])
    summary = (
        f"{len(data['migrations']) - pending} migrations are applied, {pending} are pending, {tampered} were edited."
    )
    return Outcome(False, data, summary)


def _check_options(options: Mapping[str, Any]) -> None:
    for name in ("lock_timeout", "concurrent_lock_timeout"):
        if options[name] < 1:
            raise OptionError(name, options[name], "It is a number of milliseconds, 1 or more.")
    for name in ("lock_retries", "plain_index_max_rows", "wait"):
        if options[name] < 0:
            raise OptionError(name, options[name], "It must be 0 or more.")
    if options["state"] == "rolled_back" and not options["target"]:
        raise OptionError(
            "target", options["target"], "state=rolled_back needs the version to go back to; 0 takes all back."
        )


def _migrations(options: Mapping[str, Any]) -> list[Migration]:
    if options.get("files") is not None:
        return parse_files(options["files"], options["naming"])
    if not options.get("path"):
        raise OptionError("path", options.get("path"), "Name the directory that holds the migrations.")
    return parse_files(read_directory(options["path"], options["naming"]), options["naming"])


def _unsuitable(database: Database) -> str:
    """Why nothing can be done on this server, if it is no fault; empty if all is well."""
    if database.raw.get_parameter_status("standard_conforming_strings") != "on":
        raise TitanError(
            "standard_conforming_strings is off for this role or database: backslashes in plain strings would change the "
            "meaning of the files. Set it to on (ALTER ROLE ... SET standard_conforming_strings = on)."
        )
    if database.in_recovery():
        return "the server is a standby; migrations arrive there from its primary"
    return ""


def _rules(options: Mapping[str, Any]) -> Rules:
    return Rules(
        redundant=options["redundant_indexes"],
        lock_timeout=options["lock_timeout"],
        concurrent_lock_timeout=options["concurrent_lock_timeout"],
        lock_retries=options["lock_retries"],
        plain_index_max_rows=options["plain_index_max_rows"],
        mixed=options["mixed"],
        placeholders=dict(options["placeholders"] or {}),
    )


def read_plan(database: Database, migrations: Sequence[Migration], options: Mapping[str, Any]) -> Plan:
    """The plan from what the database says now."""
    state = history.read(database)
    bodies = {item.key: history.body(database, known.row) for item, known in edited(migrations, state)}
    return make_plan(
        migrations,
        state,
        bodies,
        target=options["target"] or "",
        allowed_late=options["allow_out_of_order"],
        accepted=options["accept_edited"],
    )


def _ready(plan: Plan, rules: Rules) -> list[Ready]:
    """Every pending file is read and found usable before the first one runs."""
    return [
        Ready(item, make_script(fill(item.text, rules.placeholders, item.file), item.file, rules.mixed))
        for item in plan.pending
    ]


def _only_look(call: Call, database: Database, migrations: Sequence[Migration]) -> Outcome:
    plan, rules = read_plan(database, migrations, call.options), _rules(call.options)
    ready = _ready(plan, rules)
    scripts = [(item.migration, item.script) for item in ready]
    with _session(call, database, rules) as session:
        rehearsed = rehearse(session, scripts) if call.options["rehearse"] else []
        looked = [] if call.options["rehearse"] else preview(session, scripts, _later(ready), history.read(database))
    changed = bool(call.check_mode and (plan.pending or plan.amended))
    data = _data(
        pending=[item.as_dict() for item in looked]
        or [{"version": m.version, "name": m.name, "file": m.file} for m, _s in scripts],
        skipped_indexes=_skipped(looked),
        missing=list(plan.missing),
        rehearsed=rehearsed,
        warnings=[*_notes(plan), *(warning for item in looked for warning in item.warnings)],
    )
    summary = f"{len(plan.pending)} migrations would be applied." if plan.pending else "No migration is pending."
    if rehearsed:
        summary = f"{len(rehearsed)} migrations were rehearsed and rolled back."
    return _outcome(changed, data, summary, plan)


@contextmanager
def _session(call: Call, database: Database, rules: Rules) -> Iterator[Session]:
    with Watcher(call.connection, database.raw.info.backend_pid, call.say) as watcher:
        session = Session(database, rules, watcher, call.say)
        session.attend()
        yield session


@contextmanager
def _fingerprint(database: Database, results: list[Result]) -> Iterator[None]:
    """Keep the fingerprint of what the block has done, also when its last migration fails."""
    try:
        yield
    finally:
        if results and not database.raw.closed:
            drift.keep(database)


def _later(ready: Sequence[Ready]) -> list[frozenset[str]]:
    """For each due file, the names that the files after it use; worked out only where a file creates an index."""
    names: list[frozenset[str]] = []
    after: frozenset[str] = frozenset()
    for item in reversed(ready):
        names.append(after)
        after = after.union(*(names_in(statement) for statement in item.script.statements))
    return names[::-1]


def _act(call: Call, database: Database, migrations: Sequence[Migration]) -> Outcome:
    plan, rules = read_plan(database, migrations, call.options), _rules(call.options)
    ready = _ready(plan, rules)
    results: list[Result] = []
    by_hand: list[dict[str, Any]] = []
    if ready or plan.amended:
        history.create(database)
        runner = history.this_runner(database)
        by_hand = drift.drift(database) or []
        _amend(database, runner, plan.amended)
        with _session(call, database, rules) as session, _fingerprint(database, results):
            for item, later in zip(ready, _later(ready)):
                call.say(f"applying {item.migration.file}")
                results.append(_guarded(session, partial(_apply, session, runner, item, later), results))
    data = _data(
        applied=[result.as_dict() for result in results],
        skipped_indexes=_skipped(results),
        missing=list(plan.missing),
        warnings=[
            *_notes(plan),
            *(f"Changed by hand since the last migration: {item['object']} ({item['change']})." for item in by_hand),
            *(warning for result in results for warning in result.warnings),
        ],
    )
    summary = f"{len(results)} migrations were applied." if results else "No migration was pending."
    return _outcome(bool(results or plan.amended), data, summary, plan)


def _apply(session: Session, runner: history.Runner, item: Ready, later: frozenset[str]) -> Result:
    if item.script.whole:
        return apply_whole(session, runner, item.migration, item.script, later)
    known = history.read(session.database).get(history.sort_key(item.migration.key))
    return Stepper(session, runner, item.migration, item.script).run(known, later)


def _guarded(session: Session, action: Callable[[], Result], before: Sequence[Result]) -> Result:
    """Run one migration; its error also says what this run had done before it."""
    try:
        return action()
    except TitanError as error:
        done = ", ".join(result.migration.key for result in before)
        error.details["done"] = [result.as_dict() for result in before]
        if done:
            error.message += f" Done before it in this run: {done}."
        if isinstance(error, DatabaseError) and session.database.raw.closed:
            error.message += " The connection was lost; run again, the history says what is done."
        raise


def _amend(database: Database, runner: history.Runner, amended: Sequence[Migration]) -> None:
    """Bring checksum and text of files up to date whose meaning is as it was (or was accepted)."""
    for item in amended:
        now = database.value("SELECT pg_catalog.clock_timestamp()")
        history.insert(database, runner, history.Attempt(item, "amend", now, item.text), "applied")


def _roll_back(call: Call, database: Database, migrations: Sequence[Migration]) -> Outcome:
    options, rules = call.options, _rules(call.options)
    doomed = rollback_plan(migrations, history.read(database), options["target"])
    results: list[Result] = []
    with _session(call, database, rules) as session:
        ways = read_ways_back(session, doomed, rules)
        if ways and not call.check_mode and not options["rehearse"]:
            if not options["allow_rollback"]:
                names = ", ".join(item.migration.key for item in ways)
                raise OptionError(
                    "allow_rollback", False, f"This would take back {names}. Set it to true if you mean it."
                )
            runner = history.this_runner(database)
            with _fingerprint(database, results):
                for way in ways:
                    call.say(f"rolling back {way.migration.key}")
                    results.append(_guarded(session, partial(take_back, session, runner, way), results))
    listed = [{"version": w.migration.version, "name": w.migration.name, "file": w.migration.down_file} for w in ways]
    warnings = [warning for result in results for warning in result.warnings] or [
        f"{way.migration.down_file}: {', '.join(way.spared)} was there before the migration and stays."
        for way in ways
        if way.spared
    ]
    data = _data(
        rolled_back=[result.as_dict() for result in results], pending=[] if results else listed, warnings=warnings
    )
    summary = (
        f"{len(results)} migrations were rolled back." if results else f"{len(ways)} migrations would be rolled back."
    )
    after = "".join(f"-- {way.migration.down_file}\n{way.script.text.rstrip()}\n\n" for way in ways)
    changed = bool(results or (ways and call.check_mode))
    return _finish(changed, data, summary if ways else "Nothing is to be rolled back.", after)


def _baseline(call: Call, database: Database, migrations: Sequence[Migration]) -> Outcome:
    plan, rules = read_plan(database, migrations, call.options), _rules(call.options)
    ready = [item for item in _ready(plan, rules) if not item.migration.repeatable]
    evidence = gather(database, [(item.migration, item.script) for item in ready])
    proven = [item for item in evidence if item.verdict == PROVEN]
    if proven and not call.check_mode and not call.options["rehearse"]:
        history.create(database)
        runner = history.this_runner(database)
        with database.transaction():
            for item in proven:
                now = database.value("SELECT pg_catalog.clock_timestamp()")
                attempt = history.Attempt(item.migration, "baseline", now, item.migration.text)
                attempt.details = {"indexes": item.indexes, "there": item.there}
                history.insert(database, runner, attempt, "applied")
        drift.keep(database)
    warnings = [
        f"{item.migration.file} is not recorded: {item.verdict}; missing: {', '.join(item.missing) or 'anything that could prove it'}."
        for item in evidence
        if item.verdict != PROVEN
    ]
    data = _data(baseline=[item.as_dict() for item in evidence], missing=list(plan.missing), warnings=warnings)
    would = "would be" if call.check_mode or call.options["rehearse"] else "were"
    summary = f"{len(proven)} of {len(evidence)} migrations {would} recorded as already there."
    after = "".join(f"-- {item.migration.file}: recorded as already there\n" for item in proven)
    return _finish(bool(proven) and not (call.options["rehearse"] and not call.check_mode), data, summary, after)


def _notes(plan: Plan) -> list[str]:
    notes = [f"The file of the applied migration {key} is missing." for key in plan.missing]
    return notes + [
        f"{item.file} was edited after it was applied, without a change of meaning or by accept_edited; "
        "its checksum in the history is brought up to date."
        for item in plan.amended
    ]


def _skipped(results: Sequence[Result] | Sequence[Preview]) -> list[dict[str, Any]]:
    return [
        {
            "version": result.migration.version, "name": result.migration.name, "index": item["name"], "table": item["table"],
            "twin": item["twin"],
        }
        for result in results
        for item in result.indexes
        if item["outcome"] == "skipped"
    ]  # fmt: skip


_LISTS = ("applied", "rolled_back", "pending", "skipped_indexes", "missing", "baseline", "rehearsed", "warnings")


def _data(**given: Any) -> dict[str, Any]:
    return {**{word: [] for word in _LISTS}, "reason": "", **given}


def _outcome(changed: bool, data: dict[str, Any], summary: str, plan: Plan) -> Outcome:
    after = "".join(f"-- {item.file}\n{item.text.rstrip()}\n\n" for item in plan.pending)
    after += "".join(f"-- {item.file}: the history takes over the edited text\n" for item in plan.amended)
    skipped = len(data["skipped_indexes"])
    if skipped:
        summary += f" {skipped} indexes are exact duplicates and are left out."
    return _finish(changed, data, summary, after)


def _finish(changed: bool, data: dict[str, Any], summary: str, after: str) -> Outcome:
    warnings = tuple(data.pop("warnings"))
    return Outcome(changed, data, summary, "", after, warnings)


_Part = Callable[[Call, Database, Sequence[Migration]], Outcome]
_LOOKS: dict[str, _Part] = {"applied": _only_look, "rolled_back": _roll_back, "baselined": _baseline}
_ACTS: dict[str, _Part] = {"applied": _act, "rolled_back": _roll_back, "baselined": _baseline}
