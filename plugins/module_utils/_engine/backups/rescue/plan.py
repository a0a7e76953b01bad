# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rows the live database lacks, in temporary tables of its session: what a rescue would bring, and in which order.

Nothing is read into memory but counts and a few keys. The copy's keys go into a temporary table of the live session, whose
own types and operators decide what is equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple

from ...errors import DatabaseError, OptionError
from ...postgres.database import Database, sql
from ..content.fingerprint import count_and_hash, fix_settings
from .shapes import ForeignKey, Shape, read_foreign_keys, read_shapes
from .sides import HASH, Pair, Sides, carry, make_keys, same, tell_copy

_EXAMPLES = 10
_LONGEST = 60  # bytes of an example's text


class Wanted(NamedTuple):
    """What to look for.

    Attributes:
        tables: "schema.table", or "table" in public; empty for all.
        where: SQL condition over the columns of the one table; empty for all rows.
        changed: Also rows that are in both and differ.
        skip_conflicts: Leave out rows that cannot be brought, and those that refer to them.
        without_triggers: Bring the rows without firing the tables' triggers.
    """

    tables: tuple[str, ...] = ()
    where: str = ""
    changed: bool = False
    skip_conflicts: bool = False
    without_triggers: bool = False


@dataclass
class TablePlan:
    """What is planned for one table.

    Attributes:
        missing: Rows that the live table lacks and that are brought.
        changed: Rows that differ; put back only if that is wanted.
        new: Rows that only the live table has; None if that was not counted.
        skipped: Rows that are left out, because they cannot be brought.
        examples: Keys of missing rows, as text.
        reason: Why a table is here that was not asked for.
        needed_only: Whether it is here for rows that refer to it: what else referred to its rows is not wanted.
        notes: Sentences about what is lost, or what fires.
        problems: Sentences about what is in the way.
        sequences: Sequences that are moved ahead, quoted, with the value that they get.
    """

    pair: Pair
    missing: int = 0
    changed: int = 0
    new: int | None = None
    skipped: int = 0
    examples: list[str] = field(default_factory=list)
    reason: str = ""
    needed_only: bool = False
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        return {
            "table": self.pair.label, "missing": self.missing, "changed": self.changed, "new": self.new,
            "skipped": self.skipped, "examples": self.examples, "reason": self.reason, "notes": self.notes,
        }  # fmt: skip


@dataclass
class Plan:
    """All that is planned.

    Attributes:
        tables: In the order in which their rows can be brought.
        equal: Tables that are the same on both sides.
        foreign_keys: Of the live database.
        live: The live database's tables.
        notes: Sentences about tables of one side only.
    """

    tables: list[TablePlan]
    equal: int
    foreign_keys: list[ForeignKey]
    live: Mapping[str, Shape]
    notes: list[str]

    @property
    def rows(self) -> int:
        return sum(table.missing for table in self.tables)


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
        _close(sides, pairs, tables, [key for key in keys if key.child in pairs and key.parent in pairs])
    kept = [table for table in tables.values() if table.missing or table.changed]
    for table in kept:
        table.examples = _examples(sides.live, table)
    return Plan(in_order(kept, keys), len(chosen) - len(differing), keys, live, notes)


def find_operators(live: Database) -> None:
    """Let the comparison of keys find the operators of types that extensions brought."""
    rows = live.rows(
        "SELECT DISTINCT n.nspname::text AS schema FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
        "JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e' "
        "WHERE n.nspname <> 'pg_catalog' ORDER BY 1"
    )
    path = sql.SQL(", ").join(map(sql.Identifier, ["pg_catalog", *(row["schema"] for row in rows)]))
    live.execute(sql.SQL("SET search_path = {}").format(path))


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


