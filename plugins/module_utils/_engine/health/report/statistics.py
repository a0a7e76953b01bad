# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statistics report. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypedDict, cast

from ...backups.catalog.entry import Entry
from ...environment.runs_log import RunEntry
from ...index_effect.record import Remembered
from ...outcome import Data
from ...rehearsal.remembered import Rehearsed
from ...text.json_kinds import are_like, objects_of
from ...text.one_line import printable
from .measured import measured_text, rehearsed_text
from .tables import TableSize
from .texts import size_text, table_text

_WEEK = 7 * 86400.0
_SAMPLES, _WHOLE, _LARGEST = 106, 10, 50


class _Sizes(TypedDict):
    at: float
    size: int
    tables: dict[str, int]


class SizeSample(_Sizes, total=False):
    """Sizes as they were remembered: at in seconds since 1970, bytes of the database and of each table.

    cut says that the smaller tables were left out since; findings has the names of the checks that were not ok, of a report
    that asked them.
    """

    cut: bool
    findings: list[str]


class TableRow(TypedDict):
    """A table as the report returns it; None: unknown."""

    name: str
    rows: int | None
    due_rows: int | None
    bytes: int
    index_bytes: int
    growth_bytes: int | None
    dead_rows: int | None


@dataclass(frozen=True)
class Snapshot:
    """What a report is made of; history is the content of health.stats.SAMPLES, now in seconds since 1970."""

    database: str
    size: int
    tables: tuple[TableSize, ...]
    due: dict[str, int] | None
    backups: tuple[Entry, ...]
    runs: tuple[RunEntry, ...]
    history: Mapping[str, Any]
    now: float
    knows_backups: bool = False
    due_unknown: str = ""
    measured: Remembered | None = None
    rehearsed: Rehearsed | None = None


def stats_report(snapshot: Snapshot, top: int) -> tuple[str, Data]:
    """The report's text, and the same as data."""
    earlier = a_week_ago(snapshot)
    moment = datetime.fromtimestamp(snapshot.now, timezone.utc)
    growth = snapshot.size - int(earlier["size"]) if earlier else None
    head = f"Database {printable(snapshot.database)} on {moment:%Y-%m-%d %H:%M} UTC: {size_text(snapshot.size)}, {len(snapshot.tables)} tables"
    if earlier and growth is not None:
        days = (snapshot.now - float(earlier["at"])) / 86400
        head += f", {'+' if growth >= 0 else ''}{size_text(growth)} in {days:.1f} days"
    rows = [_table_data(row, snapshot.due, earlier) for row in snapshot.tables]
    parts = [head, "", _tables_text(rows, top)]
    if snapshot.due is None:
        parts.append(f"Due rows: unknown ({snapshot.due_unknown}).")
    else:
        parts.append(f"Due rows: {sum(snapshot.due.values()):,}")
    parts += ["", _backups_text(snapshot), "", _runs_text(snapshot)]
    if snapshot.measured:
        parts += ["", measured_text(snapshot.measured)]
    if snapshot.rehearsed:
        parts += ["", rehearsed_text(snapshot.rehearsed)]
    data = {
        "database": snapshot.database,
        "size_bytes": snapshot.size,
        "growth_bytes": growth,
        "tables": rows,
        "due_rows": None if snapshot.due is None else sum(snapshot.due.values()),
        "backups": len(snapshot.backups),
        "runs": len(snapshot.runs),
        "failed_runs": sum(1 for run in snapshot.runs if run.get("status")),
    }
    return "\n".join(parts), data


def remembered(
    history: Mapping[str, Any], snapshot: Snapshot, findings: list[str] | None = None
) -> dict[str, list[SizeSample]]:
    """The history with this snapshot; two years of weekly sizes are kept, the older ones of the largest tables only."""
    sizes = {table.name: table.bytes for table in snapshot.tables}
    newest = SizeSample(at=snapshot.now, size=snapshot.size, tables=sizes)
    if findings is not None:
        newest["findings"] = findings
    samples = [*history.get("samples", []), newest][-_SAMPLES:]
    return {"samples": [*map(_cut, samples[:-_WHOLE]), *samples[-_WHOLE:]]}


