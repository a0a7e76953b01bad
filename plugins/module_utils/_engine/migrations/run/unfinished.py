# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid indexes that a build left behind which did not end."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...steps import step as announce
from ..files.script import Script
from ..history.records import StepRecord
from ..indexes.catalog import drop_statement, invalid_indexes
from ..session.session import Session
from ..sql.statements import index_declaration

_SWAPPED = re.compile(r"_cc(?:new|old)[0-9]*\Z")


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
