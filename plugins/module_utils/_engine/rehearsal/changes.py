# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement has changed, asked in the session that runs it: nobody else sees that before it commits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..postgres.database import Database
from .seen import Sized

_RELATIONS = """
SELECT c.oid::bigint AS oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, c.relkind::text AS kind,
       pg_catalog.pg_relation_filenode(c.oid)::bigint AS file
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm', 'i') AND c.relpersistence <> 't' AND n.nspname NOT IN ('titan_ops', 'pg_toast')
"""
_ROWS = """
SELECT s.relid::bigint AS oid, pg_catalog.format('%I.%I', s.schemaname, s.relname) AS name,
       s.n_tup_ins + s.n_tup_upd + s.n_tup_del AS changed, s.seq_scan AS scans, s.seq_tup_read AS read
  FROM pg_catalog.pg_stat_xact_all_tables s
 WHERE s.relid >= 16384 AND s.schemaname NOT IN ('titan_ops', 'pg_toast')
   AND s.n_tup_ins + s.n_tup_upd + s.n_tup_del + s.seq_scan > 0
"""
_SIZES = """
SELECT o AS oid, CASE WHEN c.relkind = 'i' THEN pg_catalog.pg_relation_size(c.oid) ELSE pg_catalog.pg_table_size(c.oid) END AS bytes
  FROM pg_catalog.unnest(%s::bigint[]) AS o JOIN pg_catalog.pg_class c ON c.oid = o
"""


class _Relation(NamedTuple):
    name: str
    kind: str
    file: int


class _Rows(NamedTuple):
    name: str
    changed: int
    scans: int
    read: int


@dataclass
class State:
    """The relations, and what the open transaction has read and written."""

    relations: dict[int, _Relation] = field(default_factory=dict)
    rows: dict[int, _Rows] = field(default_factory=dict)


class Changes(NamedTuple):
    """Between two states; see StatementSeen."""

    rewritten: list[Sized]
    built: list[Sized]
    changed: list[Sized]
    scanned: list[Sized]


def read_state(database: Database) -> State:
    """How it is now."""
    found = database.rows(_RELATIONS)
    relations = {row["oid"]: _Relation(row["name"], row["kind"], row["file"] or 0) for row in found}
    rows = {row["oid"]: _Rows(row["name"], row["changed"], row["scans"], row["read"]) for row in database.rows(_ROWS)}
    return State(relations, rows)


def changes_between(database: Database, before: State, after: State) -> Changes:
    """What has changed; sizes are asked now. A table that the statement itself has made is neither rewritten nor read."""
    none = _Rows("", 0, 0, 0)
    fresh = [
        oid
        for oid, now in after.relations.items()
        if now.file != (before.relations[oid].file if oid in before.relations else 0)
    ]
    sizes = {row["oid"]: row["bytes"] for row in database.rows(_SIZES, (fresh,))} if fresh else {}
    built, rewritten, changed, scanned = [], [], [], []
    for oid in fresh:
        now, size = after.relations[oid], sizes.get(oid, 0)
        if now.kind == "i":
            built.append(Sized(now.name, size))
        elif oid in before.relations:
            rewritten.append(Sized(now.name, size))
    for oid, counted in after.rows.items():
        then = before.rows.get(oid, none)
        if counted.changed < then.changed or counted.scans < then.scans:
            then = none  # another transaction began in between
        if counted.changed > then.changed:
            changed.append(Sized(counted.name, counted.changed - then.changed))
        if counted.scans > then.scans and oid in before.relations and counted.read > then.read:
            scanned.append(Sized(counted.name, counted.read - then.read))
    return Changes(rewritten, built, changed, scanned)
