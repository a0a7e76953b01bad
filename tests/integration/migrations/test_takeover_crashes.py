"""Stop a take-over, the first run of a named history, or the decision on an index at every step: the next run ends where one that was left
alone ends.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
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
from tests.steps import at, killed_at, steps_of

TEXTS = ("CREATE TABLE a (n int); CREATE INDEX one ON a (n);", "CREATE INDEX two ON a (n);", "CREATE TABLE c ();")


def sent(texts: Sequence[str]) -> list[dict[str, str]]:
    return [{"name": f"{number}_x.sql", "content": text} for number, text in enumerate(texts, 1)]


SENT = sent(TEXTS)
GOOSE = (
    "CREATE TABLE goose_db_version (id int, version_id bigint, is_applied bool, tstamp timestamp DEFAULT now());"
    "INSERT INTO goose_db_version VALUES (1, 1, true), (2, 2, true); CREATE TABLE a (n int); CREATE INDEX one ON a (n)"
)
TWINS = ("CREATE TABLE a (n int); CREATE INDEX one ON a (n);", "CREATE INDEX two ON a (n);", "DROP INDEX one;")
KINDS: dict[str, dict[str, Any]] = {
    "adopted": {"state": "adopted", "from": "goose"},
    "baselined": {"state": "baselined", "accept_unproven": ["1", "2"]},
    "a named history": {"history": "billing"},
    "its table is from before there were several": {"history": "billing"},
    "a duplicate whose other goes in the file": {"files": sent(TWINS)},
    "a duplicate whose other was dropped by hand": {"files": sent(TWINS[:2])},
}
OLD = "ALTER TABLE titan_ops.migration_history DROP COLUMN history; ALTER TABLE titan_ops.migration_fingerprint DROP COLUMN owners"
ROWS = "SELECT version, action, outcome, count(*) AS n FROM titan_ops.migration_history WHERE outcome = 'applied' GROUP BY 1, 2, 3 ORDER BY 1, 2"
INDEXES = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
# A record of one that is there is void, and goes with the next file.
SKIPPED = (
    "SELECT name, duplicate_of FROM titan_ops.skipped_index WHERE to_regclass('public.' || name) IS NULL ORDER BY 1"
)


RUN = {"run", "record", "commit", "committed", "skipped_indexes", "fingerprint"}
STEPS = {
    "adopted": {"adopt", "adopt_commit", "fingerprint"},
    "baselined": {"baseline", "baseline_commit", "fingerprint"},
    "a named history": RUN,
    "its table is from before there were several": {*RUN, "upgrade_history", "upgrade_fingerprint"},
    "a duplicate whose other goes in the file": {*RUN, "build_skipped"},
    "a duplicate whose other was dropped by hand": {"build_skipped", "built_skipped", "skipped_indexes", "fingerprint"},
}


def take(settings: ConnectionSettings, kind: str, folder: Path) -> Outcome:
    return operation.migration(
        Call(complete({"files": SENT, "programs": str(folder), **KINDS[kind]}, options.MIGRATION), settings)
    )


def prepared(settings: ConnectionSettings, kind: str) -> None:
    emptied(settings)
    if kind in ("adopted", "baselined"):
        with connect(settings) as database:
            database.execute("SET search_path = public; " + GOOSE)
        return
    if "duplicate" in kind:
        before = sent(TWINS[:2])
    else:
        text = "CREATE TABLE o (n int); CREATE INDEX o1 ON o (n); CREATE INDEX o2 ON o (n);"
        before = [{"name": "1_other.sql", "content": text}]
    operation.migration(Call(complete({"files": before}, options.MIGRATION), settings))
    with connect(settings) as database:
        if "by hand" in kind:
            database.execute("DROP INDEX public.one")
        if "from before" in kind:
            database.execute(OLD)


def left(settings: ConnectionSettings) -> list[list[dict[str, Any]]]:
    with connect(settings) as database:
        return [[dict(row) for row in database.rows(query)] for query in (ROWS, SKIPPED, INDEXES)]


class StopError(Exception):
    """What no code expects, in the middle of a run."""


def _stop() -> None:
    raise StopError


@pytest.mark.parametrize("how", ["raise", "kill"])
@pytest.mark.parametrize("kind", KINDS)
def test_stopped_at_every_step(kind: str, how: str, settings: ConnectionSettings, tmp_path: Path) -> None:
    def work() -> Outcome:
        return take(settings, kind, tmp_path)

    prepared(settings, kind)
    names = steps_of(work)
    wanted = left(settings)
    assert {name.removeprefix("migration.") for name in names} == STEPS[kind]
    for number in range(1, len(names) + 1):
        prepared(settings, kind)
        if how == "kill":
            assert killed_at(number, work) == -signal.SIGKILL, names[number - 1]
        else:
            with observed(at(number, _stop)), pytest.raises(StopError):
                work()
        work()
        assert left(settings) == wanted, names[number - 1]
        assert not work().changed


def test_no_step_of_a_migration_is_left_out() -> None:
    folder = Path(operation.__file__).parent
    declared = {
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r'\bstep\("migration\.([a-z_]+)"\)', path.read_text())
    }
    assert declared == {name for names in STEPS.values() for name in names}
