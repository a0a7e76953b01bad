# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode says about the indexes of a file that nothing has been run of."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from ..sql.statements import index_declaration, moves_names, names_in
from .decision import OUTCOMES, FileIndexes, index_record
from .rules import BUILD, SKIP


def predict(indexes: FileIndexes, touched: AbstractSet[str], first: bool) -> None:
    """Decide, for check mode, by the database of now, as far as it tells what the statements will find.

    Args:
        touched: Every name in the files that run before this one.
        first: No statement comes before this file.

    Raises:
        TitanError: an index is not what the file declares, or the declaration is wrong.
    """
    seen: set[str] = set(touched)
    moved, sure = False, first
    for statement in indexes.script.statements:
        declaration = index_declaration(statement, indexes.script.text)
        if declaration is None:
            seen |= names_in(statement)
            moved, sure = moved or moves_names(statement), False
            continue
        table = declaration.table.rsplit(".", 1)[-1].strip('"')
        known = {name for name in (declaration.name, table, table.lower()) if name}
        verdict = None
        if not known & seen and not (moved and "." not in declaration.table):
            verdict = indexes.predicted(statement, declaration, sure)
        if verdict and verdict.action == SKIP and (verdict.duplicate_of in seen or {"drop", "execute"} <= seen):
            verdict = replace(verdict, action=BUILD)
        indexes.records.append(index_record(declaration, verdict, OUTCOMES[verdict.action] if verdict else "built"))
        seen.add(declaration.name)