def history_from_json(data: Mapping[str, Any]) -> dict[str, list[SizeSample]]:
    """What is remembered of earlier reports; a sample that was damaged is left out."""
    whole = {"at": 0.0, "size": 0, "tables": {}}
    return {
        "samples": [
            cast(SizeSample, each)
            for each in objects_of(data.get("samples"))
            if {*whole} <= {*each} and are_like(each, {**whole, "cut": True, "findings": [""]})
        ]
    }


def _cut(sample: SizeSample) -> SizeSample:
    if len(sample["tables"]) <= _LARGEST:
        return sample
    largest = sorted(sample["tables"].items(), key=lambda pair: -pair[1])[:_LARGEST]
    return {**sample, "tables": dict(largest), "cut": True}


def a_week_ago(snapshot: Snapshot) -> SizeSample | None:
    """The sample nearest to a week before now, at least an hour old."""
    samples = [each for each in snapshot.history.get("samples", []) if snapshot.now - float(each["at"]) >= 3600]
    return min(samples, key=lambda each: abs(snapshot.now - _WEEK - float(each["at"])), default=None)


def _table_data(table: TableSize, due: Mapping[str, int] | None, earlier: SizeSample | None) -> TableRow:
    name = table.name
    before = earlier["tables"].get(name) if earlier else None
    return {
        "name": name,
        "rows": table.rows,
        "due_rows": None if due is None else due.get(name, due.get(name.rpartition(".")[2])),
        "bytes": table.bytes,
        "index_bytes": table.index_bytes,
        "growth_bytes": None if before is None else table.bytes - int(before),
        "dead_rows": table.dead,
    }


def _tables_text(rows: list[TableRow], top: int) -> str:
    shown = [
        (
            row["name"],
            "?" if row["rows"] is None else f"{row['rows']:,}",
            "" if row["due_rows"] is None else f"{row['due_rows']:,}",
            size_text(row["bytes"]),
            size_text(row["index_bytes"]),
            "" if row["growth_bytes"] is None else f"{row['growth_bytes'] / 1e6:+,.1f} MB",
        )
        for row in rows[:top]
    ]
    text = table_text(
        ("table", "rows (about)", "due", "size", "of which indexes", "growth"), shown, right=(1, 2, 3, 4, 5)
    )
    rest = rows[top:]
    return text + (f"\nand {len(rest)} more, {size_text(sum(row['bytes'] for row in rest))}" if rest else "")


def _backups_text(snapshot: Snapshot) -> str:
    if not snapshot.knows_backups:
        return "Backups: unknown (give backup_dest)."
    recent = [each for each in snapshot.backups if snapshot.now - each.started.timestamp() < _WEEK]
    proven = [each for each in recent if each.verified_level == "restored"]
    bad = [each for each in snapshot.backups if each.problem]
    text = f"Backups: {len(snapshot.backups)} kept, {len(recent)} of the last 7 days, {len(proven)} of those proven by a restore"
    if bad:
        text += "\n" + "\n".join(
            f"  not to be relied on: {printable(each.path)}: {printable(each.problem)}" for each in bad
        )
    if snapshot.backups:
        newest = snapshot.backups[0]
        text += f"\n  newest: {newest.path}, {size_text(newest.size)}, {newest.finished:%Y-%m-%d %H:%M} UTC, verified: {newest.verified_level}"
    return text


def _runs_text(snapshot: Snapshot) -> str:
    if not snapshot.runs:
        return "Jobs: no run is recorded for the last 7 days."
    names = sorted({str(run["job"]) for run in snapshot.runs})
    rows = []
    for name in names:
        mine = [run for run in snapshot.runs if run["job"] == name]
        failed = [run for run in mine if run.get("status")]
        seconds = sum(float(run.get("seconds", 0)) for run in mine) / len(mine)
        rows.append(
            (
                name,
                str(len(mine)),
                str(len(failed)),
                f"{seconds:.1f} s",
                str(failed[-1].get("message", ""))[:80] if failed else "",
            )
        )
    return "Jobs of the last 7 days:\n" + table_text(
        ("job", "runs", "failed", "mean time", "last failure"), rows, right=(1, 2, 3)
    )
