# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that the missing ones need, and rows that went with them: found through the foreign keys, in the copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...postgres.database import Database, sql
from ...text.listed import listed
from .plan import TablePlan
from .shapes import ForeignKey
from .sides import Pair, Sides, carry, make_keys, same, tell_copy


def add_relatives(
    sides: Sides, pairs: Mapping[str, Pair], tables: dict[str, TablePlan], keys: Sequence[ForeignKey]
) -> None:
    """Add the parents that the rows need, and the children that went with them, until nothing is added any more."""
    grown, asked = True, dict[tuple[ForeignKey, bool], int]()
    while grown:
        grown = False
        for key in keys:
            if not {key.child, key.parent} <= pairs.keys():
                continue
            for from_label, to_label, reason, downwards in (
                (key.child, key.parent, f"rows of {key.child} refer to it", False),
                (key.parent, key.child, f"its rows were deleted with those of {key.parent}", True),
            ):
                if key.child == key.parent and not downwards:
                    continue  # what a condition left out would come along, downwards again
                known = tables.get(from_label)
                if not known or not known.missing or downwards and (key.action != "c" or known.needed_only):
                    continue
                if asked.get((key, downwards)) == known.missing:
                    continue  # the rows that it leads to are known
                asked[key, downwards] = known.missing
                tell_missing(sides, known)
                target = tables.get(to_label) or _empty(sides.live, pairs[to_label], reason, not downwards)
                added = _add_related(sides, key, known.pair, target, downwards)
                if added:
                    tables[to_label] = target
                    target.missing += added
                    grown = True
    _name_orphans(sides, pairs, tables, keys)
    _name_left_behind(sides, pairs, tables, keys)


def tell_missing(sides: Sides, table: TablePlan) -> None:
    """Let the copy's session know the keys of the missing rows, if it does not."""
    if table.told != table.missing:
        tell_copy(sides, table.pair, "missing")
        table.told = table.missing


def _empty(live: Database, pair: Pair, reason: str, needed_only: bool) -> TablePlan:
    make_keys(live, pair, "missing")
    return TablePlan(pair, reason=reason, needed_only=needed_only)


def _related(key: ForeignKey, known: Pair, wanted: Pair, downwards: bool) -> Any:
    """A query on the copy for the keys of rows that a foreign key ties to the missing ones of the other table."""
    mine, theirs = key.parent_columns, key.child_columns
    if downwards:
        mine, theirs = theirs, mine
    return sql.SQL(
        "SELECT {} FROM {} AS w WHERE EXISTS (SELECT FROM {} AS c JOIN {} AS m ON {} WHERE {})"
    ).format(
        wanted.keys_of("w"), wanted.keyed(wanted.copy), known.keyed(known.copy), known.temporary("missing"),
        known.same_key("c", "m"), same("w", mine, "c", theirs),
    )  # fmt: skip


def _add_related(sides: Sides, key: ForeignKey, known: Pair, target: TablePlan, downwards: bool) -> int:
    gone = _gone(sides, key, known, target.pair, downwards, planned=True)
    if gone is None:
        return 0
    return sides.live.execute(sql.SQL("INSERT INTO {} {}").format(target.pair.temporary("missing"), gone))


def _gone(sides: Sides, key: ForeignKey, known: Pair, wanted: Pair, downwards: bool, planned: bool) -> Any | None:
    """A query on the live side for the keys of related rows that it lacks and that are not planned; None if the copy has no such key.

    Args:
        planned: Whether some rows of the wanted table are planned.
    """
    if not {*key.parent_columns} <= {*(known.copy if downwards else wanted.copy).names()}:
        return None
    make_keys(sides.live, wanted, "more")
    carry(sides.copy, _related(key, known, wanted, downwards), sides.live, wanted.temporary("more"))
    return sql.SQL("SELECT * FROM {} k WHERE NOT EXISTS (SELECT FROM {} l WHERE {}){}").format(
        wanted.temporary("more"), wanted.keyed(wanted.live), wanted.same_key("l", "k"),
        sql.SQL(" AND NOT EXISTS (SELECT FROM {} m WHERE {})").format(wanted.temporary("missing"), wanted.same_key("m", "k"))
        if planned else sql.SQL(""),
    )  # fmt: skip


def _name_left_behind(
    sides: Sides, pairs: Mapping[str, Pair], tables: Mapping[str, TablePlan], keys: Sequence[ForeignKey]
) -> None:
    """Say what went with parents that are brought for the rows that need them, and is not brought itself."""
    for label, parent in tables.items():
        if not (parent.needed_only and parent.missing):
            continue
        found = []
        for key in keys:
            if key.parent != label or key.action != "c" or key.child == label:
                continue
            if key.child not in pairs:
                found.append(f"rows of {key.child}, which was not looked at")
                continue
            tell_missing(sides, parent)
            gone = _gone(sides, key, parent.pair, pairs[key.child], True, planned=key.child in tables)
            number = 0 if gone is None else sides.live.value(sql.SQL("SELECT count(*) FROM ({}) AS found").format(gone))
            if number:
                found.append(f"{number} rows of {key.child}")
        if found:
            parent.notes.append(
                f"What else may have been deleted with them is not put back: {listed(found)}. Name {label} in 'tables' for that."
            )


def _name_orphans(
    sides: Sides, pairs: Mapping[str, Pair], tables: Mapping[str, TablePlan], keys: Sequence[ForeignKey]
) -> None:
    """Say which rows lost their reference when their parent went (ON DELETE SET NULL): they are there, but changed."""
    for key in keys:
        parent = tables.get(key.parent)
        if key.action in ("n", "d") and parent and parent.missing:
            if key.child not in pairs:
                parent.notes.append(
                    f"Rows of {key.child} may have referred to them and do so no more (ON DELETE SET NULL or DEFAULT): name that table, too, "
                    "with 'changed'."
                )
                continue
            tell_missing(sides, parent)
            number = sides.copy.value(
                sql.SQL("SELECT count(*) FROM ({}) AS found").format(_related(key, parent.pair, pairs[key.child], True))
            )
            if number:
                parent.notes.append(
                    f"{number} rows of {key.child} referred to them and do so no more (ON DELETE SET NULL or DEFAULT): "
                    "name that table too, with 'changed'."
                )
