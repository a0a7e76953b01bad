# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling the materialized views that a dump leaves empty because they read another server."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from ..content.exclusions import UNREFRESHED
from ..content.left_out import LeftOut

_EMPTY = """
SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm' AND NOT c.relispopulated AND n.nspname || '.' || c.relname = ANY(%s) ORDER BY 1, 2
"""


def refresh_left_out(database: Database, left_out: Iterable[LeftOut]) -> list[str]:
    """Refresh them, each after those that it reads.

    Returns:
        Warnings about those that stay empty.
    """
    names = [each.name for each in left_out if each.kind == UNREFRESHED]
    waiting = database.rows(_EMPTY, (names,)) if names else []
    while waiting:
        failed = [(row, why) for row in waiting if (why := _refresh(database, row["schema"], row["name"]))]
        if len(failed) == len(waiting):
            return [
                f"Materialized view {row['schema']}.{row['name']} is empty: REFRESH it when the server that it reads can be reached ({why})."
                for row, why in failed
            ]
        waiting = [row for row, _why in failed]
    return []


def _refresh(database: Database, schema: str, name: str) -> str:
    """Why it could not be refreshed; empty if it was."""
    try:
        database.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(schema, name)))
    except DatabaseError as error:
        return error.message.rstrip(".")
    return ""
