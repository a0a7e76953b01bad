# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes that are built beside the text that needs them, before it, between two tries, or concurrently; and what an unfinished build left."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from ...errors import TitanError
from ...steps import step as announce
from ...text.quoted import quoted_name
from ..files.script import Script
from ..history.records import StepRecord
from ..indexes.catalog import drop_statement, invalid_indexes, is_valid, size_of
from ..indexes.decision import RunAgainError
from ..indexes.registry import SkippedIndexes, built_note
from ..indexes.rules import Verdict
from ..indexes.skipped import Key
from ..indexes.tables import rows_of
from ..session.session import Session
from ..sql.statements import IndexDeclaration, index_declaration

_SWAPPED = re.compile(r"_cc(?:new|old)[0-9]*\Z")


def build_large(skipped: SkippedIndexes, needed: AbstractSet[Key], built: list[str]) -> None:
    """Build those of the needed skipped indexes whose table is too large to block its writers, before the transaction."""
    limit = skipped.session.rules.plain_index_max_rows
    for key in sorted(key for key in needed if key in skipped.items):
        item = skipped.items[key]
        if rows_of(skipped.database, quoted_name(item.schema, item.table_name), limit) > limit:
            skipped.build_now(item)
            built.append(built_note(item))


def prepare_again(skipped: SkippedIndexes, again: RunAgainError, needed: set[Key], file: str) -> None:
    """Do what a transaction that was rolled back asked for.

    Raises:
        TitanError: it asked for the same before.
    """
    if again.invalid is not None:
        session = skipped.session
        session.database.execute(f"SET lock_timeout = {int(session.rules.concurrent_lock_timeout)}")
        session.run(drop_statement(session.database, again.invalid.schema, again.invalid.name))
    elif again.keys <= needed:
        names = ", ".join(f"{schema}.{name}" for schema, name in sorted(again.keys))
        raise TitanError(
            f"{file}: the skipped index {names} is needed and cannot be built before this file.", file=file
        )
    needed |= again.keys


def built_valid(session: Session, declaration: IndexDeclaration, verdict: Verdict, where: str) -> int:
    """Check a concurrently built index; return its bytes.

    Raises:
        TitanError: it is missing or invalid.
    """
    # Only a concurrent build can fail and leave an index; one of a partitioned table is valid once all its parts have theirs.
    if (
        declaration.name
        and declaration.concurrently
        and not is_valid(session.database, verdict.schema, declaration.name)
    ):
        raise TitanError(
            f"{where}: the index {declaration.name!r} is not valid after its build.", index=declaration.name
        )
    return size_of(session.database, verdict.schema, declaration.name) if declaration.name else 0


def drop_unfinished(session: Session, script: Script, begun: Iterable[StepRecord]) -> None:
    """Drop what steps that were cut off left behind: invalid indexes that were not there before them."""
    for record in begun:
        step = script.steps[record["number"] - 1]
        declaration = index_declaration(step.statements[0], script.text)
        reindex = step.statements[0].key()[0] == "reindex"
        for oid, item in invalid_indexes(session.database).items():
            if oid in record.get("invalid", []):
                continue
            ours = declaration is not None and (item["table_oid"] == record.get("table_oid"))
            if (ours and declaration and declaration.name in ("", item["name"])) or (
                reindex and _SWAPPED.search(item["name"])
            ):
                drop_invalid(session, item["schema"], item["name"])


def drop_invalid(session: Session, schema: str, name: str) -> None:
    """Drop the index, whose table may be in use."""
    session.say(f"dropping the invalid index {name}")
    announce("migration.drop_leftover")
    session.database.execute(f"SET lock_timeout = {int(session.rules.concurrent_lock_timeout)}")
    session.run(drop_statement(session.database, schema, name))