def _close(sides: Sides, pairs: Mapping[str, Pair], tables: dict[str, TablePlan], keys: Sequence[ForeignKey]) -> None:
    """Add the parents that the rows need, and the children that went with them, until nothing is added any more."""
    carried: dict[str, int] = {}
    grown = True
    while grown:
        grown = False
        for key in keys:
            for from_label, to_label, reason in (
                (key.child, key.parent, f"rows of {key.child} refer to it"),
                (key.parent, key.child, f"its rows went with those of {key.parent}"),
            ):
                known, downwards = tables.get(from_label), to_label == key.child
                if not known or not known.missing or downwards and (key.action != "c" or known.needed_only):
                    continue
                if carried.get(from_label) != known.missing:
                    tell_copy(sides, known.pair, "missing")
                    carried[from_label] = known.missing
                target = tables.get(to_label) or _empty(sides.live, pairs[to_label], reason, not downwards)
                added = _add_related(sides, key, known.pair, target)
                if added:
                    tables[to_label] = target
                    target.missing += added
                    grown = True
    _name_orphans(sides, pairs, tables, keys)


def _empty(live: Database, pair: Pair, reason: str, needed_only: bool) -> TablePlan:
    make_keys(live, pair, "missing")
    return TablePlan(pair, reason=reason, needed_only=needed_only)


def _related(key: ForeignKey, known: Pair, wanted: Pair) -> Any:
    """A query on the copy for the keys of rows that a foreign key ties to the missing ones of the other table."""
    mine, theirs = key.parent_columns, key.child_columns
    if known.label == key.parent and wanted.label == key.child:
        mine, theirs = theirs, mine
    return sql.SQL(
        "SELECT {} FROM {} AS w WHERE EXISTS (SELECT FROM {} AS c JOIN {} AS m ON {} WHERE {})"
    ).format(
        wanted.keys_of("w"), wanted.keyed(wanted.copy), known.keyed(known.copy), known.temporary("missing"),
        known.same_key("c", "m"), same("w", mine, "c", theirs),
    )  # fmt: skip


def _add_related(sides: Sides, key: ForeignKey, known: Pair, target: TablePlan) -> int:
    live, pair = sides.live, target.pair
    if not {*key.parent_columns} <= {*(known.copy if known.label == key.parent else pair.copy).names()}:
        return 0
    make_keys(live, pair, "more")
    carry(sides.copy, _related(key, known, pair), live, pair.temporary("more"))
    return live.execute(
        sql.SQL(
            "INSERT INTO {missing} SELECT * FROM {more} k WHERE NOT EXISTS (SELECT FROM {live} l WHERE {there}) "
            "AND NOT EXISTS (SELECT FROM {missing} m WHERE {planned})"
        ).format(
            missing=pair.temporary("missing"), more=pair.temporary("more"), live=pair.keyed(pair.live),
            there=pair.same_key("l", "k"), planned=pair.same_key("m", "k"),
        )
    )  # fmt: skip


def _name_orphans(
    sides: Sides, pairs: Mapping[str, Pair], tables: Mapping[str, TablePlan], keys: Sequence[ForeignKey]
) -> None:
    """Say which rows lost their reference when their parent went (ON DELETE SET NULL): they are there, but changed."""
    for key in keys:
        parent = tables.get(key.parent)
        if key.action in ("n", "d") and parent and parent.missing:
            tell_copy(sides, parent.pair, "missing")
            number = sides.copy.value(
                sql.SQL("SELECT count(*) FROM ({}) AS found").format(_related(key, parent.pair, pairs[key.child]))
            )
            if number:
                parent.notes.append(
                    f"{number} rows of {key.child} referred to them and do so no more (ON DELETE SET NULL or DEFAULT): "
                    "name that table too, with 'changed'."
                )


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


def in_order(tables: Sequence[TablePlan], keys: Sequence[ForeignKey]) -> list[TablePlan]:
    """Parents before children. Of tables that refer to each other, the first by name goes first."""
    waiting = {table.pair.label: table for table in sorted(tables, key=lambda table: table.pair.label)}
    found = []
    while waiting:
        parents = {
            label: {key.parent for key in keys if key.child == label and key.parent != label and key.parent in waiting}
            for label in waiting
        }
        label = next((label for label in waiting if not parents[label]), next(iter(waiting)))
        found.append(waiting.pop(label))
    return found
