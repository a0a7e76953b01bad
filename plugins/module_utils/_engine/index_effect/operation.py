# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind the module index_effect and the subcommand measure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from ..backups.catalog.chosen import chosen_backup
from ..backups.content.fingerprint import canceller
from ..backups.copy.copy import Copy, use_copy
from ..backups.copy.reach import require_harmless
from ..backups.programs.pipeline import Deadline
from ..environment.config import read_environment
from ..environment.records import StateDirectory
from ..errors import OptionError, TitanError
from ..host.files import published
from ..host.limits import refusal
from ..host.safe_open import UnsafePathError
from ..migrations.operation import migration
from ..migrations.options import MIGRATION
from ..outcome import Call, Outcome
from ..postgres.database import Database, connect, sql
from ..steps import step
from ..text.arguments import complete
from .data import data_of, record_of
from .effects import effects_of, plans_of
from .indexes import Index, build_seconds, indexes_of_migrations, named_indexes, read_indexes
from .migration_file import migration_of, rollback_path
from .queries import Skipped
from .record import FILE
from .report import page_of, served_by, summary_of
from .result import Advice, Effect, IndexResult, Result
from .samples import Prepared, prepare_queries
from .trial import Trial, try_candidates, without
from .verdict import UNKNOWN
from .wanted import Wanted, require_sensible, wanted_of
from .writes import Costs, measure_costs


def measure(call: Call) -> Outcome:
    """Measure on a copy what indexes are worth to queries, and what they cost; production is not touched.

    Raises:
        TitanError: an option cannot be used, or the backup is not good.
    """
    options = call.options
    try:
        require_sensible(options)
        entry = chosen_backup(options)
        wanted = wanted_of(call)
        if call.check_mode:
            said = f"Would measure {len(wanted.queries)} queries on a copy from {entry.path}."
            return Outcome(False, {"backup": entry.path}, said)
        deadline = Deadline(options["timeout"])
        result, warnings = use_copy(
            entry, options, deadline, call.say, lambda copy: _measure_on(copy, wanted, deadline, call.say)
        )
        _keep(options, result)
    except OSError as error:
        raise TitanError(refusal(error)) from error
    return Outcome(False, data_of(result), summary_of(result), warnings=warnings)


def require_usable(call: Call) -> None:
    """Refuse options before an hour of restoring; production's queries are not read yet.

    Raises:
        TitanError: one cannot be used.
    """
    require_sensible(call.options)
    wanted_of(call._replace(options={**call.options, "top": 0}))


def measure_on(copy: Copy, call: Call, deadline: Deadline) -> Outcome:
    """The same on a copy that is there already, and that is changed by it.

    Raises:
        TitanError: as measure.
    """
    try:
        result = _measure_on(copy, wanted_of(call), deadline, call.say)
        _keep(call.options, result)
    except OSError as error:
        raise TitanError(refusal(error)) from error
    return Outcome(False, data_of(result), summary_of(result))


def _keep(options: Mapping[str, Any], result: Result) -> None:
    """Write what the options want written."""
    step("measure.record")
    if options["markdown"]:
        _write("markdown", options["markdown"], page_of(result))
    if result.advice and result.advice.path:
        _write("suggest", result.advice.rollback_path, result.advice.rollback)
        step("measure.rollback")
        _write("suggest", result.advice.path, result.advice.migration)
    if options["job_config"]:
        StateDirectory(read_environment(options["job_config"]).state_dir).write(FILE, record_of(result, time.time()))


def _write(option: str, path: str, content: str) -> None:
    try:
        with published(path, 0o644, label="page") as stream:
            stream.write(content.encode("utf-8", "replace"))
    except UnsafePathError as error:
        raise OptionError(option, path, f"It {error.why}. {error.remedy}") from error


