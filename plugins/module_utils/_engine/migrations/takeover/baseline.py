# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record migrations that were applied without this history: those that a replay proves, and those that a person vouches for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import DatabaseError, OptionError, TitanError
from ...outcome import Call
from ...postgres.database import Database
from ...postgres.lost_reply import asked_transaction
from ...steps import step
from ...text.listed import listed
from ..files.migration import Migration
from ..files.script import Script
from ..history import drift, read
from ..history.inventory import read_definitions
from ..history.plan import Plan
from ..history.write import Attempt, insert, now
from ..indexes.standing import record_found
from ..run.begin import begin
from ..run.prepare import rules_of, script_of
from .data import changes_rows, inserted_tables, rows_are_there, tables_still_to_come
from .evidence import (
    ABSENT,
    PROVEN,
    UNPROVEN,
    UNPROVEN_DATA,
    Evidence,
    TakenOver,
    compare,
    other_orders,
    settle_traceless,
)
from .names import gather_by_name
from .other_tables import without_histories
from .replay import replayed

_MOST_NAMED = 20  # reasons of a file
_MOST_EXTRA = 200  # objects that no file makes


def baseline(call: Call, database: Database, plan: Plan, migrations: Sequence[Migration]) -> TakenOver:
    """Record the pending migrations that the database proves, and those that accept_unproven names.

    Raises:
        OptionError: accept_unproven names a version that is not pending.
        TitanError: a file cannot be read.
    """
    accepted = _accepted(call.options.get("accept_unproven") or (), migrations)
    history = call.options["history"] or ""
    evidence, warnings = gather_evidence(call, database, plan, migrations)
    recorded = [item for item in evidence if item.verdict == PROVEN or item.migration.sort_key in accepted]
    doubtful = _doubtful([item for item in evidence if item not in recorded], read.read(database, history))
    act = not call.check_mode and not call.options["rehearse"]
    if act and (recorded or doubtful):
        _record(database, history, recorded, doubtful)
    warnings += _warnings([item for item in evidence if item not in recorded])
    would = "were" if act else "would be"
    summary = f"{len(recorded)} of {len(evidence)} migrations {would} recorded as already there."
    after = "".join(f"-- {item.migration.file}: recorded as already there\n" for item in recorded)
    after += "".join(f"-- {item.migration.file}: noted as {item.verdict}\n" for item in doubtful)
    changed = bool(recorded or doubtful) and not (call.options["rehearse"] and not call.check_mode)
    return TakenOver(changed, [item.as_dict() for item in evidence], warnings, summary, after)


def _accepted(versions: Sequence[str], migrations: Sequence[Migration]) -> set[tuple[Any, ...]]:
    """Their sort keys; those that are recorded already are no mistake, so that a play can be run again."""
    known = {item.sort_key for item in migrations}
    unknown = [version for version in versions if read.sort_key(version) not in known]
    if unknown:
        allowed = ", ".join(item.key for item in migrations) or "none"
        raise OptionError("accept_unproven", ", ".join(unknown), f"Name versions of files: {allowed}.")
    return {read.sort_key(version) for version in versions}


def gather_evidence(
    call: Call, database: Database, plan: Plan, migrations: Sequence[Migration]
) -> tuple[list[Evidence], list[str]]:
    """The evidence for every pending migration, in order; and warnings about the whole."""
    rules = replace(rules_of(call.options), mixed="steps")
    pending = {item.key for item in plan.pending}
    state = read.read(database, rules.history)
    applied = {item.key for item in migrations if item.sort_key in state and state[item.sort_key].applied}
    scripts = [(item, script_of(item, rules)) for item in migrations if item.key in pending | applied]
    due = [(item, script) for item, script in scripts if item.key in pending]
    warnings: list[str] = []
    try:
        programs = call.options.get("programs")
        with replayed(database, scripts, pending, programs, call.say, warnings.append) as replay:
            live = read_definitions(database, live=True)
            replayed_definitions = read_definitions(replay.database)
            evidence, extra = compare(replay.effects, replayed_definitions, live)
            warnings += _orders(other_orders(replayed_definitions, live))
            for item, (_migration, script) in zip(evidence, due):
                item.data = _data_unproven(database, replay.database, script)
                if item.data and not item.there:
                    come = tables_still_to_come(database, replay.database, changes_rows(script))
                    item.missing += [f"the table {name}, whose rows it changes, is not there" for name in come]
            _ask_names(database, evidence, due)
            settle_traceless(evidence)
            extra = without_histories(database, extra)
            if extra and not plan.beyond:
                warnings.append(_extra(extra))
    except (TitanError, OSError) as error:
        if isinstance(error, DatabaseError) and database.closed:
            raise
        why = getattr(error, "message", str(error))
        warnings.append(f"The files could not be replayed, and names prove nothing: {why}")
        evidence = gather_by_name(database, due, "the files could not be replayed")
        for item, (_migration, script) in zip(evidence, due):
            item.data = bool(changes_rows(script))
    for item, (_migration, script) in zip(evidence, due):
        _headers(database, script, item)
    return evidence, warnings


