"""Due rows that are scattered over the disk but lie together in the key are reached through the key."""

from __future__ import annotations

import itertools
import signal
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.retention import operation

from tests.conftest import login
from tests.integration.retention.test_interruptions import OPTIONS
from tests.steps import killed_at

# The first 2,000 keys are old. They were updated since, so that they lie at both ends of the table.
MAKE = """
    CREATE TABLE logs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz, body text) WITH (autovacuum_enabled = off);
    INSERT INTO logs (at, body) SELECT now() - CASE WHEN n <= 2000 THEN interval '10 days' ELSE '1 hour' END, repeat('x', 150)
      FROM generate_series(1, 20000) n;
    UPDATE logs SET body = repeat('y', 150) WHERE id <= 2000 AND id % 2 = 0;
    ANALYZE logs;
"""


@pytest.fixture
def logs(settings: Any, user_sql: Any, call_module: Any) -> Any:
    user_sql.execute(MAKE)
    call_module("retention_policy", policies=[{"table": "logs", "column": "at", "keep": "1 day"}], **login(settings))
    return settings


def counts(settings: Any) -> tuple[int, int]:
    with connect(settings) as database:
        row = database.row("SELECT count(*) FILTER (WHERE id <= 2000) AS due, count(*) AS all FROM public.logs")
    assert row
    return row["due"], row["all"] - row["due"]


def test_it_is_chosen_named_and_exact(logs: Any, call_module: Any, freely: Any, user_sql: Any) -> None:
    planned = call_module("cleanup", check_mode=True, **freely, **login(logs))["results"][0]
    assert planned["strategy"] == "pk_window" and planned["due"] == 2000
    assert "logs_pkey" in planned["reason"] and "10.0% of the key's values" in planned["reason"]
    user_sql.execute("UPDATE logs SET at = now() - interval '9 days' WHERE id = 1999")
    done = call_module("cleanup", **freely, **login(logs))["results"][0]
    assert (done["deleted"], done["left"], done["strategy"]) == (2000, 0, "pk_window") and done["batches"] >= 2
    assert counts(logs) == (0, 18000)
    assert not call_module("cleanup", **freely, **login(logs))["changed"]


@pytest.mark.parametrize(
    ("change", "strategy"),
    [
        ("UPDATE logs SET at = now() - interval '9 days' WHERE id = 19000", "tid_sweep"),  # the key is wide
        ("CREATE INDEX ON logs (at); ANALYZE logs", "keyset"),
        ("ALTER TABLE logs DROP CONSTRAINT logs_pkey", "tid_sweep"),
        (
            "ALTER TABLE logs DROP CONSTRAINT logs_pkey, ADD COLUMN n int DEFAULT 1, ADD PRIMARY KEY (n, id)",
            "tid_sweep",
        ),
        ("VACUUM FULL logs", "tid_sweep"),  # by key on disk too
    ],
)
def test_it_is_not_chosen_where_it_gains_nothing(
    logs: Any, user_sql: Any, call_module: Any, freely: Any, change: str, strategy: str
) -> None:
    for statement in change.split("; "):
        user_sql.execute(statement)
    if change.startswith("VACUUM"):
        user_sql.execute("CLUSTER logs USING logs_pkey")
    done = call_module("cleanup", **freely, **login(logs))["results"][0]
    assert done["strategy"] == strategy, done["reason"]
    assert done["deleted"] == done["due"] >= 2000 and done["left"] == 0


def test_locked_rows_are_stepped_around(logs: Any, call_module: Any, freely: Any) -> None:
    import psycopg2

    holder = psycopg2.connect(**logs.parameters())
    holder.cursor().execute("SELECT FROM logs WHERE id IN (1, 1500) FOR UPDATE")
    result = call_module("cleanup", **freely, **login(logs))
    holder.close()
    assert result["failed"] and result["results"][0]["deleted"] == 1998 and result["results"][0]["stepped_around"] > 0
    assert call_module("cleanup", **freely, **login(logs))["results"][0]["deleted"] == 2


def _killed(settings: Any, where: str | int) -> int:
    return killed_at(where, lambda: operation.cleanup(Call(OPTIONS, settings)))


def test_killed_at_every_step(logs: Any) -> None:
    """Each run is killed one step later than the one before, until one comes to its end."""
    before = 2000
    for number in itertools.count(1):
        status = _killed(logs, number)
        due, others = counts(logs)
        assert others == 18000 and due <= before
        before = due
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert due == 0 and number > 2
