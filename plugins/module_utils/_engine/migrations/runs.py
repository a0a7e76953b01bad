# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do, or predict, what a plan says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable

from ..errors import DatabaseError, OptionError, TitanError
from ..outcome import Call, Data, Outcome
from ..postgres.database import Database
from ..text.counted import counted
from .files.migration import Migration
from .files.script import Script
from .history import drift, read
from .history.plan import Plan, rollback_plan
from .history.records import ObjectChange
from .history.write import Attempt, ExecutedBy, insert, now
from .indexes.decision import Later
from .indexes.registry import SkippedIndexes
from .indexes.skipped import read as read_skipped
from .lint.check import Linter, levels_of, refuse, warnings_of
from .report import data_of, finish, notes, outcome_of, skipped_indexes
from .run.begin import begin
from .run.lock_needs import too_many_locks
from .run.missing import Foresight
from .run.prepare import read_all, rules_of, script_of
from .run.preview import Preview, preview_files, rehearse
from .run.problem import Problem, refuse_problems
from .run.result import Result
from .run.rollback import read_rollbacks, roll_back_one
from .run.statement_by_statement import Stepper
from .run.syntax import syntax_errors
from .run.transaction import apply_whole
from .session.limits import origin_of_limit
from .session.observer import NOBODY, Observer
from .session.session import Rules, Session
from .session.watcher import Watcher
from .sql.lexer import split
from .sql.statements import names_in


def preview(call: Call, database: Database, plan: Plan) -> Outcome:
    """Check mode and rehearsals: what would be done."""
    rules = rules_of(call.options)
    scripts = [(item, script_of(item, rules)) for item in plan.pending]
    linter = _linter(call, database)
    for _item, script in scripts:
        linter.look(script)
    refuse(linter.findings)
    rehearsed: list[Data] = []
    looked: list[Preview] = []
    lost: list[dict[str, str]] = []
    with _session(call, database, rules) as session:
        if call.options["rehearse"]:
            rehearsed = rehearse(session, scripts)
        else:
            state = read.read(database, rules.history)
            _refuse_certain_failures(database, scripts, state)
            indexes = SkippedIndexes(session)
            lost = indexes.look()
            looked = preview_files(indexes, scripts, _names_in_later_files(plan.pending), state)
    data = data_of(
        restored_indexes=lost,
        lint=linter.findings,
        pending=[item.as_dict() for item in looked or [Preview(m, transaction=s.whole) for m, s in scripts]],
        skipped_indexes=skipped_indexes(looked),
        missing=plan.missing,
        rehearsed=rehearsed,
        warnings=[
            *notes(plan),
            *warnings_of(linter.findings, notices=True),
            *(warning for item in looked for warning in item.warnings),
        ],
    )
    summary = (
        f"{counted(len(plan.pending), 'migration', 'migrations')} would be applied."
        if plan.pending
        else "No migration is pending."
    )
    if rehearsed:
        summary = f"{counted(len(rehearsed), 'migration was', 'migrations were')} rehearsed and rolled back."
    return outcome_of(call.check_mode, data, summary, plan)


def _refuse_certain_failures(
    database: Database, scripts: Sequence[tuple[Migration, Script]], state: Mapping[tuple[Any, ...], read.Applied]
) -> None:
    foresight = Foresight(database, [item.name for item in read_skipped(database)])
    problems: list[Problem] = []
    for item, script in scripts:
        known = state.get(item.sort_key)
        if known is not None and known.partial:  # a part of it has run
            break
        errors = syntax_errors(database, script) or too_many_locks(database, script)
        problems += errors or foresight.look(script)
    refuse_problems(problems)


def _linter(call: Call, database: Database) -> Linter:
    return Linter(database, call.options["plain_index_max_rows"], levels_of(call.options["lint"]))


@contextmanager
def _session(call: Call, database: Database, rules: Rules, observer: Observer = NOBODY) -> Iterator[Session]:
    with Watcher(call.connection, database.server_pid, call.say) as watcher:
        session = Session(database, rules, watcher, call.say, observer=observer)
        session.enable_client_check()
        yield session


@contextmanager
def _fingerprint(database: Database, begun: drift.Begun, results: list[Result]) -> Iterator[None]:
    """Keep the fingerprint of what the block has done, also when its last migration fails."""
    try:
        yield
    finally:
        if results and not database.closed:
            drift.save(database, begun)


def _names_in_later_files(pending: Sequence[Migration]) -> list[Later]:
    """For each pending file, a function that says whether a later one names one of some names; lexes only what it must."""

    def within(files: Sequence[Migration]) -> Later:
        def named(names: AbstractSet[str]) -> bool:
            words = [name.lower() for name in names if name]
            for item in files:
                text = item.text.lower()
                if any(word in text for word in words) and any(names & names_in(s) for s in split(item.text)):
                    return True
            return False

        return named

    return [within(pending[at + 1 :]) for at in range(len(pending))]


def apply(call: Call, database: Database, plan: Plan, observer: Observer = NOBODY) -> Outcome:
    """Apply what is pending, and tell the observer."""
    rules = rules_of(call.options)
    linter = _linter(call, database)
    scripts = read_all(plan.pending, rules, linter.look)
    refuse(linter.findings)
    results: list[Result] = []
    begun, executor = begin(database, rules.history)
    _amend(database, executor, plan.amended, call.options["accept_edited"])
    with _session(call, database, rules, observer) as session, _fingerprint(database, begun, results):
        skipped = SkippedIndexes(session)
        restored = skipped.open()
        for item, later in zip(plan.pending, _names_in_later_files(plan.pending)):
            call.say(f"applying {item.file}")
            observer.file_begins(item.file, "apply")
            results.append(
                _guarded(session, partial(_apply, skipped, executor, item, scripts, later), results, item.text)
            )
    data = data_of(
        applied=[result.as_dict() for result in results],
        skipped_indexes=skipped_indexes(results),
        restored_indexes=restored,
        lint=linter.findings,
        missing=plan.missing,
        warnings=[
            *notes(plan),
            *warnings_of(linter.findings),
            *map(_by_hand, begun.changes or []),
            *(warning for result in results for warning in result.warnings),
        ],
    )
    summary = (
        f"{counted(len(results), 'migration was', 'migrations were')} applied."
        if results
        else "The history took over edited texts."
    )
    return outcome_of(True, data, summary, plan)