def _ask_names(database: Database, evidence: Sequence[Evidence], due: Sequence[tuple[Migration, Script]]) -> None:
    """Of a file that could not be replayed, names can at least say that it has not run."""
    for item, names in zip(evidence, gather_by_name(database, due, "") if any(one.doubt for one in evidence) else ()):
        if item.doubt and names.missing and not names.there:
            item.there, item.missing, item.traceless = [], names.missing, False


def _data_unproven(live: Database, replay: Database, script: Script) -> bool:
    """Whether the file changes rows, and it could not be seen that it has."""
    statements = changes_rows(script)
    tables = inserted_tables(statements)
    return bool(statements) and not (tables and all(rows_are_there(live, replay, table) for table in tables))


def _headers(database: Database, script: Script, evidence: Evidence) -> None:
    """Ask the verify queries: the author's own proof, also of what a schema does not show."""
    for line, query in script.headers.verify:
        try:
            with database.transaction("BEGIN READ ONLY"):
                value = database.value(query)
        except DatabaseError as error:
            evidence.missing.append(f"verify (line {line}): {error.message}")
            continue
        if value is True:
            evidence.there.append(f"verify (line {line})")
            evidence.doubt, evidence.data, evidence.traceless = "", False, False
        else:
            evidence.missing.append(f"verify (line {line}) is {'null' if value is None else str(value).lower()}")


def _orders(found: Mapping[str, str]) -> list[str]:
    """The warning of tables whose columns are in another order; what is so of a type is missing from a file."""
    tables = [f"{name}: {orders}" for name, orders in found.items() if not name.startswith("type ")]
    if not tables:
        return []
    return [
        f"Columns are in another order than the files make: {listed(tables, _MOST_NAMED)}. Statements that do not name their columns depend "
        "on it."
    ]


def _extra(names: Sequence[str]) -> str:
    return f"The database has objects that no migration makes: {listed(names, _MOST_EXTRA)}."


def _doubtful(evidence: Sequence[Evidence], state: Mapping[tuple[Any, ...], read.Applied]) -> list[Evidence]:
    """Those that may have run and would do harm a second time, as far as the history does not say so yet."""
    return [
        item
        for item in evidence
        if item.verdict != ABSENT
        and not item.migration.repeatable
        and (item.data or item.doubt or item.verdict == UNPROVEN)
        and not (item.migration.sort_key in state and state[item.migration.sort_key].doubt == item.verdict)
    ]


def _record(database: Database, history: str, recorded: Sequence[Evidence], doubtful: Sequence[Evidence]) -> None:
    begun, executor = begin(database, history)
    step("migration.baseline")
    with asked_transaction(database, "migration"):
        for item in [*recorded, *doubtful]:
            attempt = Attempt(item.migration, "baseline", now(database), item.migration.text)
            attempt.details = {"indexes": item.indexes, "there": item.there}
            if item in doubtful:
                attempt.details["unproven"] = item.verdict
            elif item.verdict != PROVEN:
                attempt.details.update({"source": "person", "unproven": item.verdict, "missing": item.missing})
            insert(database, executor, attempt, "failed" if item in doubtful else "applied")
            if item in recorded and item.duplicates:
                record_found(database, item.duplicates, read.full_version(history, item.migration.key))
        step("migration.baseline_commit")
    if recorded:
        drift.save(database, begun, {name for item in recorded for name in item.there})


def _warnings(evidence: Sequence[Evidence]) -> list[str]:
    warnings = []
    for item in evidence:
        reasons = item.missing[:_MOST_NAMED] + (
            [f"and {len(item.missing) - _MOST_NAMED} more"] if len(item.missing) > _MOST_NAMED else []
        )
        if item.doubt:
            reasons.append(item.doubt)
        if item.data and item.verdict in (UNPROVEN_DATA, UNPROVEN):
            reasons.append("it changes rows, which nothing proves")
        text = "; ".join(reasons) or "nothing is left of it that could prove it"
        warnings.append(f"{item.migration.file} is not recorded ({item.verdict}): {text}.")
    unproven = [item.migration.key for item in evidence if item.verdict in (UNPROVEN, UNPROVEN_DATA)]
    if unproven:
        warnings.append(
            "Find out whether these have run, and name those that have in accept_unproven; the history then records them "
            f"on your word: [{', '.join(unproven)}]. Until then they are not applied."
        )
    return warnings
