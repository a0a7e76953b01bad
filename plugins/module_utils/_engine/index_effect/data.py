# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, as data: the return values, and the record in the state directory. Pure. No value of a row is in it."""

from __future__ import annotations

from ..outcome import Data
from .report import head_of, shown_effects, statement_of, summary_of, text_of
from .result import Effect, IndexResult, Result
from .verdict import NONE, SLOWER
from .writes import Cost


def data_of(result: Result) -> Data:
    """The documented return values."""
    return {
        "queries": [_query_data(each) for each in shown_effects(result)],
        "indexes": [_index_data(each) for each in result.indexes],
        "not_measured": [{"name": each.name, "reason": each.why} for each in result.skipped],
        "needed": list(result.kept),
        "missing": list(result.missing),
        "suggestion": _advice_data(result),
        "backup": result.backup,
        "rounds": result.rounds,
        "seed": result.seed,
        "load": round(result.load, 2),
        "report": text_of(result),
    }


def _advice_data(result: Result) -> Data | None:
    advice = result.advice
    if advice is None:
        return None
    return {
        "indexes": [each.measured.definition for each in result.indexes],
        "rejected": [{"index": what, "reason": why} for what, why in advice.rejected],
        "file": advice.path,
        "rollback_file": advice.rollback_path,
        "migration": advice.migration,
        "rollback": advice.rollback,
    }


def record_of(result: Result, now: float) -> dict[str, object]:
    """What record.from_json reads: the content of the file in the state directory."""
    idle = [each for each in result.indexes if each.idle and not each.measured.unique] if result.one_by_one else []
    shown = [each for each in result.effects if each.seen]
    return {
        "at": now,
        "head": head_of(result),
        "summary": summary_of(result),
        "effects": [
            [f"{each.query} ({', '.join(each.indexes)})" if result.one_by_one else each.query, each.words]
            for each in shown
        ],
        "idle": [[each.measured.name, each.measured.bytes] for each in idle],
    }


def _query_data(effect: Effect) -> Data:
    verdict = effect.verdict
    timed = bool(effect.rounds)
    return {
        "name": effect.query,
        "statement": statement_of(effect.text) if effect.text else None,
        "indexes": list(effect.indexes),
        "effect": verdict.effect if verdict else NONE,
        "result": effect.words,
        "factor": round(verdict.factor, 3) if verdict else None,
        "spread": round(verdict.spread, 3) if verdict else None,
        "chance": verdict.chance if verdict else None,
        "without_ms": round(effect.without_ms, 4) if timed else None,
        "with_ms": round(effect.present_ms, 4) if timed else None,
        "by_clock": effect.by_clock if timed else None,
        "pages_without": effect.without.pages,
        "pages_with": effect.present.pages,
        "plan_changed": effect.plan_changed,
        "plan_without": effect.without.scans,
        "plan_with": effect.present.scans,
    }


def _index_data(found: IndexResult) -> Data:
    return {
        "name": found.measured.name,
        "table": found.measured.table,
        "bytes": found.measured.bytes,
        "unique": found.measured.unique,
        "build_seconds": round(found.build_seconds, 4),
        "insert": _cost_data(found.costs.insert),
        "update": _cost_data(found.costs.update),
        "serves": list(found.serves),
        "unknown": list(found.unknown),
    }


def _cost_data(cost: Cost | None) -> Data | None:
    if cost is None:
        return None
    return {
        "without_us": round(cost.without, 2),
        "with_us": round(cost.present, 2),
        "factor": round(1 / cost.verdict.factor, 3),
        "spread": round(cost.verdict.spread, 3),
        "seen": cost.verdict.effect == SLOWER,
    }
