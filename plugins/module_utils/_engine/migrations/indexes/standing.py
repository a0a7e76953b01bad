# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an equal index still stands for each one that was left out, and the build of the one that is needed after all.

As long as the duplicate lives, nothing is missing; once it is gone, or is no longer equal, the index that the files declare has
to be built.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypedDict, cast

from ...postgres.database import Database
from ...text.quoted import quoted_name
from .skipped import Key, SkippedIndex, save

# Whatever path, role and encoding a file has set: definitions are compared as they are written under one path.
_OURS = (
    "SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE NONE; SET LOCAL client_encoding = 'UTF8'; "
    "SET LOCAL search_path = pg_catalog; SET LOCAL quote_all_identifiers = off"
)
_INDEXES = """
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, t.oid::bigint AS table_oid,
       t.relname::text AS table_name, t.relispartition OR t.relkind = 'p' AS partitioned,
       i.indisvalid AND i.indisready AND i.indislive AS valid, i.indisunique AS "unique",
       quote_ident(c.relname) AS quoted, pg_get_indexdef(c.oid) AS definition,
       ARRAY(SELECT unnest(c.reloptions) ORDER BY 1)::text AS storage,
       coalesce((SELECT s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace), '')::text AS tablespace,
       ARRAY(SELECT k::int FROM unnest(i.indkey) AS k WHERE k > 0 UNION
             SELECT d.refobjsubid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.refobjsubid > 0 ORDER BY 1) AS columns
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY (%(oids)s) OR t.oid = ANY (%(tables)s)
    OR (n.nspname, t.relname) IN (SELECT * FROM unnest(%(schemas)s::name[], %(table_names)s::name[]))
 ORDER BY c.oid
"""


class _Row(TypedDict):
    """An index of the catalog; quoted: its name as definition writes it."""

    oid: int
    schema: str
    name: str
    table_oid: int
    table_name: str
    partitioned: bool
    valid: bool
    unique: bool
    quoted: str
    definition: str
    storage: str
    tablespace: str
    columns: list[int]


class State(NamedTuple):
    """How the skipped indexes stand, by the keys under which they were asked for.

    Attributes:
        kept: Their duplicates are there; names and definitions are those of now.
        lost: The duplicate is gone or no longer equal; as last seen.
        void: They are needed no more: table or column is gone, or an index of that name is there and is what was declared.
        taken: Of the kept ones: another relation has this name.
        leftovers: Of the kept and lost ones: an invalid index has this name, left by a build that was cut off.
    """

    kept: dict[Key, SkippedIndex]
    lost: dict[Key, SkippedIndex]
    void: set[Key]
    taken: set[Key]
    leftovers: list[SkippedIndex]


def standing_for(database: Database, oid: int, schema: str, name: str, version: str) -> SkippedIndex | None:
    """The record of an index of this name that the index ``oid`` stands for; None if that is gone."""
    row = _index(database, oid)
    return None if row is None else _seen(row, name, version)


def says_the_same(database: Database, oid: int, item: SkippedIndex) -> bool:
    """Whether the index ``oid`` is what the item declares, but for its name."""
    row = _index(database, oid)
    return row is not None and _says(row, item)


def record_found(database: Database, pairs: Iterable[tuple[str, str]], version: str) -> None:
    """Enter indexes that are not there, for each of which an equal one stands, as far as that one can stand for it.

    Args:
        pairs: The index's qualified name, and that of the equal one, both as the catalog quotes them.
    """
    query = (
        "SELECT pg_catalog.to_regclass(%s)::pg_catalog.oid::bigint AS oid, names[1] AS schema, names[2] AS name "
        "FROM pg_catalog.parse_ident(%s) AS names"
    )
    items = []
    for name, duplicate in pairs:
        row = database.row(query, (duplicate, name))
        if row and row["oid"]:
            item = standing_for(database, row["oid"], row["schema"], row["name"], version)
            items += [item] if item else []
    save(database, (), state_of(database, items).kept.values())


def state_of(database: Database, items: Sequence[SkippedIndex], same_tables: bool = False) -> State:
    """Look each of them up in the catalog of now.

    Args:
        same_tables: The numbers of their tables are those of a moment ago: a table of the same name with another number is a new
            one. Otherwise it may be the same one, restored from a backup.
    """
    state = State({}, {}, set(), set(), [])
    if not items:
        return state
    rows = _indexes(
        database, [item.duplicate_oid for item in items], [item.table_oid for item in items],
        [item.schema for item in items], [item.table_name for item in items],
    )  # fmt: skip
    for item in items:
        equal = _equal(item, [row for row in rows if not same_tables or row["table_oid"] == item.table_oid])
        if equal and equal["oid"] != item.duplicate_oid and _needless(database, item, same_tables):
            equal = None  # its column is another one of the same name
        now = _seen(equal, item.name, item.version) if equal else item
        own = next((row for row in rows if (row["schema"], row["name"]) == now.key), None)
        if own is not None and _says(own, now):
            if own["valid"]:
                state.void.add(item.key)
                continue
            state.leftovers.append(now)
        if equal:
            state.kept[item.key] = now
            if own is not None or _taken(database, now):
                state.taken.add(item.key)
        elif _needless(database, item, same_tables):
            state.void.add(item.key)
        else:
            state.lost[item.key] = item
    return state


