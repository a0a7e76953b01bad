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
from typing import Callable, NamedTuple

from ...errors import DatabaseError, OptionError, TitanError
from ...postgres.database import Database, sql
from ..content.fingerprint import Fingerprint, count_and_hash, fix_settings
from ..content.row_hash import NEWEST
from ..load.selection import Selection
from .part import tied_to
from .plan import Plan, TablePlan, Wanted, in_order
from .relatives import add_relatives
from .shapes import Shape, read_foreign_keys, read_shapes
from .sides import HASH, Pair, Sides, carry, find_operators, make_keys

_EXAMPLES = 10
_LONGEST = 60  # bytes of an example's text


class Known(NamedTuple):
    """What the restore has shown of the copy.

    Attributes:
        content: Its rows.
        selection: The tables that have theirs; None for all.
    """

    content: Fingerprint
    selection: Selection | None

    def has(self, shape: Shape) -> bool:
        return self.selection is None or self.selection.takes(shape.schema, shape.name)


def find_differences(sides: Sides, wanted: Wanted, say: Callable[[str], None], known: Known | None = None) -> Plan:
    """Find the rows; those that they need, or that went with them, are found too.

    Args:
        sides: The databases.
        wanted: What to look for.
        say: Takes progress lines.
        known: What need not be read of the copy once more; None if nothing is known.

    Raises:
        OptionError: a table or the condition cannot be used.
        DatabaseError: one side cannot be read.
    """
    for database in sides:
        fix_settings(database)
    live, copy = read_shapes(sides.live), read_shapes(sides.copy)
    held = copy.keys()
    copy = {label: shape for label, shape in copy.items() if known is None or known.has(shape)}
    find_operators(sides.live)
    named = [_named(name, copy) for name in wanted.tables]
    pairs = _pairs(live, copy)
    if wanted.where and len(named) != 1:
        raise OptionError("where", wanted.where, "A condition is for one table: name it in 'tables'.")
    notes = [
        f"Table {label} is in the backup and not in the live database: its rows are not put back."
        for label in sorted(copy.keys() - live.keys())
        if not named or label in named
    ]
    chosen = [pairs[label] for label in named if label in pairs] if named else list(pairs.values())
    if named and not chosen:
        raise OptionError("tables", list(wanted.tables), "None of them is in the live database.")
    differing = _differing(sides, chosen, known) if not wanted.where else chosen
    tables = {}
    for pair in differing:
        say(f"  comparing {pair.label} ...")
        tables[pair.label] = _compare(sides, pair, wanted.where)
    keys = read_foreign_keys(sides.live)
    if named:
        if not tied_to(named, keys) & held <= copy.keys():
            raise TitanError("Foreign keys were made while the backup was restored. Nothing was changed; run it again.")
        add_relatives(sides, pairs, tables, keys)
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


def _differing(sides: Sides, pairs: Sequence[Pair], known: Known | None) -> list[Pair]:
    """The tables whose rows are not the same. Both sides are read at the same time."""
    there = _known_contents(sides.copy, known.content) if known else {}
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(
            lambda: [there.get((pair.copy.schema, pair.copy.name)) or _content(sides.copy, pair.copy) for pair in pairs]
        )
        ours = [_content(sides.live, pair.live) for pair in pairs]
        found = theirs.result()
    return [pair for pair, mine, other in zip(pairs, ours, found) if mine != other]


def _content(database: Database, shape: Shape) -> tuple[int, str]:
    return count_and_hash(database, shape.oid, shape.relation())


def _known_contents(copy: Database, content: Fingerprint) -> dict[tuple[str, str], tuple[int, str]]:
    """Rows and hash of each table, by schema and name, as count_and_hash() gives them; of a partitioned one the sums of its parts."""
    if content.hash_method != NEWEST:
        return {}
    found = {(each.schema, each.name): (each.rows, each.hash) for each in content.tables if each.hash}
    sums: dict[tuple[str, str], tuple[int, str]] = {}
    for row in copy.rows(_PARTITIONS):
        parts = [found.get((schema, name)) for schema, name in row["parts"]]
        known = [part for part in parts if part]
        if len(known) == len(parts):  # a foreign table's rows are in no dump
            sums[row["schema"], row["name"]] = (
                sum(rows for rows, _hash in known),
                str(sum(int(hash) for _rows, hash in known)),
            )
    return {**sums, **found}


_PARTITIONS = """
SELECT n.nspname::text AS schema, c.relname::text AS name,
       (SELECT coalesce(json_agg(json_build_array(pn.nspname, p.relname)), '[]')
          FROM pg_partition_tree(c.oid::regclass) t JOIN pg_class p ON p.oid = t.relid JOIN pg_namespace pn ON pn.oid = p.relnamespace
         WHERE t.isleaf) AS parts
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'p' AND NOT c.relispartition
"""


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
