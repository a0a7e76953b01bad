# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the history table titan_ops.migration_history: one row for each attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...postgres.database import Database, Row
from ...postgres.stand_ins import stand_in
from ...typed import TYPE_CHECKING, Any, NamedTuple
from ..files.migration import version_order

if TYPE_CHECKING:
    from .records import AttemptDetails, StepRecord


class Applied(NamedTuple):  # made a thousand times a run: a dataclass takes six times as long
    """The state of one migration in the history.

    Attributes:
        key: Version, or R__name.
        applied: It is in the database.
        partial: A run of steps began and has not ended; steps holds how far it came.
        row: The id of the row that says so.
        doubt: A baseline could not tell whether it has run; empty otherwise.
    """

    key: str
    name: str
    applied: bool
    checksum: str
    row: int
    partial: bool = False
    steps: tuple[StepRecord, ...] = ()
    action: str = "apply"
    partial_action: str = ""
    doubt: str = ""


_LAYOUT = """
SELECT CASE WHEN t.oid IS NOT NULL THEN EXISTS (SELECT FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = t.oid AND a.attname = 'history' AND NOT a.attisdropped) END
  FROM (SELECT pg_catalog.to_regclass('titan_ops.migration_history')::oid AS oid) AS t
"""


def has_history_column(database: Database) -> bool | None:
    """Whether the table tells histories apart; a table from before there were several does not. None: there is no table."""
    answer = database.value(_LAYOUT)
    return None if answer is None else bool(answer)


_WITH_HISTORY = "history = %s"


def condition_of(database: Database, history: str) -> str | None:
    """The condition for the rows of this history, with one parameter; None if there can be none."""
    layout = has_history_column(database)
    if layout is None or (history and not layout):
        return None
    return _WITH_HISTORY if layout else "%s = ''"


_READ = {
    "id": "bigint", "version": "text", "name": "text", "action": "text", "outcome": "text", "checksum": "text", "steps": "jsonb",
    "details": "jsonb", "milliseconds": "bigint", "started": "timestamptz", "database_user": "text", "operating_user": "text", "host": "text",
    "server_version": "integer",
}  # fmt: skip


def history_table(database: Database, layout: bool) -> str:
    """What to write behind FROM, with an alias, to read the table; a superuser plans no query of somebody else's.

    Args:
        database: Connected.
        layout: What has_history_column() says of an existing table.
    """
    columns = {**_READ, "history": "text"} if layout else _READ
    return stand_in(database, "titan_ops", "migration_history", columns)


def lock_words(history: str) -> tuple[str, ...]:
    """The words of the advisory lock that keeps other runs of this history out."""
    return ("migrations", history) if history else ("migrations",)


def full_version(history: str, version: str) -> str:
    """A version as it is named where all histories of a database share a table."""
    return f"{history}/{version}" if history else version


def named_histories(database: Database) -> list[str]:
    """The names of the histories in this database, in order; the one without a name is left out."""
    if not has_history_column(database):
        return []
    query = f"SELECT DISTINCT history FROM {history_table(database, True)} AS h WHERE history <> '' ORDER BY 1"  # noqa: S608
    return [row["history"] for row in database.rows(query)]


def read(database: Database, history: str) -> dict[tuple[Any, ...], Applied]:
    """The state of every migration that this history knows, by sort key; empty if there is no table."""
    condition = condition_of(database, history)
    if condition is None:
        return {}
    source = history_table(database, condition == _WITH_HISTORY).replace("%", "%%")
    rows = database.rows(
        "SELECT id, version, name, action, outcome, checksum, "  # noqa: S608 - see condition_of
        "CASE WHEN outcome IN ('running', 'failed') THEN steps END AS steps, "
        "CASE WHEN action = 'baseline' AND outcome = 'failed' THEN details->>'unproven' END AS doubt "
        f"FROM {source} AS h WHERE {condition} ORDER BY id",
        (history,),
    )
    return fold(rows)


