# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fingerprint of the database's objects after each run, and what was changed by hand since."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ...postgres.database import Database
from .inventory import read_hashes
from .records import ObjectChange

_TABLE = """
CREATE TABLE IF NOT EXISTS titan_ops.migration_fingerprint (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  history_id bigint NOT NULL,
  taken timestamptz NOT NULL,
  objects jsonb NOT NULL
);
COMMENT ON TABLE titan_ops.migration_fingerprint IS 'A hash of every object after the last run of migrations.';
"""

# What a fingerprint is made of; one of another version tells nothing.
_VERSION = "2"

_SAVE = """
INSERT INTO titan_ops.migration_fingerprint (history_id, taken, objects)
SELECT pg_catalog.max(id), pg_catalog.now(), %s FROM titan_ops.migration_history
ON CONFLICT (one) DO UPDATE SET history_id = excluded.history_id, taken = excluded.taken, objects = excluded.objects
"""


def create(database: Database) -> None:
    """Make the table if it is missing: before the files, and under the session's own search_path, since a file may make an
    event trigger that looks at it or needs that path.
    """
    if database.value("SELECT pg_catalog.to_regclass('titan_ops.migration_fingerprint') IS NULL"):
        database.execute(_TABLE)


def save(database: Database) -> None:
    """Put the fingerprint of now in place of the last one."""
    create(database)
    database.execute(_SAVE, (json.dumps({"": _VERSION, **read_hashes(database)}),))


def drift(database: Database) -> list[ObjectChange] | None:
    """What was changed since the last run: [{object, change}]; None if that is not known.

    It is not known before the first run, and after a run that was cut off.
    """
    if database.value("SELECT pg_catalog.to_regclass('titan_ops.migration_fingerprint') IS NULL"):
        return None
    row = database.row(
        "SELECT f.objects, f.history_id >= (SELECT pg_catalog.max(id) FROM titan_ops.migration_history "
        "WHERE outcome IN ('applied', 'rolled_back') OR steps <> '[]') AS current "
        "FROM titan_ops.migration_fingerprint AS f"
    )
    if row is None or not row["current"]:
        return None
    objects = dict(row["objects"])
    if objects.pop("", "") != _VERSION:
        return None
    return compare(objects, read_hashes(database))


def compare(before: Mapping[str, str], now: Mapping[str, str]) -> list[ObjectChange]:
    """The differences of two fingerprints. Pure."""
    changes: list[ObjectChange] = []
    for name in sorted({*before, *now}):
        if name not in now:
            changes.append({"object": name, "change": "dropped"})
        elif name not in before:
            changes.append({"object": name, "change": "added"})
        elif before[name] != now[name]:
            changes.append({"object": name, "change": "changed"})
    return changes
