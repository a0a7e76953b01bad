# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration that creates the indexes which were proposed, with its rollback and what was measured as its comment. Pure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from ..text.one_line import printable
from ..text.quoted import quoted_name
from .indexes import Index
from .report import tables_of
from .result import Result

_CREATE = "CREATE INDEX "


class MigrationFile(NamedTuple):
    """A migration and its rollback, as texts."""

    text: str
    rollback: str


def migration_of(result: Result, indexes: Sequence[Index]) -> MigrationFile:
    """The two files.

    Args:
        result: What was measured with these indexes and without.
        indexes: At least one.
    """
    said = [
        f"Proposed by 'titan-db measure', on a copy of {result.database} from {os.path.basename(result.backup)}.",
        "",
        *tables_of(result),
    ]
    # No name begins a line, where it could read as a header line: rows begin with "|", notes with "-".
    comment = "\n".join(f"-- {printable(line)}".rstrip() for line in said)
    built = [f"{_CREATE}CONCURRENTLY IF NOT EXISTS {each.definition.removeprefix(_CREATE)};" for each in indexes]
    dropped = [f"DROP INDEX CONCURRENTLY IF EXISTS {quoted_name(each.schema, each.plain_name)};" for each in indexes]
    return MigrationFile("\n".join([comment, "", *built, ""]), "\n".join([*reversed(dropped), ""]))


def rollback_path(path: str) -> str:
    """Where the rollback of the file lies: NAME.down.sql beside NAME.sql or NAME.up.sql."""
    return f"{path.removesuffix('.sql').removesuffix('.up')}.down.sql"
