# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a backup a rescue of named tables needs: these, and what foreign keys tie to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database
from ..catalog.manifest import Manifest
from ..content.differences import content_differences
from ..content.fingerprint import Fingerprint
from ..load.loading import Loader
from ..load.selection import Selection
from ..proof.comparison import Comparison
from ..proof.read_restored import LoadersRows
from ..proof.result import Part
from .plan import Wanted
from .shapes import ForeignKey, read_foreign_keys

_LOST_REFERENCE = ("n", "d")  # SET NULL, SET DEFAULT


def needed_part(live: Database, wanted: Wanted, manifest: Manifest) -> Part | None:
    """The part of the backup that is restored; None for all of it.

    A condition may look at any table, and a manifest without a structure does not tell which partitioned tables there are.
    """
    if not wanted.tables or wanted.where or manifest.structure is None or manifest.adopted:
        return None
    known = {key[6:] for key in manifest.structure.objects if key.startswith("TABLE ")}
    known |= {f"{table.schema}.{table.name}" for table in manifest.fingerprint.tables}
    named = [name if name in known else f"public.{name}" for name in wanted.tables]
    if not set(named) <= known:
        return None  # what is wrong with the name is said when the tables are there
    selection = Selection(tuple(sorted(tied_to(named, read_foreign_keys(live)) & known)), ())

    def compare(target: ConnectionSettings, _loader: Loader, reading: LoadersRows) -> Comparison:
        source, restored = (_only(content, selection) for content in (manifest.fingerprint, reading.complete(target)))
        return Comparison(restored, tuple(content_differences(source, restored)))

    return Part(selection, compare)


def tied_to(named: Collection[str], keys: Sequence[ForeignKey]) -> set[str]:
    """The tables whose rows a rescue of the named ones may read.

    Rows that went with a missing one by a cascade, or lost their reference to it, are in its children; rows that a missing one
    needs are in its parents, and so on upwards.
    """
    gone = _closure(set(named), [(key.parent, key.child) for key in keys if key.action == "c"])
    touched = gone | {key.child for key in keys if key.parent in gone and key.action in _LOST_REFERENCE}
    return touched | _closure(gone, [(key.child, key.parent) for key in keys])


def _closure(found: set[str], arrows: Sequence[tuple[str, str]]) -> set[str]:
    while more := {end for start, end in arrows if start in found} - found:
        found = found | more
    return found


def _only(content: Fingerprint, selection: Selection) -> Fingerprint:
    """The tables of the selection, with their partitions, and no large objects."""
    tables = tuple(table for table in content.tables if selection.takes(table.schema, table.name))
    return replace(content, tables=tables, large_objects=0, large_objects_hash="0")
