# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results for people and playbooks, made from the plan. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..outcome import Data, Outcome
from ..text.counted import counted
from ..typed import Any
from .history.plan import Plan, missing_file


def notes(plan: Plan) -> list[str]:
    """What is odd about the directory."""
    said = [missing_file(known) for known in plan.gone]
    return said + [
        f"{item.file} was edited after it was applied, without a change of meaning or by accept_edited; "
        "its checksum in the history is brought up to date."
        for item in plan.amended
    ]


def skipped_indexes(results: Sequence[Any]) -> list[Data]:
    """The indexes that were left out, from Results or Previews."""
    return [
        {
            "version": result.migration.version, "name": result.migration.name, "index": item["name"], "table": item["table"],
            "duplicate_of": item["duplicate_of"],
        }
        for result in results
        for item in result.indexes
        if item["outcome"] == "skipped"
    ]  # fmt: skip


_LISTS = (
    "applied",
    "rolled_back",
    "pending",
    "skipped_indexes",
    "restored_indexes",
    "lint",
    "missing",
    "baseline",
    "rehearsed",
    "warnings",
)


def data_of(**given: Any) -> Data:
    """The return values, empty where nothing is given."""
    return {**{word: [] for word in _LISTS}, "reason": "", **given}


def outcome_of(changed: bool, data: Data, summary: str, plan: Plan) -> Outcome:
    """The outcome of a plan; its diff is the pending SQL."""
    after = "".join(f"-- {item.file}\n{item.text.rstrip()}\n\n" for item in plan.pending)
    after += "".join(f"-- {item.file}: the history takes over the edited text\n" for item in plan.amended)
    skipped = len(data["skipped_indexes"])
    if skipped:
        summary += " " + counted(
            skipped, "index is an exact duplicate and is left out.", "indexes are exact duplicates and are left out."
        )
    return finish(changed, data, summary, after)


def finish(changed: bool, data: Data, summary: str, after: str) -> Outcome:
    """The outcome whose diff shows ``after``."""
    warnings = tuple(data.pop("warnings"))
    return Outcome(changed, data, summary, "", after, warnings)
