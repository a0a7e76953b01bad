# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups stay and which go: pure planning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Callable

from ...errors import OptionError
from ..catalog.entry import PHYSICAL, Entry
from ..catalog.read import CLOCK_SLACK, newest_verified

# A newest backup that is so many times as far from the one before it as those before it are from each other, and so far.
_USUAL_PAUSES, _LONG_PAUSE = 5, timedelta(days=7)


@dataclass(frozen=True)
class KeepRules:
    """How long verified backups are kept; a backup stays when any rule wants it.

    Attributes:
        days: Those that are at most this many days old.
        last: The newest N.
        weekly, monthly: The newest of each of the last N weeks (Monday to Sunday) and months, in UTC.
        max_shrink: The share by which the newest may be smaller than the verified one before it, in bytes or in rows,
            before nothing is removed any more.
        accept_other_source: Also remove backups of another database or server than the newest one's.
    """

    days: int = 0
    last: int = 0
    weekly: int = 0
    monthly: int = 0
    max_shrink: float = 0.5
    accept_other_source: bool = False

    @property
    def any(self) -> bool:
        return bool(self.days or self.last or self.weekly or self.monthly)


@dataclass(frozen=True)
class KeepPlan:
    """What to remove, oldest first; or why nothing is removed although the rules would."""

    remove: tuple[Entry, ...] = ()
    refused: str = ""


def rules_from_option(
    keep: Mapping[str, Any] | None, max_shrink: float = 0.5, accept_other_source: bool = False
) -> KeepRules:
    """The rules of the option "keep".

    Raises:
        OptionError: a number below 0, or max_shrink outside 0 to 1.
    """
    wanted = {key: value for key, value in (keep or {}).items() if value is not None}
    for key, value in wanted.items():
        if value < 0:
            raise OptionError(f"keep.{key}", value, "Use 0 (the rule is off) or more.")
    if not 0 <= max_shrink <= 1:
        raise OptionError("max_shrink", max_shrink, "Use a share between 0 and 1, such as 0.5.")
    return KeepRules(max_shrink=max_shrink, accept_other_source=accept_other_source, **wanted)


def make_keep_plan(
    entries: Iterable[Entry], rules: KeepRules, now: datetime, level: str, clock_doubt: str = ""
) -> KeepPlan:
    """Plan what the rules let go.

    Args:
        entries: All backups of one name, the new one among them.
        rules: The rules.
        now: Aware.
        level: What this job calls verified: "restored", or "checksum" when it does no drills.
        clock_doubt: Why the host's clock cannot be relied on, as a clause; empty when nothing speaks against it.

    Returns:
        Nothing to remove when the rules are off, and nothing but a reason when the newest backup is unverified, shrank,
        is of another database or dated in the future. Never the newest verified and the newest restored one, and no
        pinned one.
    """
    ours = (entry for entry in entries if entry.format != PHYSICAL)  # those are removed by pgBackRest's own rules
    ordered = sorted(ours, key=lambda entry: entry.started, reverse=True)
    if not rules.any or not ordered:
        return KeepPlan()
    levels = ("restored",) if level == "restored" else ("checksum", "restored")
    good = [entry for entry in ordered if entry.verified_level in levels and not entry.problem]
    kept = _kept(good, rules, now) | _newest(good) | _newest([e for e in good if e.verified_level == "restored"])
    kept |= {entry.path for entry in ordered if entry.pinned}
    gone = [
        entry for entry in ordered if entry.path not in kept and (entry in good or _is_over(entry, good, rules, now))
    ]
    refused = (clock_doubt or _doubt(ordered, good, gone, rules, now)) if gone else ""
    return KeepPlan(refused=refused) if refused else KeepPlan(remove=tuple(reversed(gone)))


def _newest(entries: Sequence[Entry]) -> set[str]:
    return {entry.path for entry in entries[:1]}


def _kept(good: Sequence[Entry], rules: KeepRules, now: datetime) -> set[str]:
    kept = {entry.path for entry in good[: rules.last]}
    if rules.days:
        kept |= {entry.path for entry in good if now - entry.started <= timedelta(days=rules.days)}
    kept |= _one_each(good, rules.weekly, lambda moment: moment.isocalendar()[:2])
    return kept | _one_each(good, rules.monthly, lambda moment: (moment.year, moment.month))


