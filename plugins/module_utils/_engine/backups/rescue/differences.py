# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rows the live database lacks, in temporary tables of its session.

Nothing is read into memory but counts and a few keys. The copy's keys go into a temporary table of the live session, whose
own types and operators decide what is equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

from ...errors import DatabaseError, OptionError
from ...postgres.database import Database, sql
from ..content.fingerprint import count_and_hash, fix_settings
from .plan import Plan, TablePlan, Wanted, in_order
from .relatives import add_relatives
from .shapes import Shape, read_foreign_keys, read_shapes
from .sides import HASH, Pair, Sides, carry, find_operators, make_keys

_EXAMPLES = 10
_LONGEST = 60  # bytes of an example's text


def find_differences(sides: Sides, wanted: Wanted, say: Callable[[str], None]) -> Plan:
    """Find the rows; those that they need, or that went with them, are found too.

    Raises:
        OptionError: a table or the condition cannot be used.
        DatabaseError: one side cannot be read.
    """
    for database in sides:
        fix_settings(database)
    live, copy = read_shapes(sides.live), read_shapes(sides.copy)
    find_operators(sides.live)
    named = [_named(name, copy) for name in wanted.tables]
    pairs = _pairs(live, copy)
    if wanted.where and len(named) != 1:
        raise OptionError("where", wanted.where, "A condition is for one table: name it in 'tables'.")
    notes = [
        f"Table {label} is in the backup and not in the live database: its rows are not brought."
        for label in sorted(copy.keys() - live.keys())
        if not named or label in named
    ]
    chosen = [pairs[label] for label in named if label in pairs] if named else list(pairs.values())
    if named and not chosen:
        raise OptionError("tables", list(wanted.tables), "None of them is in the live database.")
    differing = _differing(sides, chosen) if not wanted.where else chosen
    tables = {}
    for pair in differing:
        say(f"  comparing {pair.label} ...")
        tables[pair.label] = _compare(sides, pair, wanted.where)
    keys = read_foreign_keys(sides.live)
    if named:
        add_relatives(sides, pairs, tables, [key for key in keys if key.child in pairs and key.parent in pairs])
    kept = [table for table in tables.values() if table.missing or table.changed]
    for table in kept:
        table.examples = _examples(sides.live, table)
    return Plan(in_order(kept, keys), len(chosen) - len(differing), keys, live, notes)


def _named(name: str, copy: Mapping[str, Shape]) -> str:
    found = name if name in copy else f"public.{name}"
    if found not in copy:
        near = sorted(label for label in copy if label.split(".", 1)[1] == name.rsplit(".", 1)[-1])
        hint = f"Did you mean {', '.join(near)}?" if near else "Write SCHEMA.TABLE; a partition is named by its table."
        raise OptionError("tables", name, f"The backup has no such table. {hint}")
    return found


def _pairs(live: Mapping[str, Shape], copy: Mapping[str, Shape]) -> dict[str, Pair]:
    found = {}
    for number, label in enumerate(sorted(live.keys() & copy.keys())):
        computed = {column.name for column in live[label].columns if column.generated}
        has = set(copy[label].names())
        columns = tuple(name for name in live[label].names() if name in has and name not in computed)
        if columns:
            found[label] = Pair(number, live[label], copy[label], columns)
    return found


def _differing(sides: Sides, pairs: Sequence[Pair]) -> list[Pair]:
    """The tables whose rows are not the same. Both sides are read at the same time."""
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(lambda: [_content(sides.copy, pair.copy) for pair in pairs])
        ours = [_content(sides.live, pair.live) for pair in pairs]
        found = theirs.result()
    return [pair for pair, mine, other in zip(pairs, ours, found) if mine != other]


def _content(database: Database, shape: Shape) -> tuple[int, str]:
    return count_and_hash(database, shape.oid, shape.relation())


def _compare(sides: Sides, pair: Pair, where: str) -> TablePlan:
    """Bring the copy's keys here, and find those that are missing and those whose row differs."""
    live = sides.live
    make_keys(live, pair, "known")
    keyed = sql.SQL("SELECT {} FROM {} AS c").format(pair.keys_of("c"), pair.keyed(pair.copy, where))
    try:
        with sides.copy.transaction("BEGIN READ ONLY"):
            known = carry(sides.copy, keyed, live, pair.temporary("known"))
    except DatabaseError as error:
        if where and not error.lost:
            raise OptionError(
                "where", where, f"{error.message}. Write a condition over the columns of {pair.label}."
            ) from error
        raise
    live.execute(sql.SQL("ANALYZE {}").format(pair.temporary("known")))
    make_keys(live, pair, "missing")
    make_keys(live, pair, "changed")
    ours = pair.keyed(pair.live)
    missing = live.execute(
        sql.SQL("INSERT INTO {} SELECT * FROM {} k WHERE NOT EXISTS (SELECT FROM {} l WHERE {})").format(
            pair.temporary("missing"), pair.temporary("known"), ours, pair.same_key("l", "k")
        )
    )
    changed = live.execute(
        sql.SQL("INSERT INTO {} SELECT k.* FROM {} k JOIN {} l ON {} WHERE l.{hash} <> k.{hash}").format(
            pair.temporary("changed"), pair.temporary("known"), ours, pair.same_key("l", "k"), hash=sql.Identifier(HASH)
        )
    )
    total = int(live.value(sql.SQL("SELECT count(*) FROM {}").format(pair.live.relation())))
    live.execute(sql.SQL("ANALYZE {}").format(pair.temporary("missing")))
    live.execute(sql.SQL("TRUNCATE {}").format(pair.temporary("known")))
    return TablePlan(pair, missing, changed, None if where else total - (known - missing))


def _examples(live: Database, table: TablePlan) -> list[str]:
    """Keys of a few missing rows; nothing of a table without a key."""
    if not table.pair.key:
        return []
    rows = live.rows(
        sql.SQL("SELECT {} AS key FROM {} m ORDER BY {} LIMIT {}").format(
            sql.SQL(" || ', ' || ").join(
                sql.SQL("left(m.{}::text, {})").format(sql.Identifier(name), sql.Literal(_LONGEST))
                for name in table.pair.key_names
            ),
            table.pair.temporary("missing"),
            table.pair.keys_of("m", with_hash=False),
            sql.Literal(_EXAMPLES),
        )
    )
    return [row["key"] for row in rows]