def fold(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[Any, ...], Applied]:
    """The last word on each migration from the rows of its attempts, oldest first. Pure."""
    state: dict[tuple[Any, ...], Applied] = {}
    for row in rows:
        key = sort_key(row["version"])
        before = state.get(key)
        if row["outcome"] in ("applied", "rolled_back"):
            state[key] = Applied(
                row["version"],
                row["name"],
                row["outcome"] == "applied",
                row["checksum"],
                row["id"],
                action=row["action"],
            )
            continue
        steps = tuple(row["steps"] or ())
        if not steps:  # a transaction that failed left nothing
            doubt = row.get("doubt") or ""
            if before is None or not (before.applied or before.partial):
                doubt = doubt or (before.doubt if before else "")
                state[key] = Applied(row["version"], row["name"], False, row["checksum"], row["id"], doubt=doubt)
            continue
        applied = before is not None and before.applied
        known = before.checksum if before is not None and applied else row["checksum"]
        state[key] = Applied(
            row["version"], row["name"], applied, known, row["id"], True, steps, row["action"], row["action"]
        )
    return state


def sort_key(key: str) -> tuple[Any, ...]:
    """Equal for "0010" and "10"; repeatable ones come last."""
    return (1, key) if key.startswith("R__") else (0, *version_order(key))


def applied_facts(database: Database, history: str) -> dict[int, Row]:
    """When, by whom, from where and how fast each applied attempt of this history ran, by row id."""
    condition = condition_of(database, history)
    if condition is None:
        return {}
    source = history_table(database, condition == _WITH_HISTORY).replace("%", "%%")
    rows = database.rows(
        "SELECT id, pg_catalog.to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS started, action, milliseconds AS ms, "  # noqa: S608
        f"database_user, operating_user, host, server_version FROM {source} AS h "
        f"WHERE outcome = 'applied' AND {condition}",
        (history,),
    )
    return {row.pop("id"): row for row in rows}


def body(database: Database, row: int) -> str:
    """The text that the row's attempt ran."""
    source = stand_in(database, "titan_ops", "migration_history", {"id": "bigint", "body": "text"}).replace("%", "%%")
    return str(database.value(f"SELECT body FROM {source} AS h WHERE id = %s", (row,)) or "")  # noqa: S608


def has_built_index(database: Database, schema: str, name: str, history: str) -> bool:
    """Whether a file of this history, or a statement of one that is half done, built an index of the name."""
    condition = condition_of(database, history)
    if condition is None:
        return False
    found = database.value(
        "SELECT EXISTS (SELECT FROM titan_ops.migration_history, pg_catalog.jsonb_path_query("  # noqa: S608
        "pg_catalog.jsonb_build_array(details -> 'indexes', steps), '$[*][*] ? (@.outcome == \"built\" || @.index.outcome == \"built\")') AS i, "
        "LATERAL (SELECT coalesce(i -> 'index', i) AS built) AS b "
        f"WHERE {condition} AND built ->> 'name' = %s AND built ->> 'schema' IN ('', %s))",
        (history, name, schema),
    )
    return found is True


def details(database: Database, key: str, history: str) -> list[AttemptDetails]:
    """The details of every attempt since the migration was last absent, oldest first; those of done steps with them."""
    condition = condition_of(database, history)
    if condition is None:
        return []
    rows = database.rows(
        f"WITH attempt AS (SELECT * FROM titan_ops.migration_history WHERE {condition} AND version = %s) "  # noqa: S608
        "SELECT details, steps FROM attempt WHERE action <> 'rollback' AND id > coalesce("
        "(SELECT pg_catalog.max(id) FROM attempt WHERE outcome = 'rolled_back'), 0) ORDER BY id",
        (history, key),
    )
    collected: list[AttemptDetails] = []
    for row in rows:
        indexes = [item["index"] for item in row["steps"] or [] if item.get("index")]
        collected.append({**row["details"], "indexes": [*row["details"].get("indexes", []), *indexes]})
    return collected