def settled(database: Database, items: Sequence[SkippedIndex]) -> bool:
    """Whether nothing is lost, and nothing left over."""
    state = state_of(database, items)
    return not state.lost and not state.leftovers


def build(database: Database, item: SkippedIndex, concurrently: bool) -> None:
    """Build one that is needed after all, where it was declared, whatever path the session has."""
    before = database.row(
        "SELECT pg_catalog.current_setting('search_path') AS path, pg_catalog.current_setting('default_tablespace') AS place"
    ) or {"path": "", "place": ""}
    _put(database, "pg_catalog", item.tablespace, not concurrently)
    statement = item.definition.replace("INDEX ", "INDEX CONCURRENTLY ", 1) if concurrently else item.definition
    try:
        database.execute(statement)
    finally:
        if not database.closed and (concurrently or database.in_transaction):
            _put(database, before["path"], before["place"], not concurrently)


def _put(database: Database, path: str, tablespace: str, local: bool) -> None:
    database.value(
        "SELECT pg_catalog.set_config('search_path', %s, %s), pg_catalog.set_config('default_tablespace', %s, %s)",
        (path, local, tablespace, local),
    )


def _indexes(
    database: Database, oids: list[int], tables: list[int], schemas: list[str], names: list[str]
) -> list[_Row]:
    inside = database.in_transaction
    database.execute(f"SAVEPOINT titan_db_look; {_OURS}" if inside else f"BEGIN; {_OURS}")
    try:
        rows = database.rows(_INDEXES, {"oids": oids, "tables": tables, "schemas": schemas, "table_names": names})
    finally:
        if not database.closed:
            database.execute("ROLLBACK TO titan_db_look; RELEASE titan_db_look" if inside else "ROLLBACK")
    return cast("list[_Row]", rows)


def _index(database: Database, oid: int) -> _Row | None:
    return next((row for row in _indexes(database, [oid], [], [], []) if row["oid"] == oid), None)


def _rest(row: _Row) -> str:
    """What the definition says after the index's name."""
    head = f"CREATE {'UNIQUE ' if row['unique'] else ''}INDEX {row['quoted']}"
    return str(row["definition"])[len(head) :]


def _definition(row: _Row, name: str) -> str:
    return f"CREATE {'UNIQUE ' if row['unique'] else ''}INDEX {quoted_name(name)}{_rest(row)}"


def _seen(row: _Row, name: str, version: str) -> SkippedIndex:
    return SkippedIndex(
        row["schema"], name, row["table_name"], row["name"], _definition(row, name), row["storage"], row["tablespace"],
        version, row["table_oid"], row["oid"], row["columns"],
    )  # fmt: skip


def _says(row: _Row, item: SkippedIndex) -> bool:
    return _definition(row, item.name) == item.definition and row["tablespace"] == item.tablespace


def _equal(item: SkippedIndex, rows: Sequence[_Row]) -> _Row | None:
    """The index that stands for the skipped one now: the duplicate itself, or else another that says the same."""
    there = [row for row in rows if row["valid"] and not row["partitioned"]]
    for row in there:  # renamed or moved, perhaps, but what an index is on never changes; how it is stored may
        same = (row["oid"], row["table_oid"]) == (item.duplicate_oid, item.table_oid)
        if same and (row["storage"], row["tablespace"]) == (item.storage, item.tablespace):
            return row
    return next((row for row in there if row["name"] != item.name and _says(row, item)), None)


def _taken(database: Database, item: SkippedIndex) -> bool:
    query = (
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s)"
    )
    return database.value(query, item.key) is True


def _needless(database: Database, item: SkippedIndex, same_tables: bool) -> bool:
    """Whether the index itself would be gone, too: with its table, or with one of its columns."""
    rows = database.rows(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = %s) AS same, "
        "EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        " WHERE n.nspname = %s AND c.relname = %s) AS named, "
        "EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = %s AND a.attisdropped AND a.attnum = ANY (%s)) AS dropped",
        (item.table_oid, item.schema, item.table_name, item.table_oid, item.columns),
    )
    return bool(rows[0]["dropped"]) if rows[0]["same"] else same_tables or not rows[0]["named"]
