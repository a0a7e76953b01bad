"""Killed or failed at every step: counts add up to what was committed, and the next run finishes."""

from __future__ import annotations

import itertools
import signal
import time
from contextlib import suppress
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.retention import declaration, operation
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import login
from tests.steps import at, killed_at

OPTIONS = {
    "tables": None, "backup_dest": None, "backup_name": None, "require_backup_within": "off", "require_verified": "restored",
    "require_row_within": "7 days",
    "max_fraction": 1.0, "max_runtime": "1h", "batch_target_ms": 10, "pause": 0.0, "vacuum": "auto",
    "max_replica_lag_mb": 0, "min_free_wal_mb": 0,
}  # fmt: skip
POLICY = {"table": "logs", "column": "at", "keep": "1 day"}


class Interrupted(BaseException):
    pass


@pytest.fixture
def logs(settings: Any, user_sql: Any, call_module: Any) -> Any:
    user_sql.execute("CREATE TABLE logs (id int, at timestamptz, archived boolean)")
    user_sql.execute("CREATE FUNCTION fill() RETURNS void LANGUAGE sql AS 'TRUNCATE logs; INSERT INTO logs "
                     "SELECT i, now() - interval ''10 days'' * (i % 2) FROM generate_series(1, 8000) i'")  # fmt: skip
    user_sql.execute("SELECT fill()")
    call_module("retention_policy", policies=[POLICY], **login(settings))
    return settings


def left(settings: Any) -> tuple[int, int]:
    with connect(settings) as database:
        row = database.row(
            "SELECT count(*) AS all, count(*) FILTER (WHERE at < now() - interval '1 day') AS due FROM public.logs"
        )
    assert row
    return row["all"], row["due"]


def test_interrupted_before_every_step(logs: Any, user_sql: Any) -> None:
    def interrupt() -> None:
        raise Interrupted

    for number in itertools.count(1):
        user_sql.execute("SELECT fill()")
        names: list[str] = []
        finished = False
        with suppress(Interrupted), observed(names.append), observed(at(number, interrupt)):
            operation.cleanup(Call(OPTIONS, logs))
            finished = True
        if finished:
            break
        everything, due = left(logs)
        assert everything - due == 4000, f"step {number} ({names[-1]}) lost rows that were not due"
        healed = operation.cleanup(Call(OPTIONS, logs))
        assert healed.data["results"][0]["deleted"] == due
        assert left(logs) == (4000, 0)
    assert names.count("cleanup.batch") >= 4 and "cleanup.vacuum" in names and number > len(names)


def _killed(settings: Any, where: str | int) -> int:
    return killed_at(where, lambda: operation.cleanup(Call(OPTIONS, settings)))


@pytest.mark.parametrize("number", [3, 5, 7])
def test_killed_in_the_middle_keeps_what_was_done(logs: Any, number: int) -> None:
    assert _killed(logs, number) == -signal.SIGKILL
    everything, due = left(logs)
    assert everything - due == 4000 and 0 < due < 4000
    assert operation.cleanup(Call(OPTIONS, logs)).data["results"][0]["deleted"] == due


@pytest.mark.parametrize("mode", ["delete", "mark"])
def test_killed_at_every_step(logs: Any, call_module: Any, mode: str) -> None:
    """Each run is killed one step later than the one before, until one comes to its end; what was done stays done."""
    if mode == "mark":
        marking = {**POLICY, "mode": "mark", "mark": {"column": "archived", "value": True}}
        call_module("retention_policy", policies=[marking], **login(logs))
    done = "count(*) FILTER (WHERE archived)" if mode == "mark" else "8000 - count(*)"
    before = 0
    for number in itertools.count(1):
        status = _killed(logs, number)
        with connect(logs) as database:
            row = database.row(
                f"SELECT {done} AS done, count(*) FILTER (WHERE at > now() - interval '1 day' AND archived IS NULL) AS kept "
                "FROM public.logs"
            )
        assert row and row["kept"] == 4000 and before <= row["done"] <= 4000, f"after step {number}"
        before = row["done"]
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert before == 4000 and number > 3
    assert not call_module("cleanup", require_backup_within="off", **login(logs))["changed"]


def _dead_rows(settings: Any, expected: int) -> int:
    """The dead rows that the server counts; it counts late, at the latest when a session ends."""
    deadline = time.monotonic() + 30
    with connect(settings) as database:
        while True:
            dead = int(database.value("SELECT pg_stat_get_dead_tuples('public.logs'::regclass)"))
            if dead == expected or time.monotonic() > deadline:
                return dead
            time.sleep(0.1)


def test_killed_before_its_vacuum_the_next_run_vacuums(logs: Any, user_sql: Any, call_module: Any) -> None:
    user_sql.execute("ALTER TABLE logs SET (autovacuum_enabled = off)")
    assert _killed(logs, "cleanup.vacuum") == -signal.SIGKILL and _dead_rows(logs, 4000) == 4000
    planned = call_module("cleanup", check_mode=True, require_backup_within="off", **login(logs))
    assert planned["changed"] and any("was cut off before its VACUUM" in finding for finding in planned["findings"])
    assert planned["results"][0]["due"] == 0 and _dead_rows(logs, 4000) == 4000, "check mode vacuums nothing"
    left_alone = call_module("cleanup", vacuum="never", require_backup_within="off", **login(logs))
    assert not left_alone["changed"] and not any("VACUUM" in finding for finding in left_alone["findings"])
    healed = call_module("cleanup", require_backup_within="off", **login(logs))
    assert healed["changed"] and [one["table"] for one in healed["vacuumed"]] == ["public.logs"]
    assert 0 < healed["vacuumed"][0]["reusable_bytes"] <= healed["vacuumed"][0]["bytes_before"]
    assert _dead_rows(logs, 0) == 0
    again = call_module("cleanup", require_backup_within="off", **login(logs))
    assert not again["changed"] and again["vacuumed"] == []


def test_a_terminated_backend_is_a_failure_with_the_truth(logs: Any, user_sql: Any) -> None:
    def terminate() -> None:
        user_sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'titan-db cleanup'"
        )

    with pytest.raises(TitanError) as failure, observed(at(5, terminate)):
        operation.cleanup(Call(OPTIONS, logs))
    _everything, due = left(logs)
    assert 0 < due < 4000
    assert failure.value.details["results"][0]["deleted"] == 4000 - due
    assert failure.value.details["changed"] is True
    assert operation.cleanup(Call(OPTIONS, logs)).data["results"][0]["deleted"] == due


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_policies_are_all_or_nothing(settings: Any, user_sql: Any, number: int) -> None:
    user_sql.execute("CREATE TABLE logs (id int, at timestamptz)")

    def interrupt() -> None:
        raise Interrupted

    policy = {
        **POLICY,
        "name": None,
        "where": None,
        "mode": "delete",
        "mark": None,
        "time_zone": "UTC",
        "max_fraction": None,
        "contended": False,
        "archive": None,
    }
    call = Call({"policies": [policy]}, settings)
    with pytest.raises(Interrupted), observed(at(number, interrupt)):
        declaration.retention_policy(call)
    user_sql.execute("SELECT to_regclass('titan_ops.retention_policy')")
    assert user_sql.fetchone() == (None,)
    assert declaration.retention_policy(call).changed
    assert not declaration.retention_policy(call).changed
