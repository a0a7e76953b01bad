"""Kill a take-over, or the first run of a named history, at every step: the next run ends where one that was left alone ends."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations import operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.integration.migrations.test_crashes import emptied
from tests.steps import killed_at

TEXTS = ("CREATE TABLE a (n int); CREATE INDEX one ON a (n);", "CREATE INDEX two ON a (n);", "CREATE TABLE c ();")
SENT = [{"name": f"{number}_x.sql", "content": text} for number, text in enumerate(TEXTS, 1)]
GOOSE = (
    "CREATE TABLE goose_db_version (id int, version_id bigint, is_applied bool, tstamp timestamp DEFAULT now());"
    "INSERT INTO goose_db_version VALUES (1, 1, true), (2, 2, true); CREATE TABLE a (n int); CREATE INDEX one ON a (n)"
)
KINDS: dict[str, dict[str, Any]] = {
    "adopted": {"state": "adopted", "from": "goose"},
    "baselined": {"state": "baselined", "accept_unproven": ["1", "2"]},
    "a named history": {"history": "billing"},
}
ROWS = "SELECT version, action, outcome, count(*) AS n FROM titan_ops.migration_history WHERE outcome = 'applied' GROUP BY 1, 2, 3 ORDER BY 1, 2"
SKIPPED = "SELECT name, duplicate_of FROM titan_ops.skipped_index ORDER BY 1"


def take(settings: ConnectionSettings, kind: str, folder: Path) -> Outcome:
    return operation.migration(
        Call(complete({"files": SENT, "programs": str(folder), **KINDS[kind]}, options.MIGRATION), settings)
    )


def prepared(settings: ConnectionSettings, kind: str) -> None:
    emptied(settings)
    if kind != "a named history":
        with connect(settings) as database:
            database.execute("SET search_path = public; " + GOOSE)
        return
    other = [
        {
            "name": "1_other.sql",
            "content": "CREATE TABLE o (n int); CREATE INDEX o1 ON o (n); CREATE INDEX o2 ON o (n);",
        }
    ]
    operation.migration(Call(complete({"files": other}, options.MIGRATION), settings))


def left(settings: ConnectionSettings) -> list[list[dict[str, Any]]]:
    with connect(settings) as database:
        return [[dict(row) for row in database.rows(query)] for query in (ROWS, SKIPPED)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_process_is_killed_at_every_step(kind: str, settings: ConnectionSettings, tmp_path: Path) -> None:
    prepared(settings, kind)
    names: list[str] = []
    with observed(names.append):
        assert take(settings, kind, tmp_path).changed
    wanted = left(settings)
    assert sum(row["n"] for row in wanted[0]) == (4 if kind == "a named history" else 2)
    assert any(name.startswith("migration.") for name in names)
    for number in range(1, len(names) + 1):
        prepared(settings, kind)
        assert killed_at(number, lambda: take(settings, kind, tmp_path)) == -signal.SIGKILL, names[number - 1]
        take(settings, kind, tmp_path)
        assert left(settings) == wanted, names[number - 1]
        assert not take(settings, kind, tmp_path).changed
