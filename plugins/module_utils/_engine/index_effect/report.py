# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, for people. Pure. No value of a row is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..migrations.files.script import shortened, without_literals
from ..text.one_line import printable
from .result import Effect, IndexResult, Result
from .verdict import FASTER, SLOWER, UNKNOWN
from .writes import NEVER_WRITTEN, Cost, Costs

_QUERIES = (
    "query",
    "without ms",
    "with ms",
    "spread",
    "pages without",
    "pages with",
    "result",
    "plan with the indexes",
)
_INDEXES = ("index", "table", "size", "build", "insert pays", "update pays", "serves")


def text_of(result: Result) -> str:
    """The report for a terminal."""
    parts = [head_of(result), ""]
    effects = shown_effects(result)
    if effects:
        parts += [_aligned(_QUERIES, [_query_row(each, result) for each in effects], numbers=(1, 2, 3, 4, 5)), ""]
    if result.one_by_one:
        parts += [_unchanged(result), ""]
    if result.indexes:
        parts += [_aligned(_INDEXES, [_index_row(each, result) for each in result.indexes], numbers=(2, 3)), ""]
    return "\n".join([*parts, *notes_of(result)]).rstrip()


def page_of(result: Result) -> str:
    """The same as a page in Markdown."""
    together = "Each index alone" if result.one_by_one else "The indexes together"
    parts = [f"# {together}: with and without", "", *_method(result), "Made by `titan-db measure --markdown`.", ""]
    return "\n".join([*parts, *_tables(result)]).rstrip() + "\n"


def tables_of(result: Result) -> list[str]:
    """The lines of that page without its title."""
    return [*_method(result), "", *_tables(result)]


def _tables(result: Result) -> list[str]:
    parts: list[str] = []
    effects = shown_effects(result)
    if effects:
        parts += [*_table(_QUERIES, [_query_row(each, result) for each in effects]), ""]
    if result.one_by_one:
        parts += [_unchanged(result), ""]
    if result.indexes:
        parts += [*_table(_INDEXES, [_index_row(each, result) for each in result.indexes]), ""]
    return [*parts, *(f"- {note}" for note in notes_of(result))]


def head_of(result: Result) -> str:
    """One line on what was done."""
    how = "each left out alone" if result.one_by_one else "left out together"
    return (
        f"{result.queries} queries, {len(result.indexes)} indexes {how}, on a copy from {printable(result.backup)}: "
        f"{result.rounds} rounds of without, with, without; seed {result.seed}; PostgreSQL {result.version}; "
        f"load average {result.load:.1f}."
    )


def summary_of(result: Result) -> str:
    """One sentence on what was found."""
    faster = sum(each.verdict is not None and each.verdict.effect == FASTER for each in result.effects)
    slower = sum(each.verdict is not None and each.verdict.effect == SLOWER for each in result.effects)
    idle = sum(each.idle for each in result.indexes)
    noisy = sum(each.verdict is not None and each.verdict.effect == UNKNOWN for each in result.effects)
    again = f" The host was too busy for {noisy} verdict(s): measure again at a quiet hour." if noisy else ""
    if result.advice:
        names = ", ".join(printable(each.measured.name) for each in result.indexes)
        if not names:
            return f"No index is proposed: none makes one of the {result.queries} queries faster that were measured."
        return f"Proposed, and measured to make {faster} of {result.queries} queries faster: {names}."
    return (
        f"{faster} effect(s) make a query faster and {slower} slower; {idle} of {len(result.indexes)} indexes serve none of the "
        f"{result.queries} queries that were measured.{again}"
    )


def notes_of(result: Result) -> list[str]:
    """What else has to be known, a sentence each."""
    notes = []
    for each in result.effects:
        if each.expected and each.expected not in each.present.indexes and not result.one_by_one:
            notes.append(f"{each.query} is expected to use {each.expected}, which its plan does not.")
    notes += [f"{each.query}: {statement_of(each.text)}" for each in shown_effects(result) if each.text]
    notes += [f"{each.name} was not measured: {printable(each.why.rstrip('.'))}." for each in result.skipped]
    clocked = dict.fromkeys(printable(each.query) for each in result.effects if each.by_clock)
    if clocked:
        notes.append(
            f"Timed by the clock, because it waits for a disk or another process, or its own is not seen: {', '.join(clocked)}."
        )
    notes += [f"{each} is not there: another index with the same definition is." for each in result.missing]
    if result.kept:
        notes.append(f"Not left out, because something else needs them: {'; '.join(result.kept)}.")
    if result.advice:
        notes += [f"Not proposed: {printable(what)}: {printable(why)}." for what, why in result.advice.rejected]
        notes += [f"The migration is in {printable(result.advice.path)}."] if result.advice.path else []
    notes += [
        f"What writers pay for {each.measured.name} is unknown: {printable(each.costs.why)}."
        for each in result.indexes
        if each.costs.why
    ]
    return notes


