# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the page about what the jobs have left behind: backups and runs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from ...backups.catalog.entry import PHYSICAL, Entry
from ...environment.runs_log import RunEntry
from ...page.charts import Span, calendar, timeline
from ...page.markup import Markup, element, joined, table
from .changes import WEEK
from .days import GLYPHS, WORDS, proof, restore_seconds
from .facts import PageFacts
from .sections import code, moment, section, state
from .texts import size_text

_BACKUPS, _FAILURES = 40, 20


def backups(facts: PageFacts) -> Markup:
    """The calendar, from when to when one can go back, and the kept backups."""
    if not facts.knows_backups:
        return section("Backups", "none", element("p", "Unknown: no backup directory is given (--backup-dest)."))
    count = Counter(day.kind for day in facts.days)
    title = "Backups of the last 90 days: " + ", ".join(
        f"{number} {WORDS[kind]}" for kind, number in count.most_common()
    )
    legend = [
        element(
            "li",
            element("span", GLYPHS[kind] or "(empty)", class_=f"state {kind}"),
            f" {WORDS[kind]}: {count[kind]} days",
        )
        for kind in WORDS
    ]
    rows = [_row(entry, facts.now.timestamp()) for entry in facts.entries[:_BACKUPS]]
    head = ("started", "size", "took", "age", "proof", "proven at", "restore took", "file")
    parts: list[object] = [calendar(title, facts.days), element("ul", *legend), element("p", _reach(facts.entries))]
    if rows:
        parts.append(table(head, rows, numbers=(1, 2, 3, 6)))
    if len(facts.entries) > _BACKUPS:
        parts.append(element("p", f"And {len(facts.entries) - _BACKUPS} older backups."))
    if facts.days and facts.days[-1].kind != "proven":
        parts.append(element("p", "Take one and prove it: ", code(facts.typed("backup"))))
    for entry in [each for each in facts.entries if each.problem][:_FAILURES]:
        parts.append(
            element(
                "p",
                state("failed"),
                f" {entry.path}: {entry.problem}. Ask again: ",
                code(f"{facts.typed('drill')} --source PATH"),
            )
        )
    source = f"the manifests in {facts.backup_place}, {facts.now:%Y-%m-%d %H:%M} UTC; records of the jobs. Days are those of UTC"
    return section("Backups", source, *parts)


def _row(entry: Entry, now: float) -> Sequence[object]:
    seconds = restore_seconds(entry)
    return (
        moment(entry.started.timestamp()),
        size_text(entry.size),
        f"{(entry.finished - entry.started).total_seconds():,.0f} s",
        _age(now - entry.finished.timestamp()),
        state("failed" if entry.problem else proof(entry)),
        moment(entry.verified_at.timestamp()) if entry.verified_at else "",
        f"{seconds:,.0f} s" if seconds else "",
        entry.path,
    )


def _age(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.0f} days"


def _reach(entries: Sequence[Entry]) -> str:
    sound = [entry for entry in entries if not entry.problem]
    if not sound:
        return "Nothing can be recovered: there is no sound backup."
    first, last = (moment(pick(entry.started.timestamp() for entry in sound)) for pick in (min, max))
    between = "nothing between them"
    if any(each.format == PHYSICAL for each in sound):
        between = "after one by pgBackRest any moment as far as its WAL is archived"
    return f"Recoverable: the moments of {len(sound)} backups, the first of {first}, the last of {last}, and {between}."


def jobs(facts: PageFacts) -> Markup:
    """The week as a timeline, then each job in numbers, its failures, and which ran at the same time."""
    now = facts.now.timestamp()
    week = [run for run in facts.runs if run["start"] >= now - WEEK]
    where = f"records of the jobs, {facts.now:%Y-%m-%d %H:%M} UTC"
    if facts.hidden:
        return section(
            "Jobs of the week", where, element("p", f"Unknown: the records are those of the user {facts.hidden}.")
        )
    if not week:
        return section("Jobs of the week", where, element("p", "No run is recorded for the last 7 days."))
    names = sorted({run["job"] for run in week})
    spans = [
        (
            name,
            [
                Span(run["start"], run["start"] + run["seconds"], bool(run["status"]))
                for run in week
                if run["job"] == name
            ],
        )
        for name in names
    ]
    ticks = [f"{facts.now - timedelta(days=7 - number):%a %d}" for number in range(7)]
    failed = [run for run in week if run["status"]]
    title = f"{len(week)} runs of {len(names)} jobs in 7 days, {len(failed)} of which failed"
    rows = [_job_row(name, [run for run in week if run["job"] == name], facts) for name in names]
    head = ("job", "runs", "failed", "mean time", "longest", "newest run")
    parts: list[object] = [timeline(title, spans, now - WEEK, now, ticks), table(head, rows, numbers=(1, 2, 3, 4))]
    if failed:
        shown = [
            (moment(run["start"]), run["job"], run["status"], run["message"], code(_look(facts, run["job"])))
            for run in failed[-_FAILURES:]
        ]
        parts.append(table(("failed at", "job", "status", "message", "look"), shown))
    both = overlaps(week)
    words = [
        f"{first} and {second} ran at the same time {count} times." for (first, second), count in both.most_common(10)
    ]
    parts.append(
        element("p", " ".join(words) or "No two jobs ran at the same time (health, which only reads, is left out).")
    )
    return section("Jobs of the week", where, joined(parts))


def _job_row(name: str, runs: Sequence[RunEntry], facts: PageFacts) -> Sequence[object]:
    seconds = [run["seconds"] for run in runs]
    bad = sum(1 for run in runs if run["status"])
    last = runs[-1]
    ended = element(
        "span",
        f"{moment(last['start'])}: {'failed' if last['status'] else 'ok'}",
        class_="failed" if last["status"] else "ok",
    )
    return name, len(runs), bad, f"{sum(seconds) / len(seconds):.1f} s", f"{max(seconds):.1f} s", ended


def _look(facts: PageFacts, job: str) -> str:
    return next((f"tail {plan.log}" for plan in facts.plans if plan.name == job and plan.log), "")


def overlaps(runs: Sequence[RunEntry]) -> Counter[tuple[str, str]]:
    """How often two jobs ran at the same time, by their names; health is left out."""
    found: Counter[tuple[str, str]] = Counter()
    going: list[tuple[float, str]] = []
    for run in sorted((run for run in runs if run["job"] != "health"), key=_start):
        going = [each for each in going if each[0] > run["start"]]
        for _end, name in going:
            if name != run["job"]:
                first, second = sorted((name, run["job"]))
                found[first, second] += 1
        going.append((run["start"] + run["seconds"], run["job"]))
    return found


def _start(run: RunEntry) -> float:
    return run["start"]
