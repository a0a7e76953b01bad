# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of what the history keeps as JSON: a public format, read by later versions."""

from __future__ import annotations

from typing import NamedTuple, TypedDict


class IndexRecord(TypedDict):
    """What became of a declared index: built, rebuilt, found or skipped (then ``duplicate_of`` names the one that is there)."""

    name: str
    schema: str
    table: str
    line: int
    outcome: str
    duplicate_of: str
    bytes: int


class StepRecord(TypedDict, total=False):
    """One step of a file that runs by statement.

    ``invalid``, ``table_oid`` and ``existing``: the invalid indexes, the index's table and the table's indexes as they were
    before the step ran.
    """

    number: int
    line: int
    statement: str
    digest: str
    outcome: str
    ms: int
    invalid: list[int]
    table_oid: int | None
    existing: list[int]
    index: IndexRecord


class FoundObject(TypedDict, total=False):
    """An object that CREATE OR REPLACE or IF NOT EXISTS met, with the definition and comment that it had."""

    kind: str
    identity: str
    definition: str | None
    comment: str | None
    relkind: str | None


class AttemptDetails(TypedDict, total=False):
    """The column ``details``.

    Attributes:
        indexes, found: See the records of that name.
        there: baseline: what proved the migration.
        source: baseline: "person" or the tool that said so ("flyway" ...); without it a replay or a verify query proved it.
        unproven, missing: baseline: the verdict where nothing proved it, and what speaks against it.
        said: adopted: what the other tool's table says: its version, time and checksum.
        edit, previous: amend: why, and the checksum before.
    """

    indexes: list[IndexRecord]
    found: list[FoundObject]
    there: list[str]
    source: str
    unproven: str
    missing: list[str]
    said: dict[str, str | bool | None]
    edit: str
    previous: str


class InsertedRow(NamedTuple):
    """The row of an attempt as the server wrote it."""

    id: int
    milliseconds: int
    xid: str


class ObjectChange(TypedDict):
    """An object that was added, changed or dropped since the last run."""

    object: str
    change: str