def statement_of(text: str) -> str:
    """A statement of production without the values that its text may hold."""
    return printable(" ".join(shortened(without_literals(text), 200).split()))


def shown_effects(result: Result) -> list[Effect]:
    """All queries; one by one, those that an index changes the plan of."""
    return [each for each in result.effects if not result.one_by_one or each.plan_changed]


def _unchanged(result: Result) -> str:
    changed = len(shown_effects(result))
    pairs = result.queries * len(result.indexes)
    return f"Of {pairs} pairs of a query and an index, {pairs - changed} have the same plan with the index as without: no effect."


def _query_row(effect: Effect, result: Result) -> tuple[str, ...]:
    name = f"{effect.query}, {', '.join(effect.indexes)}" if result.one_by_one else effect.query
    spread = f"{effect.verdict.spread:.1f}" if effect.verdict else ""
    times = (f"{effect.without_ms:.2f}", f"{effect.present_ms:.2f}") if effect.rounds else ("", "")
    pages = (f"{effect.without.pages:,.0f}", f"{effect.present.pages:,.0f}")
    return (printable(name), *times, spread, *pages, effect.words, printable(effect.present.scans))


def _index_row(found: IndexResult, result: Result) -> tuple[str, ...]:
    index = found.measured
    serves = ", ".join(found.serves) or ("" if found.unknown else f"none of the {result.queries} queries")
    if found.unknown:
        serves += f"{', ' if serves else ''}unknown: {', '.join(found.unknown)}"
    if index.unique:
        serves += " (keeps duplicates out)"
    costs = (_cost_text(found.costs, found.costs.insert), _cost_text(found.costs, found.costs.update))
    build = f"{found.build_seconds:.2f} s"
    return (printable(index.name), printable(index.table), _size(index.bytes), build, *costs, printable(serves))


def _cost_text(costs: Costs, cost: Cost | None) -> str:
    if cost is None:
        return "nothing" if costs.why == NEVER_WRITTEN else "unknown"
    if cost.verdict.effect != SLOWER:
        return f"nothing that is seen (spread {cost.verdict.spread:.2f})"
    return f"{cost.present - cost.without:.1f} us ({100 / cost.verdict.factor - 100:+.0f} %)"


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.0f} kB"


def _method(result: Result) -> list[str]:
    how = "each index left out alone" if result.one_by_one else "all indexes left out together"
    return [
        f"{result.queries} queries on a copy of {printable(result.database)} that was restored from a backup, in {result.rounds} rounds of "
        "without, with, without:",
        f"{how}, in a transaction that is rolled back. Each figure is the median over the rounds, and in a",
        "round the least of several executions with warm caches, in random order: what the server's process and the client have",
        "computed, so that waiting for a busy processor is not in it. Two measurements of the same thing differ by the",
        "spread, or less, in nine rounds of ten. There is an effect only where the plan is another one, a rank test over the rounds",
        "says so (one false effect in 1000), and the factor is larger than the spread and 1.2. Writers pay for each row.",
        f"PostgreSQL {result.version}, load average {result.load:.1f} at the end, seed {result.seed}. Read factors, not percents.",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)]


def _aligned(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [cell.rjust(widths[at]) if at in numbers else cell.ljust(widths[at]) for at, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def served_by(effects: Sequence[Effect], effect: str = FASTER) -> Mapping[str, tuple[str, ...]]:
    """By the name of each index the queries that are faster for it, or have another effect: whose plan uses it, and is another one without."""
    found: dict[str, list[str]] = {}
    for each in effects:
        if each.verdict is None or each.verdict.effect != effect:
            continue
        for name in each.indexes:
            if name in each.present.indexes:
                found.setdefault(name, []).append(each.query)
    return {name: tuple(queries) for name, queries in found.items()}
