# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of all environments: one row each, the worst first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ..environment.status import WORST_FIRST
from ..health.report.sections import moment, state
from ..health.report.texts import size_text
from ..page.charts import spark
from ..page.markup import Markup, element, joined
from ..page.markup import document as whole
from ..page.style import STYLE, WIDE_TABLE
from ..version import VERSION
from .reached import length
from .record import Kept, Reached
from .script import SCRIPT

_FINDINGS, _LETTERS = 3, 160
_HEADS = (
    "state", "host", "environment", "database", "size", "would be lost now", "in 30 days", "restore takes", "of the last restores",
    "last proof", "failed runs in 7 days", "asked", "findings",
)  # fmt: skip


class Row(NamedTuple):
    """A host, and the file of its page ("" for none)."""

    kept: Kept
    page: str


def index(rows: Sequence[Row], now: float) -> str:
    """The page, as HTML that is well-formed XML too. It can be read without its script, which sorts and filters."""
    order = sorted(rows, key=lambda row: (WORST_FIRST.index(state_of(row.kept)), row.kept["name"]))
    count = Counter(state_of(row.kept) for row in rows)
    said = ", ".join(f"{count[word]} {word}" for word in WORST_FIRST if count[word]) or "none"
    silent = [row for row in order if row.kept["failed_since"]]
    head = element("tr", *(element("th", each, scope="col") for each in _HEADS))
    table = element("table", element("thead", head), element("tbody", *map(_row, order)))
    title = f"{len(rows)} environments on {moment(now)}"
    return whole(
        f"{title}: {said}",
        f"{STYLE}\n{WIDE_TABLE}",
        element("h1", title),
        element("p", f"State: {said}."),
        element("ul", *(element("li", _silent(row.kept)) for row in silent)) if silent else "",
        element("div", table, class_="wide", tabindex=0),
        element("p", _EXPLAINED, class_="source"),
        element("p", f"Made by the playbook titan.database.report, version {VERSION}.", class_="source"),
        script=SCRIPT,
    )


_EXPLAINED = (
    "What would be lost: the time since the newest sound backup had begun, or since write-ahead log was archived where a physical "
    "backup can be brought forward with it; in 30 days: the most that a disaster would have cost, the line shows each day. What a "
    "restore takes: as measured by the restore that proved the newest backup. Source: the manifests of the backups, the records of "
    "the jobs and titan-db health of each host, at the time in the column asked."
)


def state_of(kept: Kept) -> str:
    """What is known of the host now: nothing, if it could not be asked."""
    return "unknown" if kept["failed_since"] or kept["record"] is None else kept["record"]["state"]


def _silent(kept: Kept) -> str:
    told = (
        f"; what is shown is of {moment(kept['record']['asked_at'])}" if kept["record"] else "; it has never reported"
    )
    return f"{kept['name']} could not be asked since {moment(kept['failed_since'])}: {_cut(kept['why'])}{told}."


def _row(row: Row) -> Markup:
    kept, record = row.kept, row.kept["record"]
    word = state_of(kept)
    first = [_cell(WORST_FIRST.index(word), state(word)), _cell(kept["name"], _name(row))]
    if record is None:
        return element("tr", *first, *(_cell("", "") for _head in _HEADS[3:]), _cell("", _cut(kept["why"])))
    point, taken = record["recovery_point"], record["recovery_time"]
    proven = record["proven_at"]
    return element(
        "tr",
        *first,
        _cell(record["environment"], record["environment"]),
        _cell(record["database"], record["database"]),
        _cell(record["size"], "unknown" if record["size"] is None else size_text(record["size"])),
        _cell(point["now"], _beside_target(point)),
        _cell(point["worst"], _trend(f"Recovery point of {kept['name']}, 30 days", point)),
        _cell(taken["now"], _beside_target(taken)),
        _cell(taken["worst"], _trend(f"Restores of {kept['name']}", taken)),
        _cell(proven, "never" if proven is None else moment(proven)),
        _cell(record["failed_runs"], f"{record['failed_runs']} of {record['runs']}"),
        _cell(record["asked_at"], _asked(row)),
        _cell(len(record["findings"]), _findings(kept)),
    )


def _cell(key: object, *content: object) -> Markup:
    """A cell, with what it is sorted by: a number, a text, or nothing, which comes last."""
    return element("td", *content, data_key="" if key is None else key)


def _name(row: Row) -> object:
    return element("a", row.kept["name"], href=row.page) if row.page else row.kept["name"]


def _beside_target(reached: Reached) -> Markup:
    now, target = reached["now"], reached["target"]
    shown = "unknown" if now is None else length(now)
    if target is None:
        return joined([shown])
    bad = now is None or now > target
    return joined([element("span", shown, class_="critical" if bad else "ok"), f" (target {length(target)})"])


def _trend(title: str, reached: Reached) -> Markup:
    worst = reached["worst"]
    if worst is None:
        return joined(["unknown"])
    return joined([spark(f"{title}: at most {length(worst)}", reached["trend"]), f" {length(worst)}"])


def _asked(row: Row) -> str:
    record, page_at = row.kept["record"], row.kept["page_at"]
    if record is None:
        return ""
    asked = moment(record["asked_at"])
    return f"{asked}, its page is of {moment(page_at)}" if page_at and page_at < record["asked_at"] - 1 else asked


def _findings(kept: Kept) -> Markup:
    found = kept["record"]["findings"] if kept["record"] else []
    order = sorted(found, key=lambda each: WORST_FIRST.index(each["status"]))
    shown: list[object] = [f"not asked: {_cut(kept['why'])}; "] if kept["failed_since"] else []
    for each in order[:_FINDINGS]:
        shown += [element("span", each["name"], class_=each["status"]), f": {_cut(each['message'])}"]
        shown += [" ", element("code", _cut(each["fix"])), "; "] if each["fix"] else ["; "]
    if len(order) > _FINDINGS:
        shown.append(f"and {len(order) - _FINDINGS} more")
    return joined(shown or ["none"])


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
