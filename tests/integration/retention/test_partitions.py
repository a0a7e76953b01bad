"""Whole partitions that are expired are detached and dropped; what cannot be is deleted row by row."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.retention import operation
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import login
from tests.integration.retention.test_interruptions import OPTIONS, Interrupted
from tests.steps import at

MAKE = """
    CREATE TABLE logs (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    DO $$ BEGIN FOR i IN 0..5 LOOP
        EXECUTE format('CREATE TABLE "part %s" PARTITION OF logs FOR VALUES FROM (%L) TO (%L)', i,
            date_trunc('day', now()) - (i * 10 + 9) * interval '1 day', date_trunc('day', now()) - (i * 10 - 1) * interval '1 day');
    END LOOP; END $$;
    INSERT INTO logs SELECT n, now() - n * interval '1 day' - interval '1 second' FROM generate_series(0, 55) n WHERE n < 50;
"""
POLICY = {"table": "logs", "column": "at", "keep": "25 days"}


@pytest.fixture
def logs(settings: Any, user_sql: Any, call_module: Any) -> dict[str, Any]:
    user_sql.execute(MAKE)
    call_module("retention_policy", policies=[POLICY], **login(settings))
    return login(settings)


def partitions(user_sql: Any) -> list[str]:
    user_sql.execute("SELECT relname FROM pg_class WHERE relname ~ '^part' AND relkind = 'r' ORDER BY 1")
    return [row[0] for row in user_sql.fetchall()]


def rows(user_sql: Any) -> tuple[int, int]:
    user_sql.execute("SELECT count(*), max(id) FROM logs")
    return user_sql.fetchone()


def test_expired_partitions_go_whole_and_the_rest_row_by_row(
    user_sql: Any, logs: Any, call_module: Any, freely: Any
) -> None:
    planned = call_module("cleanup", check_mode=True, **freely, **logs)
    assert planned["results"][0]["due"] == 25 and len(partitions(user_sql)) == 6
    result = call_module("cleanup", **freely, **logs)
    assert result["results"][0]["deleted"] == 25 and result["results"][0]["left"] == 0, result
    assert result["results"][0]["strategy"] == "drop_partition+tid_sweep"
    assert rows(user_sql) == (25, 24)
    assert partitions(user_sql) == ["part 0", "part 1", "part 2"], "part 5 is empty, and expired too"
    user_sql.execute("SELECT count(*) FROM titan_ops.retention_detached")
    assert user_sql.fetchone() == (0,)
    assert not call_module("cleanup", **freely, **logs)["changed"]


def test_an_empty_expired_partition_goes_too_as_check_mode_says(user_sql: Any, logs: Any, call_module: Any) -> None:
    """Nothing is due any more, so no backup is asked for."""
    user_sql.execute('DELETE FROM logs WHERE id >= 25; DROP TABLE "part 3"')
    planned = call_module("cleanup", check_mode=True, **logs)
    assert planned["changed"] and planned["results"][0]["due"] == 0
    assert planned["results"][0]["dropped_partitions"] == ["public.part 4", "public.part 5"]
    assert len(partitions(user_sql)) == 5, "check mode dropped something"
    result = call_module("cleanup", **logs)
    assert not result.get("failed") and result["changed"], result
    assert result["results"][0]["dropped_partitions"] == planned["results"][0]["dropped_partitions"]
    assert "public.part 4" in result["summary"] and partitions(user_sql) == ["part 0", "part 1", "part 2"]
    again = call_module("cleanup", **logs)
    assert not again["changed"] and again["results"][0]["dropped_partitions"] == [] and rows(user_sql) == (25, 24)


@pytest.mark.parametrize("obstacle", ["view", "foreign key", "default"])
def test_what_forbids_dropping_leaves_deleting(
    user_sql: Any, logs: Any, call_module: Any, freely: Any, obstacle: str
) -> None:
    statement = {
        "view": 'CREATE VIEW v AS SELECT * FROM "part 3"',
        "foreign key": "CREATE TABLE child (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES logs ON DELETE CASCADE);"
        "INSERT INTO child SELECT * FROM logs",
        "default": 'CREATE TABLE "part default" PARTITION OF logs DEFAULT',
    }[obstacle]
    user_sql.execute(statement)
    result = call_module("cleanup", **freely, **logs)
    assert not result.get("failed"), result
    assert rows(user_sql) == (25, 24)
    assert ("part 3" in partitions(user_sql)) == (obstacle != "default")


def test_readers_hardly_notice(settings: Any, user_sql: Any, logs: Any, call_module: Any, freely: Any) -> None:
    longest, stop = [0.0], threading.Event()

    def read() -> None:
        connection = psycopg2.connect(**settings.parameters())
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not stop.is_set():
                begun = time.monotonic()
                cursor.execute("SELECT count(*) FROM logs")
                longest[0] = max(longest[0], time.monotonic() - begun)
                time.sleep(0.005)
        connection.close()

    holder = psycopg2.connect(**settings.parameters())
    holder.cursor().execute("SELECT count(*) FROM logs")  # a transaction that keeps its lock for a while
    thread = threading.Thread(target=read)
    thread.start()
    threading.Timer(1.5, holder.close).start()
    result = call_module("cleanup", **freely, **logs)
    stop.set()
    thread.join()
    assert not result.get("failed") and result["results"][0]["deleted"] == 25
    assert longest[0] < 1.1, "a reader stalled behind the one that keeps its lock"


def test_interrupted_before_every_step(settings: Any, user_sql: Any, logs: Any) -> None:
    names: list[str] = []
    with observed(names.append):
        operation.cleanup(Call(OPTIONS, settings))
    assert names.count("cleanup.detach") == 3 and "cleanup.drop" in names and "cleanup.dropped" in names
    for number in range(1, len(names) + 1):
        user_sql.execute("DROP TABLE logs; " + MAKE.replace("part %s", f"part {number} %s"))

        def interrupt() -> None:
            raise Interrupted

        with pytest.raises(Interrupted), observed(at(number, interrupt)):
            operation.cleanup(Call(OPTIONS, settings))
        user_sql.execute("SELECT count(*) FILTER (WHERE id < 25) FROM logs")
        assert user_sql.fetchone() == (25,)
        operation.cleanup(Call(OPTIONS, settings))
        assert rows(user_sql) == (25, 24)
        assert len(partitions(user_sql)) == 3, f"after {names[number - 1]} a detached partition was forgotten"


def test_one_that_stays_in_use_is_a_failure_that_the_next_run_heals(settings: Any, user_sql: Any, logs: Any) -> None:
    holder = psycopg2.connect(**settings.parameters())
    holder.set_session(isolation_level="REPEATABLE READ")
    holder.cursor().execute("SELECT count(*) FROM logs")
    with pytest.raises(TitanError, match="is being detached, but is still in use"):
        operation.cleanup(Call(OPTIONS, settings))
    holder.close()
    planned = operation.cleanup(Call(OPTIONS, settings, check_mode=True))
    result = operation.cleanup(Call(OPTIONS, settings))
    assert planned.data["results"][0]["due"] == result.data["results"][0]["deleted"] == 20, "5 went in the first run"
    assert rows(user_sql) == (25, 24) and len(partitions(user_sql)) == 3