def _measure_on(copy: Copy, wanted: Wanted, deadline: Deadline, say: Callable[[str], None]) -> Result:
    """Everything that is done on the copy."""
    step("measure.copy")
    options, trial = wanted.options, None
    kept: list[str] = []
    missing: list[str] = []
    if not copy.contained:
        require_harmless(copy, options["without_sandbox"], "a query")
    _make_ready(copy, deadline)
    if wanted.migrations:
        say("Applying the migrations ...")
        given = {"files": [dict(each) for each in wanted.migrations], "naming": options["naming"]}
        migration(Call(complete(given, MIGRATION), copy.owner, False, say))
    with connect(copy.owner, "measure", fixed_settings=False) as database, deadline.ends(canceller(database)):
        version = f"{database.server_version // 10000}.{database.server_version % 10000}"
        ready, skipped = prepare_queries(database, wanted.queries, options["samples"], options["seed"])
        random = Random(options["seed"])  # noqa: S311
        if options["suggest"]:
            trial = try_candidates(copy, database, ready, options["rounds"], random, deadline, say)
            groups = [list(trial.kept)] if trial.kept else []
        else:
            groups, kept, missing = _groups(read_indexes(database), wanted)
        say(f"Measuring {len(ready)} queries ...")
        measured = _measure_groups(database, ready, groups, options, random, deadline)
        while trial and groups:
            serves = served_by(measured.effects)
            idle = [each for each in groups[0] if each.plain_name not in serves]
            if not idle:
                break
            trial = without(database, trial, idle, "with the others, no query is seen to be faster for it")
            groups = [list(trial.kept)] if trial.kept else []
            measured = _measure_groups(database, ready, groups, options, random, deadline)
        builds = {each.oid: build_seconds(database, each) for group in groups for each in group}
    say("Measuring what writers pay ...")
    costs = _costs(copy, [each for group in groups for each in group], options["rounds"], deadline)
    serves, unknown = served_by(measured.effects), served_by(measured.effects, UNKNOWN)
    indexes = tuple(
        IndexResult(
            each, builds[each.oid], costs[each.oid], serves.get(each.plain_name, ()), unknown.get(each.plain_name, ())
        )
        for group in groups
        for each in group
    )
    out = tuple(dict.fromkeys((*wanted.skipped, *skipped, *measured.slow)))
    source = copy.manifest.source
    result = Result(
        copy.path, version, source.database if source else "", _one_by_one(options), tuple(measured.effects), indexes,
        tuple(kept), out, tuple(missing), measured.queries, options["rounds"], options["samples"], options["seed"], os.getloadavg()[0],
    )  # fmt: skip
    return result._replace(advice=_advice(result, trial, options["suggest"])) if trial else result


def _advice(result: Result, trial: Trial, path: str) -> Advice:
    if not result.indexes:
        return Advice(trial.rejected)
    made = migration_of(result, [each.measured for each in result.indexes])
    return Advice(trial.rejected, path, rollback_path(path), made.text, made.rollback)


class _Measured(NamedTuple):
    """What the groups do for the queries; those that take too long; how many there are."""

    effects: Sequence[Effect]
    slow: Sequence[Skipped]
    queries: int


def _measure_groups(
    database: Database, ready: Sequence[Prepared], groups: Sequence[Sequence[Index]], options: Mapping[str, Any], random: Random,
    deadline: Deadline,
) -> _Measured:  # fmt: skip
    definitions = {each.plain_name: each.rest for each in read_indexes(database)}
    present, slow = plans_of(database, ready, (), definitions)
    deadline.left()
    effects: list[Effect] = []
    for group in groups:
        without, slower = plans_of(database, ready, group, definitions)
        deadline.left()  # when the time is up, each query is cancelled: then none has been too slow
        slow += [each for each in slower if each.name in present]
        sides, together = (without, present), not _one_by_one(options)
        effects += effects_of(database, ready, group, sides, options["rounds"], random, deadline, together)
    return _Measured(effects, slow, len(present))


def _one_by_one(options: Mapping[str, Any]) -> bool:
    return not options["indexes"] and not options["migrations"] and not options["suggest"]


def _groups(everything: Sequence[Index], wanted: Wanted) -> tuple[list[list[Index]], list[str], list[str]]:
    """The groups of indexes that are left out together, those that are needed for something else, and those that are not there."""
    options = wanted.options
    if options["indexes"]:
        return [named_indexes(everything, options["indexes"])], [], []
    if options["migrations"]:
        found, missing = indexes_of_migrations(everything, wanted.parsed)
        return [found] if found else [], [], missing
    kept = [f"{each.name}: {each.needed}" for each in everything if each.needed]
    return [[each] for each in everything if not each.needed], kept, []


def _make_ready(copy: Copy, deadline: Deadline) -> None:
    """Let no event trigger fire for what is left out, and give every page its visibility, as a server's autovacuum does."""
    with connect(copy.superuser, "measure") as database, deadline.ends(canceller(database)):
        for row in database.rows("SELECT evtname::text AS name FROM pg_event_trigger"):
            database.execute(sql.SQL("ALTER EVENT TRIGGER {} DISABLE").format(sql.Identifier(row["name"])))
        database.execute("VACUUM")


def _costs(copy: Copy, indexes: Sequence[Index], rounds: int, deadline: Deadline) -> dict[int, Costs]:
    """What writers pay for each, in a session in which no trigger fires and no foreign key is looked up."""
    role = sql.Identifier(copy.owner.user)
    with connect(copy.superuser, "measure") as server:
        server.execute(sql.SQL("ALTER ROLE {} SET session_replication_role = replica").format(role))
    found = {}
    with connect(copy.owner, "measure") as database, deadline.ends(canceller(database)):
        for each in indexes:
            deadline.left()
            step("measure.writes")
            found[each.oid] = measure_costs(database, each, rounds)
    return found
