# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fingerprint of the database's objects after each run, and what was changed by hand since.

All histories of a database share one fingerprint, which also says which history made an object: what was changed by hand is
told to the history that made the object, and to every history if nobody knows who made it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import NamedTuple

from ...postgres.database import Database
from ...postgres.lost_reply import asked_transaction
from ...postgres.stand_ins import stand_in
from ...steps import step
from .inventory import read_hashes
from .objects import ORDER, Partitions, comparable, goes_along, of_others, table_of
from .read import has_history_column, history_table, read
from .records import ObjectChange

_TABLE = """
CREATE TABLE IF NOT EXISTS titan_ops.migration_fingerprint (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  history_id bigint NOT NULL,
  taken timestamptz NOT NULL,
  objects jsonb NOT NULL,
  owners jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE titan_ops.migration_fingerprint IS 'A hash of every object after the last run of migrations.';
"""
_UPGRADE = "ALTER TABLE titan_ops.migration_fingerprint ADD COLUMN IF NOT EXISTS owners jsonb NOT NULL DEFAULT '{}'"

# What a fingerprint is made of; older ones tell less, one of any other version, or of another major release, tells nothing.
_VERSION = "4"

_READ = """
SELECT f.objects, pg_catalog.to_jsonb(f)->'owners' AS owners,
       f.history_id >= (SELECT pg_catalog.max(id) FROM {history} AS m
                         WHERE outcome IN ('applied', 'rolled_back') OR steps <> '[]') AS current,
       ARRAY(SELECT DISTINCT coalesce(pg_catalog.to_jsonb(h)->>'history', '') FROM (
         SELECT * FROM {history} AS m WHERE id > f.history_id) AS h) AS newer
  FROM {fingerprint} AS f
"""

_SAVE = """
INSERT INTO titan_ops.migration_fingerprint (history_id, taken, objects{column})
SELECT pg_catalog.max(id), pg_catalog.now(), %s{value} FROM titan_ops.migration_history
ON CONFLICT (one) DO UPDATE SET history_id = excluded.history_id, taken = excluded.taken, objects = excluded.objects{update}
"""


class Fingerprint(NamedTuple):
    """What the last run left.

    Attributes:
        objects: A hash of each object.
        owners: The histories with a name that made objects, by object.
        current: No run has ended, or been cut off, without leaving a fingerprint.
        newer: The histories of the runs that have come after it.
        version: Which kinds of objects it tells of.
    """

    objects: dict[str, str]
    owners: dict[str, str]
    current: bool
    newer: tuple[str, ...]
    version: str = _VERSION


class Begun(NamedTuple):
    """The database as a run of a history finds it.

    Attributes:
        history: Its name; empty for the one without a name.
        default_there: The history without a name has begun, too, so that it may have made what no other history has.
        fingerprint: None before the first run, or if a newer version wrote it.
        hashes: Every object as it is; empty where nobody will compare.
        changes: What was changed by hand and is told to this history; None if that is not known.
    """

    history: str
    default_there: bool
    fingerprint: Fingerprint | None
    hashes: dict[str, str]
    changes: list[ObjectChange] | None


def create(database: Database, history: str) -> None:
    """Make the table if it is missing: before the files, and under the session's own search_path, since a file may make an
    event trigger that looks at it or needs that path.
    """
    if database.value("SELECT pg_catalog.to_regclass('titan_ops.migration_fingerprint') IS NULL"):
        database.execute(_TABLE)
    elif history and not _has_owners(database):
        step("migration.upgrade_fingerprint")
        database.execute(_UPGRADE)


def _has_owners(database: Database) -> bool:
    query = (
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attname = 'owners' AND NOT attisdropped AND "
        "attrelid = pg_catalog.to_regclass('titan_ops.migration_fingerprint'))"
    )
    return database.value(query) is True


def begin(database: Database, history: str) -> Begun:
    """Look at the database before a run: what was changed by hand since the last one, and what the run begins with."""
    return _begin(database, history, _read(database), True)


def drift(database: Database, history: str) -> list[ObjectChange] | None:
    """What was changed since the last run: [{object, change}]; None if that is not known.

    It is not known before the first run, after a run that was cut off, and after the server's major release has changed.
    """
    known = _read(database)
    return _begin(database, history, known, known is not None and known.current).changes


def _begin(database: Database, history: str, known: Fingerprint | None, look: bool) -> Begun:
    default_there = not history or any(item.applied for item in read(database, "").values())
    hashes = read_hashes(database, drift=True) if look else {}
    changes = None
    if known is not None and known.current:
        found = compare(known.objects, comparable(hashes, known.version))
        changes = [item for item in found if not _is_anothers(item["object"], known, history, default_there)]
    return Begun(history, default_there, known, hashes, changes)