def _by_hand(item: ObjectChange) -> str:
    return f"Changed by hand since the last migration: {item['object']} ({item['change']})."


def restore_indexes(call: Call, database: Database, plan: Plan) -> Outcome:
    """Build the skipped indexes whose duplicates are gone; no file is pending."""
    rules = rules_of(call.options)
    begun = drift.begin(database, rules.history)
    with _session(call, database, rules) as session:
        skipped = SkippedIndexes(session)
        if call.check_mode or call.options["rehearse"]:
            restored = skipped.look()
        else:
            restored = skipped.open()
            drift.save(database, begun)
    warnings = [*notes(plan), *map(_by_hand, begun.changes or [])]
    data = data_of(restored_indexes=restored, missing=plan.missing, warnings=warnings)
    said = "would be" if call.check_mode or call.options["rehearse"] else "were"
    summary = (
        f"No migration is pending. {counted(len(restored), 'index', 'indexes')} whose duplicates are gone {said} built."
    )
    after = "".join(f"{item['definition']};\n" for item in restored)
    return finish(call.check_mode or not call.options["rehearse"], data, summary, after)


def _apply(
    skipped: SkippedIndexes, executor: ExecutedBy, item: Migration, scripts: dict[str, Script], later: Later
) -> Result:
    session = skipped.session
    script = scripts.pop(item.key, None) or script_of(item, session.rules)
    session.prepare()
    if script.whole:
        result = apply_whole(skipped, executor, item, script, later)
    else:
        known = read.read(session.database, executor.history).get(item.sort_key)
        result = Stepper(skipped, executor, item, script, later).run(known)
    session.note_session_changes(script.text)
    return result


def _guarded(session: Session, action: Callable[[], Result], before: Sequence[Result], text: str) -> Result:
    """Run one migration; its error also says what this run had done before it."""
    try:
        return action()
    except TitanError as error:
        done = ", ".join(result.migration.key for result in before)
        error.details["done"] = [result.as_dict() for result in before]
        if isinstance(error, DatabaseError):
            error.message += origin_of_limit(session.database.settings, error, text)
        if done:
            error.message += f" Done before it in this run: {done}."
        if isinstance(error, DatabaseError) and session.database.closed:
            error.message += " The connection was lost. Run again: the history has what was done."
        raise


def _amend(database: Database, executor: ExecutedBy, amended: Sequence[Migration], accepted: Sequence[str]) -> None:
    """Bring checksum and text of files up to date whose meaning is as it was (or was accepted).

    The row says who did it, where and when, like every attempt's; its details say on what ground and which text it had been.
    """
    taken = {read.sort_key(version) for version in accepted}
    before = read.read(database, executor.history) if amended else {}
    for item in amended:
        attempt = Attempt(item, "amend", now(database), item.text)
        attempt.details = {
            "edit": "accepted" if item.sort_key in taken else "harmless",
            "previous": before[item.sort_key].checksum,
        }
        insert(database, executor, attempt, "applied")


def roll_back(call: Call, database: Database, migrations: Sequence[Migration], observer: Observer = NOBODY) -> Outcome:
    """Take back what was applied after the target, and tell the observer."""
    options, rules = call.options, rules_of(call.options)
    to_drop = rollback_plan(migrations, read.read(database, rules.history), options["target"])
    results: list[Result] = []
    restored: list[dict[str, str]] = []
    with _session(call, database, rules, observer) as session:
        ways = read_rollbacks(session, to_drop, rules)
        if ways and not call.check_mode and not options["rehearse"]:
            if not options["allow_rollback"]:
                names = ", ".join(item.migration.key for item in ways)
                raise OptionError("allow_rollback", False, f"This would roll back {names}. Set it to true to confirm.")
            begun, executor = begin(database, rules.history)
            skipped = SkippedIndexes(session)
            with _fingerprint(database, begun, results):
                restored = skipped.open()
                for way in ways:
                    call.say(f"rolling back {way.migration.key}")
                    observer.file_begins(way.migration.down_file, "rollback")
                    results.append(
                        _guarded(session, partial(roll_back_one, skipped, executor, way), results, way.script.text)
                    )
    listed = [{"version": w.migration.version, "name": w.migration.name, "file": w.migration.down_file} for w in ways]
    warnings = [warning for result in results for warning in result.warnings] or [
        f"{way.migration.down_file}: {', '.join(way.kept_names)} was there before the migration and stays."
        for way in ways
        if way.kept_names
    ]
    data = data_of(
        rolled_back=[result.as_dict() for result in results],
        pending=[] if results else listed,
        warnings=warnings,
        restored_indexes=restored,
    )
    summary = (
        f"{counted(len(results), 'migration was', 'migrations were')} rolled back."
        if results
        else f"{counted(len(ways), 'migration', 'migrations')} would be rolled back."
    )
    after = "".join(f"-- {way.migration.down_file}\n{way.script.text.rstrip()}\n\n" for way in ways)
    changed = bool(results or (ways and call.check_mode))
    return finish(changed, data, summary if ways else "Nothing is to be rolled back.", after)
