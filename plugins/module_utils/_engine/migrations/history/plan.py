# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which migrations are due, and what is wrong with those that are not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import OptionError, TitanError
from ...typed import Any, NamedTuple
from ..files.migration import Migration
from .read import Applied, sort_key

State = Mapping[tuple[Any, ...], Applied]


class Plan(NamedTuple):  # see outcome.py for why it is no dataclass
    """What a run does.

    Attributes:
        pending: To apply, in order.
        amended: Applied ones whose file was edited without a change of meaning; their checksums are brought up to date.
        gone: What the history has and the directory has not.
        beyond: Left alone because they come after the target.
        first: The history has none that is applied.
    """

    pending: tuple[Migration, ...] = ()
    amended: tuple[Migration, ...] = ()
    gone: tuple[Applied, ...] = ()
    beyond: tuple[Migration, ...] = ()
    first: bool = False

    @property
    def missing(self) -> list[str]:
        """The versions of those that are gone."""
        return [known.key for known in self.gone]


def edited(migrations: Sequence[Migration], state: State) -> list[tuple[Migration, Applied]]:
    """The applied versioned migrations whose file has another checksum than the history."""
    found = []
    for migration in migrations:
        known = state.get(migration.sort_key)
        if known and known.checksum != migration.checksum and known.applied and not migration.repeatable:
            found.append((migration, known))
    return found


def make_plan(
    migrations: Sequence[Migration],
    state: State,
    amended: Sequence[Migration] = (),
    *,
    target: str = "",
    allowed_late: Sequence[str] = (),
    taking_over: bool = False,
) -> Plan:
    """Decide what to apply.

    Args:
        migrations: From parse_files.
        state: From history.read.
        amended: Edited applied ones, as edits.check_edits allows them.
        target: Last version to apply; empty for all.
        allowed_late: Versions that may be applied although a later one is.
        taking_over: Nothing is applied, so that the order does not matter.

    Raises:
        TitanError: a pending migration comes before an applied one, or may have run before the history began.
        OptionError: the target is not a version of the directory.
    """
    limit = _limit(migrations, target, "target")
    wanted = _without_covered(migrations, state, limit, taking_over)
    pending = [item for item in wanted if not _done(item, state)]
    if not taking_over:
        _refuse_late(pending, state, allowed_late)
    due = [item for item in pending if limit is None or (not item.repeatable and item.order <= limit)]
    if not taking_over:
        _refuse_doubtful(due, state, allowed_late)
    beyond = pending[len(due) :]  # both are in order
    return Plan(tuple(due), tuple(amended), tuple(gone(migrations, state)), tuple(beyond))


def gone(migrations: Sequence[Migration], state: State) -> list[Applied]:
    """The applied ones without a file, in order."""
    here = {item.sort_key for item in migrations}
    return [known for key, known in sorted(state.items()) if known.applied and key not in here]


def missing_file(known: Applied) -> str:
    """The warning of an applied migration whose file is gone."""
    return (
        f"The file of the applied migration {known.key} ({known.name}) is missing from the directory. Restore it, or a new database will lack "
        "what it did."
    )


def _without_covered(
    migrations: Sequence[Migration], state: State, limit: tuple[int, ...] | None, taking_over: bool
) -> Sequence[Migration]:
    """Leave out what a baseline covers: it stands for all versions up to its own, in a database that has had none of them."""
    baselines = [item for item in migrations if item.baseline and (limit is None or item.order <= limit)]
    if not baselines:
        return migrations
    begun = any(known.applied and key[0] == 0 for key, known in state.items())
    if begun:
        usable = [item for item in baselines if _done(item, state)]
    elif taking_over:  # the files that it stands for are looked for themselves, as long as they are there
        first = min((item.order for item in migrations if item.version and not item.baseline), default=None)
        usable = [item for item in baselines if first is None or item.order < first]
    else:
        usable = baselines
    chosen = usable[-1] if usable else None
    floor = chosen.order if chosen else ()
    return [
        item for item in migrations if item is chosen or item.repeatable or (not item.baseline and item.order > floor)
    ]


def _limit(migrations: Sequence[Migration], target: str, option: str) -> tuple[int, ...] | None:
    if not target:
        return None
    wanted = sort_key(target)[1:]
    orders = [item.order for item in migrations if item.version]
    if wanted not in orders:  # the number of a folder known by its name: the last one with it
        named = [item.order for item in migrations if item.version.startswith(f"{target}_")]
        wanted = max(named, default=wanted)
    if wanted not in orders and wanted != (0,):
        versions = [item.version for item in migrations if item.version]
        shown = f"{versions[0]} to {versions[-1]}" if versions else "none"
        raise OptionError(option, target, f"No migration has this version. The directory holds: {shown}.")
    return tuple(wanted)


def _done(migration: Migration, state: State) -> bool:
    known = state.get(migration.sort_key)
    if known is None or not known.applied:
        return False
    return not migration.repeatable or known.checksum == migration.checksum


def _refuse_late(pending: Sequence[Migration], state: State, allowed: Sequence[str]) -> None:
    newest = max((key for key, known in state.items() if known.applied and key[0] == 0), default=None)
    if newest is None:
        return
    names = {sort_key(version) for version in allowed}
    late = [item for item in pending if not item.repeatable and item.sort_key < newest]
    late = [item for item in late if item.sort_key not in names]
    if late:
        files = ", ".join(item.file for item in late)
        if any(known.applied and known.action == "baseline" for known in state.values()):
            raise _taken_over(late, f"come before {state[newest].key}, which is already applied")
        raise TitanError(
            f"These migrations come before {state[newest].key}, which is already applied: {files}. Give them a later "
            f"version, or allow them by allow_out_of_order: [{', '.join(item.version for item in late)}].",
            late=[item.version for item in late],
        )


def _refuse_doubtful(due: Sequence[Migration], state: State, allowed: Sequence[str]) -> None:
    names = {sort_key(version) for version in allowed}
    doubtful = [
        item for item in due if item.sort_key in state and state[item.sort_key].doubt and item.sort_key not in names
    ]
    if doubtful:
        raise _taken_over(doubtful, "could not be proven when the database was taken over")


def _taken_over(items: Sequence[Migration], why: str) -> TitanError:
    """What has to be decided by a person: running it again may do its work twice."""
    return TitanError(
        f"These migrations {why}: {', '.join(item.file for item in items)}. They may have run before this history began, and "
        "running them again could change rows twice. Find out whether they have run; record those that have with "
        f"state=baselined and accept_unproven: [{', '.join(item.key for item in items)}]. Nothing was done.",
        late=[item.key for item in items],
    )


def rollback_plan(migrations: Sequence[Migration], state: State, target: str) -> list[Migration]:
    """The applied migrations after the target, newest first.

    Raises:
        TitanError: one of them has no rollback, or no file.
    """
    limit = _limit(migrations, target, "target")
    by_key = {item.sort_key: item for item in migrations}
    goal = state.get(sort_key(target)) if target else None
    if goal is not None and not goal.applied:
        raise OptionError("target", target, "This version is not applied.")
    to_roll_back = [key for key, known in state.items() if key[0] == 0 and key[1:] > (limit or ()) and _there(known)]
    missing = [state[key].key for key in sorted(to_roll_back) if key not in by_key or not by_key[key].reversible]
    if missing:
        raise TitanError(
            f"These applied migrations have no rollback file: {', '.join(missing)}. Nothing was rolled back.",
            missing=missing,
        )
    return [by_key[key] for key in sorted(to_roll_back, reverse=True)]


def _there(known: Applied) -> bool:
    return known.applied or known.partial