def save(database: Database, begun: Begun, claimed: Collection[str] = ()) -> None:
    """Put the fingerprint of now in place of the last one.

    Args:
        begun: What the run found.
        claimed: Objects that were there before and belong to this history all the same, as a baseline has seen.
    """
    create(database, begun.history)
    now = read_hashes(database, drift=True)
    column = _has_owners(database)
    query = _SAVE.format(
        column=", owners" if column else "", value=", %s" if column else "", update=", owners = excluded.owners" if column else ""
    )  # fmt: skip
    step("migration.fingerprint")
    with asked_transaction(database, "migration"):
        known = _read(database, " FOR UPDATE") if column else None
        made = _of_migrations(known or begun.fingerprint, begun, now, claimed)
        objects, owners = merge(known, begun, made, claimed)
        version = f"{_VERSION} on {database.major}"
        database.execute(query, (json.dumps({"": version, **objects}), *((json.dumps(owners),) if column else ())))


def _of_migrations(
    known: Fingerprint | None, begun: Begun, now: Mapping[str, str], claimed: Collection[str]
) -> dict[str, str]:
    """All objects without those that are a matter of others, unless a migration has made or changed them."""
    had = known.objects if known else {}
    return {
        name: value
        for name, value in now.items()
        if not of_others(name) or name in had or name in claimed or begun.hashes.get(name) != value
    }


def _read(database: Database, locked: str = "") -> Fingerprint | None:
    if database.value("SELECT pg_catalog.to_regclass('titan_ops.migration_fingerprint') IS NULL"):
        return None
    history, fingerprint = "titan_ops.migration_history", "titan_ops.migration_fingerprint"
    if not locked and (layout := has_history_column(database)) is not None:
        history = history_table(database, layout)
        columns = {"history_id": "bigint", "objects": "jsonb", **({"owners": "jsonb"} if _has_owners(database) else {})}
        fingerprint = stand_in(database, "titan_ops", "migration_fingerprint", columns)
    row = database.row(_READ.format(history=history, fingerprint=fingerprint) + locked)
    if row is None:
        return None
    objects = dict(row["objects"])
    version = objects.pop("", "")
    if version not in ("2", f"3 on {database.major}", f"{_VERSION} on {database.major}"):
        return None
    return Fingerprint(
        comparable(objects, version), dict(row["owners"] or {}), bool(row["current"]), tuple(row["newer"]), version
    )


def _is_anothers(name: str, known: Fingerprint, history: str, default_there: bool) -> bool:
    """Whether another history made the object."""
    if name not in known.objects:  # what was added by hand to somebody's table is told to them
        name = table_of(name, known.objects) or name
    owner = known.owners.get(name)
    if owner is not None:
        return owner != history
    return bool(history) and default_there and name in known.objects


def merge(
    known: Fingerprint | None, begun: Begun, now: Mapping[str, str], claimed: Collection[str] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """The objects and owners to keep after a run. Pure.

    What somebody changed by hand in another history's objects stays as it was in the fingerprint, so that the other history
    is still told of it.
    """
    if known is None:
        known = Fingerprint({}, {}, False, ())
    newer = {*known.newer, *(begun.fingerprint.newer if begun.fingerprint else ())}
    if not begun.history and not known.owners and not any(newer):  # no other history
        return dict(now), {}
    owners, objects = dict(known.owners), {}
    _attribute_cut_off(begun, owners)
    for name in {*known.objects, *now}:
        before, after = begun.hashes.get(name), now.get(name)
        unchanged = before == after and begun.fingerprint is not None and begun.fingerprint.current
        if unchanged and _is_anothers(name, known, begun.history, begun.default_there):
            if name in known.objects:
                objects[name] = known.objects[name]
            elif after is not None and not comparable({name: after}, known.version):  # nobody has looked before
                objects[name] = after
        elif after is not None:
            objects[name] = after
            if before is None or (name in claimed and name not in owners):
                owners.setdefault(name, begun.history)
    return objects, {name: owner for name, owner in owners.items() if owner and name in objects}


def _attribute_cut_off(begun: Begun, owners: dict[str, str]) -> None:
    """What is new since the last fingerprint belongs to the history whose run was cut off, if it can only be that one."""
    last = begun.fingerprint
    if last is not None and not last.current and len(last.newer) == 1:
        for name in begun.hashes:
            if name not in last.objects:
                owners.setdefault(name, last.newer[0])


def compare(before: Mapping[str, str], now: Mapping[str, str]) -> list[ObjectChange]:
    """The differences of two fingerprints, without partitions that came or went. Pure."""
    changes: list[ObjectChange] = []
    partitions = Partitions(before, now)
    moved = before.keys() ^ now.keys()
    for name in sorted({*before, *now}):
        if before.get(name) == now.get(name) or name.startswith("partition "):
            continue
        if (name not in before and of_others(name)) or (name in moved and goes_along(name, moved)):
            continue
        if name.startswith(ORDER) and any(
            each.startswith("column ") and table_of(each, (name[len(ORDER) :],)) for each in moved
        ):
            continue  # a column came or went
        change = "dropped" if name not in now else "added" if name not in before else "changed"
        if change == "changed" or name not in partitions:
            changes.append({"object": name, "change": change})
    return changes
