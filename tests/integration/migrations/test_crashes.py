"""Kill a run at every step, in three ways: no false row, and the next run heals without hands."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.migrations import operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import embedded_programs, make_database, start_server
from tests.processes import forked
from tests.steps import at, killed_at, steps_of

pytestmark = pytest.mark.slow

FILES = {
    "1_table.sql": "CREATE TABLE t (a int, b text); INSERT INTO t SELECT n, n::text FROM generate_series(1, 500) n;",
    "2_indexes.sql": "CREATE INDEX CONCURRENTLY t_a ON t (a);\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_ab ON t (a, b);\n"
    "CREATE INDEX CONCURRENTLY ON t (lower(b));\nDROP INDEX CONCURRENTLY t_a;",
    "3_enum.sql": "CREATE TYPE mood AS ENUM ('sad');",
    "4_value.sql": "ALTER TYPE mood ADD VALUE 'glad';\nCREATE TABLE m (x mood DEFAULT 'glad');\nINSERT INTO m DEFAULT VALUES;",
    "5_again.sql": "REINDEX INDEX CONCURRENTLY t_ab;\nVACUUM t;",
}
SENT = [{"name": name, "content": text} for name, text in FILES.items()]


def migrate(settings: ConnectionSettings) -> Outcome:
    return operation.migration(Call(complete({"files": SENT}, options.MIGRATION), settings))


def step_names(settings: ConnectionSettings) -> list[str]:
    return steps_of(lambda: migrate(settings))


def nothing_is_claimed_that_is_not_there(settings: ConnectionSettings) -> None:
    """Every version that the history calls applied has its objects."""
    with connect(settings) as db:
        if not db.value("SELECT to_regclass('titan_ops.migration_history') IS NOT NULL"):
            return
        applied = {
            row["version"]
            for row in db.rows("SELECT version FROM titan_ops.migration_history WHERE outcome = 'applied'")
        }
        proofs = {
            "1": "SELECT count(*) = 500 FROM public.t",
            "2": "SELECT count(*) = 2 AND bool_and(indisvalid) FROM pg_index WHERE indrelid = 'public.t'::regclass",
            "4": "SELECT count(*) = 1 FROM public.m",
        }
        for version in applied & set(proofs):
            assert db.value(proofs[version]) is True, version
        assert len(applied) == len(db.rows("SELECT FROM titan_ops.migration_history WHERE outcome = 'applied'"))


def heals(settings: ConnectionSettings) -> None:
    nothing_is_claimed_that_is_not_there(settings)
    migrate(settings)
    nothing_is_claimed_that_is_not_there(settings)
    with connect(settings) as db:
        assert db.value("SELECT bool_and(indisvalid) FROM pg_index") is True
        assert db.value("SELECT count(*) FROM pg_index WHERE indrelid = 'public.t'::regclass") == 2
        assert db.value("SELECT count(*) FROM titan_ops.migration_history WHERE outcome = 'running'") == 0
        assert (
            db.value("SELECT count(DISTINCT version) FROM titan_ops.migration_history WHERE outcome = 'applied'") == 5
        )
    assert not migrate(settings).changed


def emptied(settings: ConnectionSettings) -> ConnectionSettings:
    """The same database, emptied: cheaper than a new one."""
    with connect(settings) as db:
        db.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                   "WHERE application_name LIKE 'titan-db migration%' AND datname = current_database()")  # fmt: skip
        db.execute(
            "DROP SCHEMA IF EXISTS titan_ops CASCADE; DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public"
        )
    return settings


@pytest.fixture
def fresh(settings: ConnectionSettings) -> Callable[[], ConnectionSettings]:
    return lambda: emptied(settings)


def test_the_process_is_killed_at_every_step(fresh: Any) -> None:
    count = len(step_names(fresh()))
    assert count > 30
    for number in range(1, count + 1):
        settings = fresh()
        assert killed_at(number, lambda: migrate(settings)) == -signal.SIGKILL, number  # noqa: B023
        heals(settings)


def test_the_session_is_terminated_at_every_step(fresh: Any) -> None:
    count = len(step_names(fresh()))
    for number in range(1, count + 1):
        settings = fresh()

        def terminate(settings: ConnectionSettings = settings) -> None:
            with connect(settings) as db:
                db.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                           "WHERE application_name = 'titan-db migration' AND datname = current_database()")  # fmt: skip

        with observed(at(number, terminate)), contextlib.suppress(TitanError):
            migrate(settings)
        heals(settings)


def test_the_server_crashes_at_each_kind_of_step() -> None:
    cluster = start_server(embedded_programs())
    try:
        settings = make_database(cluster)
        names = step_names(settings)
        for number in sorted({names.index(name) + 1 for name in names}):
            emptied(settings)

            def crash() -> None:
                cluster.stop("immediate")
                cluster.start(["fsync=off", "max_connections=100"])

            with observed(at(number, crash)), pytest.raises(TitanError):
                migrate(settings)
            heals(settings)
    finally:
        cluster.remove()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY t_a ON t (a);",
        "CREATE INDEX CONCURRENTLY ON t (a);",
        "REINDEX INDEX CONCURRENTLY t_old;",
        "DROP INDEX CONCURRENTLY t_old;",
    ],
)
def test_a_runner_killed_in_the_middle_of_a_statement_keeps_nothing(fresh: Any, statement: str) -> None:
    """The server goes on with a statement whose client died; it has to notice, and what is invalid has to go."""
    settings = fresh()
    call = Call(complete({"files": [{"name": "2_i.sql", "content": statement}]}, options.MIGRATION), settings)
    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'titan-db migration' AND wait_event_type = 'Lock'"
    with connect(settings) as blocker, connect(settings) as db:
        db.execute(
            "CREATE TABLE public.t (a int); CREATE INDEX t_old ON public.t (a) WHERE a > 0; INSERT INTO public.t VALUES (1)"
        )
        blocker.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; INSERT INTO public.t VALUES (2)")
        with forked(lambda: operation.migration(call)):
            while not db.value(busy):
                time.sleep(0.02)
        began = time.monotonic()
        while db.value(busy):
            assert time.monotonic() - began < 30, "the server keeps the dead runner's statement going"
            time.sleep(0.02)
        assert db.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 1
        blocker.execute("COMMIT")
        assert operation.migration(call).changed
        assert db.value("SELECT bool_and(indisvalid) FROM pg_index") is True
        expected = {"CREATE": 2, "REINDEX": 1, "DROP": 0}[statement.split()[0]]
        assert db.value("SELECT count(*) FROM pg_index WHERE indrelid = 'public.t'::regclass") == expected
        assert not operation.migration(call).changed
