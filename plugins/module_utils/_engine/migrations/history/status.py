# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the history, the directory and the catalog: read only."""

from __future__ import annotations

from collections.abc import Sequence

from ...outcome import Data
from ...postgres.database import Database
from ..files.migration import Migration
from . import read
from .plan import edited, gone, missing_file


def read_status(database: Database, migrations: Sequence[Migration], history: str) -> Data:
    """migrations, pending, missing, tampered and unfinished."""
    state = read.read(database, history)
    rows = read.applied_facts(database, history) if state else {}
    listed, pending = [], []
    for item in migrations:
        known = state.get(item.sort_key)
        current = known is not None and known.applied and (not item.repeatable or known.checksum == item.checksum)
        status = "applied" if current else "interrupted" if known and known.partial else "pending"
        entry = {"version": item.version, "name": item.name, "file": item.file, "status": status}
        listed.append({**entry, **(rows.get(known.row, {}) if known and known.applied else {})})
        if not current:
            pending.append({**entry, "reversible": item.reversible})
    without_file = gone(migrations, state)
    changed = edited(migrations, state)
    tampered = _tampered(database, changed) if changed else []
    return {
        "migrations": listed,
        "pending": pending,
        "missing": [known.key for known in without_file],
        "warnings": [missing_file(known) for known in without_file],
        "tampered": tampered,
    }


def _tampered(database: Database, changed: Sequence[tuple[Migration, read.Applied]]) -> list[dict[str, str]]:
    """Those whose meaning was changed, each with its difference."""
    from .edits import same_meaning, text_diff  # only then: the lexer costs more than the rest of a run without news

    bodies = [(item, read.body(database, known.row)) for item, known in changed]
    return [
        {"version": item.key, "file": item.file, "diff": text_diff(item, body)}
        for item, body in bodies
        if not same_meaning(body, item.text)
    ]
