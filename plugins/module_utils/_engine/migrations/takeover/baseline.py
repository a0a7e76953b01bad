# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record migrations that somebody applied by hand, only where the database proves it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database
from ..files.naming import Migration
from ..files.script import Script
from ..history.records import IndexRecord
from ..indexes.catalog import decide
from ..indexes.rules import FOUND, SKIP
from ..run.existing_objects import objects_named
from ..sql.statements import created, dropped, index_declaration, names_in

PROVEN, PARTLY, ABSENT, UNPROVEN = "proven", "partly", "absent", "unproven"


@dataclass
class Evidence:
    """What speaks for and against one version: sentences each."""

    migration: Migration
    there: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    indexes: list[IndexRecord] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        if self.missing:
            return PARTLY if self.there else ABSENT
        return PROVEN if self.there else UNPROVEN

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": self.migration.version, "name": self.migration.name, "verdict": self.verdict,
            "there": self.there, "missing": self.missing,
        }  # fmt: skip


def gather_evidence(database: Database, scripts: Sequence[tuple[Migration, Script]]) -> list[Evidence]:
    """The evidence for every version; objects that a later file drops or renames prove nothing and are left out."""
    collected = []
    later: set[str] = set()
    for migration, script in reversed(scripts):
        evidence = Evidence(migration)
        _headers(database, script, evidence)
        _objects(database, script, later, evidence)
        collected.append(evidence)
        later |= _undone(script)
    return collected[::-1]


def _undone(script: Script) -> set[str]:
    names: set[str] = set()
    for statement in script.statements:
        words = statement.key()
        if dropped(statement) or "rename" in words or "drop" in words:
            names |= names_in(statement)
    return names


def _headers(database: Database, script: Script, evidence: Evidence) -> None:
    for line, query in script.headers.verify:
        try:
            with database.transaction("BEGIN READ ONLY"):
                value = database.value(query)
        except DatabaseError as error:
            evidence.missing.append(f"verify (line {line}): {error.message}")
            continue
        if value is True:
            evidence.there.append(f"verify (line {line})")
        else:
            evidence.missing.append(f"verify (line {line}) is {'null' if value is None else str(value).lower()}")


def _objects(database: Database, script: Script, later: AbstractSet[str], evidence: Evidence) -> None:
    seen_later = later | _undone(script)
    for statement in script.statements:
        declaration = index_declaration(statement, script.text)
        if declaration is not None:
            if declaration.name and declaration.name not in seen_later:
                _index(database, script, declaration, evidence)
            continue
        named = created(statement)
        if named is None or named.name.split(".")[-1].strip('"').lower() in {name.lower() for name in seen_later}:
            continue
        label = f"{named.kind} {named.name}"
        (evidence.there if objects_named(database, named) else evidence.missing).append(label)


def _index(database: Database, script: Script, declaration: Any, evidence: Evidence) -> None:
    label = f"index {declaration.name}"
    try:
        verdict = decide(database, declaration, "skip", script.file)
    except TitanError as error:
        evidence.missing.append(f"{label}: {error.message}")
        return
    if verdict is None:
        evidence.missing.append(f"{label}: its table {declaration.table} is not there")
    elif verdict.action == FOUND:
        evidence.there.append(label)
    elif verdict.action == SKIP:
        evidence.there.append(f"{label} (its duplicate {verdict.duplicate_of} is there)")
    else:
        evidence.missing.append(f"{label} is {'INVALID' if verdict.action == 'rebuild' else 'not there'}")
    if verdict is not None and verdict.action in (FOUND, SKIP):
        evidence.indexes.append(
            {"name": declaration.name, "schema": verdict.schema, "table": verdict.table, "line": declaration.line,
             "outcome": "found" if verdict.action == FOUND else "skipped", "duplicate_of": verdict.duplicate_of, "bytes": 0}
        )  # fmt: skip
