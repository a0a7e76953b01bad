# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CREATE OR REPLACE VIEW cannot change of a column whose type stays: its length, and its collation."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import DatabaseError
from ...postgres.database import Database
from ...text.quoted import quoted_name

# Planned, and never run: what is joined comes behind ON false.
_NOTHING_OF = "SELECT {} FROM (SELECT 1 AS one) AS one LEFT JOIN {} AS q ON false"


def finer_difference(database: Database, view: str, query: str, columns: Sequence[str], names: Sequence[str]) -> str:
    """A sentence for the first such column; empty if there is none, or if it cannot be told.

    Args:
        view: The view that is there, as written.
        query: The one that it shall be.
        columns: The query's columns, quoted.
        names: The view's, which are the query's first.
    """
    here = [f"q.{quoted_name(name)}" for name in names]
    there = [f"q.{name}" for name in columns[: len(names)]]
    try:
        with database.transaction("BEGIN READ ONLY"):
            both = ((here, view), (there, f"({query}\n)"))
            lengths = [_lengths(database, _NOTHING_OF.format(", ".join(part), what)) for part, what in both]
            collations = [_collations(database, part, what) for part, what in both]
    except DatabaseError as error:
        if error.lost:
            raise
        return ""
    last = "Drop it first, in this file or by hand."
    for at, name in enumerate(names):
        if lengths[0][at] != lengths[1][at]:
            return f"the view {view} already exists, its column {name} has another length, which CREATE OR REPLACE cannot change. {last}"
        if collations[0][at] != collations[1][at]:
            return (
                f"the view {view} already exists, its column {name} has the collation {collations[0][at]}; CREATE OR REPLACE cannot make it "
                f"{collations[1][at]}. {last}"
            )
    return ""


def _lengths(database: Database, query: str) -> list[tuple[object, ...]]:
    """Length, precision and scale of each column."""
    return [(column.internal_size, column.precision, column.scale) for column in database.columns(query)]


def _collations(database: Database, columns: Sequence[str], what: str) -> list[str | None]:
    asked = ", ".join(f"pg_catalog.pg_collation_for({name}) AS c{at}" for at, name in enumerate(columns))
    row = database.row(_NOTHING_OF.format(asked, what)) or {}
    return [row[f"c{at}"] for at in range(len(columns))]
