# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed since last week, in sentences. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...environment.runs_log import RunEntry
from ...text.listed import listed
from .facts import PageFacts
from .texts import size_text

WEEK = 7 * 86400.0
_MUCH = 1_000_000  # bytes by which a table grows or shrinks before it is worth a sentence
_MOST = 5


def changes(facts: PageFacts) -> list[str]:
    """The sentences, the most important first."""
    now = facts.now.timestamp()
    week = [run for run in facts.runs if run["start"] >= now - WEEK]
    before = [run for run in facts.runs if now - 2 * WEEK <= run["start"] < now - WEEK]
    return [
        *_of_health(facts),
        *(
            [f"Jobs: unknown, their records are those of the user {facts.hidden}."]
            if facts.hidden
            else _of_jobs(week, before)
        ),
        *_of_backups(facts, now),
        *_of_size(facts),
        *_of_retention(week, before),
        *_of_migrations(facts, now),
        *_of_rehearsal(facts, now),
    ]


def _of_health(facts: PageFacts) -> list[str]:
    bad = {check["name"] for check in facts.checks if check["status"] != "ok"}
    earlier = facts.earlier.get("findings") if facts.earlier else None
    if earlier is None:
        return [f"Health: {listed(sorted(bad), _MOST) or 'all checks are ok'}."]
    new, gone = sorted(bad - set(earlier)), sorted(set(earlier) - bad)
    said = [f"New findings of health: {listed(new, _MOST)}."] if new else []
    said += [f"No longer found by health: {listed(gone, _MOST)}."] if gone else []
    stay = sorted(bad & set(earlier))
    return said + ([f"Still found by health: {listed(stay, _MOST)}."] if stay else []) or [
        "Health: all checks are ok, as before."
    ]


def _of_jobs(week: Sequence[RunEntry], before: Sequence[RunEntry]) -> list[str]:
    failed = Counter(run["job"] for run in week if run["status"])
    earlier = Counter(run["job"] for run in before if run["status"])
    if not week:
        return ["Jobs: no run is recorded for the last 7 days."]
    said = [
        f"{name} failed {_times(count)} in 7 days ({earlier[name]} in the 7 days before)."
        for name, count in failed.most_common(_MOST)
    ]
    said += [
        f"{name} failed {_times(count)} in the week before, and not since."
        for name, count in earlier.items()
        if name not in failed
    ][:_MOST]
    return said or [f"Jobs: {len(week)} runs in 7 days, none failed."]


def _of_backups(facts: PageFacts, now: float) -> list[str]:
    if not facts.knows_backups:
        return ["Backups: unknown, no backup directory is given."]
    week = facts.days[-7:]
    count = Counter(day.kind for day in week)
    said = [f"Backups: of the last 7 days {count['proven']} have one that a restore has proven"]
    for kind, words in (
        ("checksum", "only a checked one"),
        ("unproven", "an unverified one"),
        ("failed", "a failed one"),
        ("missing", "none"),
    ):
        if count[kind]:
            said.append(f"{count[kind]} {words}")
    bad = [entry for entry in facts.entries if entry.problem]
    more = [f"{len(bad)} of the kept backups must not be relied on."] if bad else []
    return [", ".join(said) + ".", *more]


def _of_size(facts: PageFacts) -> list[str]:
    earlier = facts.earlier
    if not earlier:
        return ["Size: there is no earlier report to compare with."]
    by, days = facts.size - int(earlier["size"]), (facts.now.timestamp() - float(earlier["at"])) / 86400
    said = [
        f"The database {'grew' if by >= 0 else 'shrank'} by {size_text(abs(by))} in {days:.1f} days, to {size_text(facts.size)}."
    ]
    known: Mapping[str, Any] = earlier["tables"]
    grown = [(row["growth_bytes"], row["name"]) for row in facts.tables if row["growth_bytes"] is not None]
    for bytes_, name in sorted(grown, key=_by_size)[:3]:
        if bytes_ is not None and abs(bytes_) >= _MUCH:
            said.append(f"Table {name} {'grew' if bytes_ > 0 else 'shrank'} by {size_text(abs(bytes_))}.")
    if not earlier.get("cut"):
        names = {row["name"] for row in facts.tables}
        new, gone = sorted(names - set(known)), sorted(set(known) - names)
        said += [f"New tables: {listed(new, _MOST)}."] if new else []
        said += [f"Tables that are gone: {listed(gone, _MOST)}."] if gone else []
    return said


def _by_size(pair: tuple[int | None, str]) -> int:
    return -abs(pair[0] or 0)


def _of_retention(week: Sequence[RunEntry], before: Sequence[RunEntry]) -> list[str]:
    now, then = deleted_rows(week), deleted_rows(before)
    return [
        f"Policy {name}: {now[name]:,} rows deleted or marked in 7 days ({then[name]:,} in the 7 days before)."
        for name in sorted(now)
        if now[name]
    ][:_MOST]


def _of_migrations(facts: PageFacts, now: float) -> list[str]:
    new = [each for each in facts.schema.attempts if each.started >= now - WEEK]
    said = [f"Migration {each.version} ({each.name}): {each.outcome.replace('_', ' ')}." for each in new[:_MOST]]
    return said + ([f"And {len(new) - _MOST} more attempts at migrations."] if len(new) > _MOST else [])


def _of_rehearsal(facts: PageFacts, now: float) -> list[str]:
    rehearsed = facts.rehearsed
    return (
        [f"Rehearsal of the pending migrations: {rehearsed.words}."] if rehearsed and rehearsed.at >= now - WEEK else []
    )


def deleted_rows(runs: Sequence[RunEntry]) -> Counter[str]:
    """The rows that runs have deleted or marked, by policy."""
    found: Counter[str] = Counter()
    for run in runs:
        for name, (_due, done) in run.get("policies", {}).items():
            found[name] += int(done)
    return found


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