def _one_each(good: Sequence[Entry], periods: int, period: Callable[[datetime], tuple[int, int]]) -> set[str]:
    newest: dict[tuple[int, int], str] = {}
    for entry in good:
        newest.setdefault(period(entry.started), entry.path)
    return set(list(newest.values())[:periods])


def _is_over(entry: Entry, good: Sequence[Entry], rules: KeepRules, now: datetime) -> bool:
    """Whether an unverified backup may go: a newer verified one exists, and the rules by age or count let it go."""
    if not any(other.started > entry.started for other in good):
        return False
    if rules.days and now - entry.started <= timedelta(days=rules.days):
        return False
    recent = good[: max(rules.last, 1)]
    return entry.started < recent[-1].started


def doubts(newest: Entry, before: Entry | None, rules: KeepRules) -> str:
    """Why the newest backup may be of something else than an older one; empty if nothing speaks for that."""
    if before is None or newest.manifest is None or before.manifest is None:
        return ""
    old = before.path.rsplit("/", 1)[-1]
    if not rules.accept_other_source and newest.database != before.database:
        return f"it is of database {newest.database!r}, but {old} of {before.database!r} ('accept_other_source' accepts that)"
    if not rules.accept_other_source and newest.system_identifier != before.system_identifier:
        return (
            f"it comes from another server (system identifier {newest.system_identifier or 'unknown'}) than {old} "
            f"({before.system_identifier or 'unknown'}; 'accept_other_source' accepts that)"
        )
    if _is_accepted(newest, before):
        return ""
    sizes = [("rows", newest.rows, before.rows)]
    if newest.path.partition(".")[2] == before.path.partition(".")[2]:
        sizes.append(("bytes", newest.size, before.size))
    for what, now_is, was in sizes:
        if was and now_is < was * (1 - rules.max_shrink):
            return (
                f"it has {now_is} {what}, but {old} has {was}: less by more than 'max_shrink' ({rules.max_shrink:g}) allows. If "
                "the rows are rightly gone, take one backup with 'accept_shrink'"
            )
    return ""


def _is_accepted(newest: Entry, before: Entry) -> bool:
    """Whether somebody has said since then that the database has rightly become smaller."""
    accepted = newest.manifest.shrink_accepted if newest.manifest else None
    return accepted is not None and before.started < accepted


def accepted_since(entries: Iterable[Entry], level: str) -> datetime | None:
    """When a shrink was last accepted, as the manifests of the verified backups hand it on; None for never."""
    good = newest_verified(entries, level)
    return good.manifest.shrink_accepted if good and good.manifest else None


def _jumped(ordered: Sequence[Entry]) -> bool:
    """Whether the newest is far later than the pause between the others, newest first, lets one expect."""
    pauses = [after.started - before.started for after, before in zip(ordered, ordered[1:])]
    usual = sorted(pauses[1:])[len(pauses[1:]) // 2] if len(pauses) > 2 else timedelta.max
    return usual < timedelta.max and pauses[0] > max(_LONG_PAUSE, _USUAL_PAUSES * usual)


def _doubt(
    ordered: Sequence[Entry], good: Sequence[Entry], gone: Sequence[Entry], rules: KeepRules, now: datetime
) -> str:
    """Compares with what would go, too: the backups of a database that became empty long ago must not age out."""
    newest = ordered[0]
    name = newest.path.rsplit("/", 1)[-1]
    if newest.started > now + CLOCK_SLACK:
        return f"the newest backup {name} is dated in the future; check the clock"
    if newest not in good:
        return f"the newest backup {name} is not verified"
    if rules.days and _jumped(ordered):
        return (
            f"the newest backup {name} is dated {(newest.started - ordered[1].started).days} days after the one before it, so the clock "
            "may have jumped; if it is right, the next backup removes what is over"
        )
    for before in [*good[1:2], *(entry for entry in gone if entry in good)]:
        why = doubts(newest, before, rules)
        if why:
            return f"of the newest backup {name}: {why}"
    return ""
