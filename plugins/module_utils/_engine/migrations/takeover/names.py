# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names alone say, where nothing can be replayed: that something is not there, and never that it is as the files make it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from ...postgres.database import Database
from ..files.migration import Migration
from ..files.script import Script
from ..run.existing_objects import objects_named
from ..sql.statements import created, dropped, index_declaration, names_in
from .evidence import Evidence


def gather_by_name(database: Database, scripts: Sequence[tuple[Migration, Script]], why: str) -> list[Evidence]:
    """The evidence for every version; objects that a later file drops or renames are left out.

    Args:
        why: Why nothing could be replayed.
    """
    collected: list[Evidence] = []
    later: set[str] = set()
    for migration, script in reversed(scripts):
        evidence = Evidence(migration, doubt=why)
        later |= _undone(script)
        _objects(database, script, {name.lower() for name in later}, evidence)
        collected.append(evidence)
    return collected[::-1]


def _undone(script: Script) -> set[str]:
    names: set[str] = set()
    for statement in script.statements:
        words = statement.key()
        if dropped(statement) or "rename" in words or "drop" in words:
            names |= names_in(statement)
    return names


def _objects(database: Database, script: Script, undone: AbstractSet[str], evidence: Evidence) -> None:
    for statement in script.statements:
        named = created(statement)
        if named is None or named.name.split(".")[-1].strip('"').lower() in undone:
            continue
        if index_declaration(statement, script.text) is not None and not named.name:
            continue
        label = f"{named.kind} {named.name}"
        if objects_named(database, named):
            evidence.there.append(f"{label} (something of this name)")
        else:
            evidence.missing.append(f"{label} is not there")
