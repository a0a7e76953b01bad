# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the history of another tool over: what its table says has run is recorded as said by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...outcome import Call
from ...postgres.database import Database
from ...postgres.lost_reply import asked_transaction
from ...steps import step
from ..files.directory import read_directory
from ..files.migration import Migration
from ..files.naming import SQITCH
from ..files.planned import PLAN, project_of
from ..history import drift
from ..history.plan import Plan
from ..history.read import full_version
from ..history.write import Attempt, insert, now
from ..indexes.standing import record_found
from ..run.begin import begin
from .baseline import gather_evidence
from .evidence import ABSENT, PARTLY, Evidence, TakenOver
from .foreign_history import Statement, read_foreign
from .tools import TOOLS


def adopt(call: Call, database: Database, plan: Plan, migrations: Sequence[Migration]) -> TakenOver:
    """Record the pending migrations that the other tool says it has applied.

    Raises:
        OptionError, TitanError: see read_foreign.
    """
    tool = call.options["from"]
    statements, unmatched = read_foreign(database, tool, migrations, _project(call.options))
    due = {item.key for item in plan.pending}
    statements = [item for item in statements if item.migration.key in due]
    proofs: dict[str, Evidence] = {}
    warnings: list[str] = []
    if statements:
        evidence, warnings = gather_evidence(call, database, plan, migrations)
        proofs = {item.migration.key: item for item in evidence}
    if statements and not (call.check_mode or call.options["rehearse"]):
        _record(database, call.options["history"] or "", tool, statements, proofs)
    title = TOOLS[tool].title
    warnings += [f"{title} has applied {version}, and no file has this version." for version in unmatched]
    warnings += [warning for item in statements for warning in _doubts(title, item, proofs.get(item.migration.key))]
    listed = [_listed(tool, item, proofs.get(item.migration.key)) for item in statements]
    would = "would be" if call.check_mode or call.options["rehearse"] else "were"
    summary = f"{len(statements)} migrations {would} taken over from {title}; {len(due) - len(statements)} are pending."
    after = "".join(f"-- {item.migration.file}: recorded by {tool} as applied\n" for item in statements)
    changed = bool(statements) and not (call.options["rehearse"] and not call.check_mode)
    return TakenOver(changed, listed, warnings, summary, after)


def _project(options: Mapping[str, Any]) -> str:
    """The project of the files, as their plan names it."""
    if options["naming"] != SQITCH:
        return ""
    sent = options["files"] if options.get("files") is not None else read_directory(options["path"], SQITCH)
    return next((project_of(item["content"]) for item in sent if item["name"] == PLAN), "")


def _record(
    database: Database, history: str, tool: str, statements: Sequence[Statement], proofs: dict[str, Evidence]
) -> None:
    begun, executor = begin(database, history)
    step("migration.adopt")
    with asked_transaction(database, "migration"):
        for item in statements:
            attempt = Attempt(item.migration, "baseline", now(database), item.migration.text)
            proof = proofs.get(item.migration.key)
            attempt.details = {
                "source": tool,
                "said": {"version": item.migration.key, "at": item.at, "same_file": item.same_file},
                "there": proof.there if proof else [],
                "missing": proof.missing if proof else [],
            }
            insert(database, executor, attempt, "applied")
            if proof and proof.duplicates:
                record_found(database, proof.duplicates, full_version(history, item.migration.key))
        step("migration.adopt_commit")
    drift.save(database, begun, {name for item in proofs.values() for name in item.there})


def _listed(tool: str, item: Statement, proof: Evidence | None) -> dict[str, object]:
    shown = proof.as_dict() if proof else {"version": item.migration.key, "name": item.migration.name}
    return {
        **shown, "verdict": f"said by {tool}", "replay": proof.verdict if proof else "", "at": item.at, "same_file": item.same_file,
    }  # fmt: skip


def _doubts(title: str, item: Statement, proof: Evidence | None) -> list[str]:
    doubts = []
    if item.same_file is False:
        doubts.append(f"{item.migration.file} is not the text that {title} ran: its checksum differs.")
    if proof and proof.verdict in (ABSENT, PARTLY):
        doubts.append(f"{title} says that {item.migration.file} has run, but: {'; '.join(proof.missing[:20])}.")
    return doubts
