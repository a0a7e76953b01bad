"""Every threshold fires and clears on a real server; the report says what to do."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.entry import Entry
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.expression import parse_expression
from ansible_collections.titan.database.plugins.module_utils._engine.environment.config import Environment, JobPlan
from ansible_collections.titan.database.plugins.module_utils._engine.health.checks.records import (
    age_limits,
    backup_checks,
)
from ansible_collections.titan.database.plugins.module_utils._engine.health.thresholds import thresholds_from_options
from ansible_collections.titan.database.plugins.module_utils._engine.jobs.programs import broken_copies
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.locks import file_lock

from tests.conftest import login
from tests.integration.health.test_checks import typed

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def check(call_module: Call, settings: ConnectionSettings) -> Callable[..., dict[str, Any]]:
    """Run health and return the one check."""

    def run(name: str, warning: float, critical: float, **options: Any) -> dict[str, Any]:
        result = call_module("health_info", **login(settings), thresholds={name: [warning, critical]}, **options)
        assert not result.get("failed"), result
        assert result["changed"] is False
        return next(each for each in result["checks"] if each["name"] == name)

    return run


def other_session(settings: ConnectionSettings) -> Any:
    return psycopg2.connect(**settings.parameters())


def eventually(read: Callable[[], dict[str, Any]], status: str) -> dict[str, Any]:
    for _attempt in range(60):
        found = read()
        if found["status"] == status:
            return found
        time.sleep(0.1)
    return read()


def test_an_idle_database_is_ok(call_module: Call, settings: ConnectionSettings) -> None:
    result = call_module(
        "health_info", **login(settings), thresholds={"disk": [100, 100], "oldest_transaction": [1e6, 1e6]}
    )
    assert result["status"] == "ok", result["report"]
    assert result["exit_status"] == 0
    assert {each["name"] for each in result["checks"]} >= {
        "connection",
        "database_size",
        "bloat",
        "wraparound",
        "sequences",
    }


@pytest.mark.parametrize("name", ["database_size", "wraparound", "disk"])
def test_a_measured_amount_fires_above_its_limit_and_not_at_it(check: Callable, name: str, tmp_path: Path) -> None:
    value = check(name, 1e9, 1e9, backup_dest=str(tmp_path))["value"]
    assert check(name, 1e9, 1e9, backup_dest=str(tmp_path))["status"] == "ok"
    assert value > 0
    found = check(name, value / 2, 1e9, backup_dest=str(tmp_path))
    assert (found["status"], bool(found["fix"])) == ("warning", True)
    assert check(name, 0, value / 2, backup_dest=str(tmp_path))["status"] == "critical"


def test_a_database_that_grows(check: Callable, user_sql: Any) -> None:
    limit = check("database_size", 1e9, 1e9)["value"] + 0.01
    assert check("database_size", limit, 1e9)["status"] == "ok"
    user_sql.execute("CREATE TABLE t AS SELECT repeat(md5(n::text), 30) AS pad FROM generate_series(1, 20000) n")
    assert check("database_size", limit, 1e9)["status"] == "warning"
    user_sql.execute("DROP TABLE t; CHECKPOINT")
    assert check("database_size", limit, 1e9)["status"] == "ok"


def test_sessions_locks_slow_statements_and_old_transactions(
    check: Callable, settings: ConnectionSettings, user_sql: Any
) -> None:
    limits = {
        "active_connections": {},
        "waiting_locks": {},
        "slow_queries": {"slow_query_seconds": 0.2},
        "oldest_transaction": {},
    }
    before = {name: check(name, 1e9, 1e9, **extra)["value"] for name, extra in limits.items()}
    user_sql.execute("CREATE TABLE t (n int)")
    holder, waiter = other_session(settings), other_session(settings)
    try:
        holder.cursor().execute("LOCK TABLE t")
        thread = threading.Thread(target=lambda: waiter.cursor().execute("SELECT count(*) FROM t"))
        thread.start()
        time.sleep(0.5)
        for name, extra in limits.items():
            limit = before[name] if name != "oldest_transaction" else 0.0001
            found = eventually(lambda n=name, at=limit, e=extra: check(n, at, 1e9, **e), "warning")
            assert found["status"] == "warning", (name, found)
        holder.rollback()
        thread.join()
    finally:
        holder.close()
        waiter.close()
    for name, extra in limits.items():
        limit = before[name] if name != "oldest_transaction" else 1
        cleared = eventually(lambda n=name, at=limit, e=extra: check(n, at, 1e9, **e), "ok")
        assert cleared["status"] == "ok", (name, cleared)


def test_an_invalid_index(check: Callable, user_sql: Any) -> None:
    user_sql.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1), (1)")
    assert check("invalid_indexes", 0, 5)["status"] == "ok"
    with pytest.raises(psycopg2.errors.UniqueViolation):
        user_sql.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON t (n)")
    found = check("invalid_indexes", 0, 5)
    assert (found["status"], found["message"]) == ("warning", "1: public.broken")
    user_sql.execute("DROP INDEX broken")
    assert check("invalid_indexes", 0, 5)["status"] == "ok"


def test_a_sequence_near_its_end(check: Callable, user_sql: Any) -> None:
    user_sql.execute("CREATE SEQUENCE s AS smallint; SELECT setval('s', 30000)")
    found = check("sequences", 85, 95)
    assert (found["status"], "public.s" in found["message"]) == ("warning", True)
    user_sql.execute("ALTER SEQUENCE s AS bigint; ALTER SEQUENCE s MAXVALUE 9223372036854775807")
    assert check("sequences", 85, 95)["status"] == "ok"


def test_bloat(check: Callable, user_sql: Any) -> None:
    user_sql.execute(
        "CREATE TABLE t WITH (autovacuum_enabled = off) AS SELECT n, repeat('x', 100) AS pad FROM generate_series(1, 100000) n"
    )
    user_sql.execute("VACUUM ANALYZE t")
    assert check("bloat", 30, 50)["status"] == "ok"
    user_sql.execute("DELETE FROM t WHERE n % 3 > 0")
    user_sql.execute("VACUUM ANALYZE t")
    found = check("bloat", 30, 50)
    assert (found["status"], "public.t" in found["message"], 55 < found["value"] < 75) == ("critical", True, True), (
        found
    )
    typed(found["fix"])
    assert check("bloat", 30, 50)["status"] == "ok"


def test_replication_slots(check: Callable, user_sql: Any, settings: ConnectionSettings) -> None:
    user_sql.execute("SELECT pg_create_physical_replication_slot('left_behind', true)")
    try:
        assert check("inactive_slots", 0, 3)["status"] == "warning"
        user_sql.execute("SET synchronous_commit = on")  # else the log may not be written yet, and holds nothing
        user_sql.execute("CREATE TABLE t AS SELECT n FROM generate_series(1, 50000) n")
        assert check("replication_slots", 0.0001, 10)["status"] == "warning"
    finally:
        user_sql.execute("SELECT pg_drop_replication_slot('left_behind')")
    assert check("inactive_slots", 0, 3)["status"] == "ok"
    assert check("replication_slots", 0.0001, 10)["status"] == "ok"


def test_a_server_that_is_down_is_critical_and_the_rest_is_still_checked(call_module: Call, tmp_path: Path) -> None:
    result = call_module("health_info", login_host="127.0.0.1", login_port=1, login_db="x", backup_dest=str(tmp_path))
    assert result["status"] == "critical"
    names = {each["name"]: each["status"] for each in result["checks"]}
    assert names["connection"] == names["backup_age"] == "critical"
    assert "systemctl status postgresql" in result["report"]


def test_an_empty_list_leaves_a_check_out(call_module: Call, settings: ConnectionSettings) -> None:
    result = call_module("health_info", **login(settings), thresholds={"bloat": []})
    assert not [each for each in result["checks"] if each["name"] == "bloat"]


@pytest.mark.parametrize("pair", [[50, 25], [1], [1, 2, 3]])
def test_limits_that_make_no_sense_are_refused(call_module: Call, settings: ConnectionSettings, pair: list) -> None:
    failed = call_module("health_info", **login(settings), thresholds={"bloat": pair})
    assert failed["failed"]
    assert "thresholds.bloat" in failed["msg"]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Path]:
    """A configuration with one hourly job, installed long ago."""
    config = tmp_path / "etc.json"
    text = {
        "environment": "t",
        "state_dir": f"{tmp_path}/state",
        "schedule": {"backup": {"schedule": "0 * * * *", "timeout": "1h"}},
    }
    config.write_text(json.dumps(text))
    yield config


def record(environment: Path, **fields: Any) -> None:
    folder = environment.parent / "state"
    folder.mkdir(exist_ok=True)
    (folder / "backup.json").write_text(json.dumps({"name": "backup", **fields}))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act in another user's place")
def test_somebody_else_may_look_and_leaves_nothing(check: Callable, environment: Path) -> None:
    record(environment, last_start=time.time())
    folder = environment.parent / "state"
    (folder / "slow.json").write_text(json.dumps({"1:2": time.time()}))
    os.chown(folder, 65534, -1)
    before = (folder / "slow.json").stat()
    assert check("slow_queries", 0, 50, job_config=str(environment))["status"] == "warning"
    assert (folder / "slow.json").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda command, _spare: command.unlink(), "command is missing"),
        (lambda _command, spare: spare.unlink(), "spare is missing"),
        (lambda command, _spare: command.chmod(0o600), "command cannot be executed"),
        (lambda command, _spare: command.write_bytes(b""), "command is empty"),
        (lambda command, _spare: command.write_bytes(b"another"), "command and "),
        (lambda command, _spare: (command.unlink(), command.mkdir()), "command is not a file"),
    ],
    ids=["gone", "spare gone", "not executable", "empty", "another", "a directory"],
)
def test_the_copies_of_the_program(check: Callable, environment: Path, harm: Callable, said: str) -> None:
    command, spare = environment.parent / "command", environment.parent / "spare"
    for path in (command, spare):
        path.write_bytes(b"the program")
        path.chmod(0o755)
    config = json.loads(environment.read_text())
    environment.write_text(json.dumps({**config, "command": str(command), "spare_command": str(spare)}))
    assert check("programs", 0, 0, job_config=str(environment))["status"] == "ok"
    harm(command, spare)
    if said != "spare is missing" and command.is_file() and said != "command cannot be executed":
        command.chmod(0o755)
    found = check("programs", 0, 0, job_config=str(environment))
    assert (found["status"], found["value"], said in found["message"]) == ("critical", 1, True), found
    assert found["fix"] == "ansible-playbook titan.database.site -l t --tags host"
    environment.write_text(json.dumps({**config, "command": str(spare)}))
    expected = "critical" if said.startswith("spare") else "ok"
    assert check("programs", 0, 0, job_config=str(environment))["status"] == expected, "without a spare copy"


def test_a_converge_that_is_replacing_the_copies_is_no_finding(tmp_path: Path) -> None:
    command, spare = tmp_path / "command", tmp_path / "spare"
    for path, content in ((command, b"old"), (spare, b"the new one")):
        path.write_bytes(content)
        path.chmod(0o755)
    environment = Environment("t", "", 0.0, "", command=str(command), spare_command=str(spare))
    assert broken_copies(environment, lambda _seconds: None) == [f"{command} and {spare} differ"]

    def converge(_seconds: float) -> None:
        command.write_bytes(b"the new one")

    assert broken_copies(environment, converge) == []


def test_a_stuck_job(check: Callable, environment: Path) -> None:
    now = time.time()
    record(environment, last_start=now - 3500)
    with file_lock(str(environment.parent / "state" / "backup.lock"), "a test"):
        assert check("jobs_stuck", 0, 0, job_config=str(environment))["status"] == "ok"
        assert check("jobs_failed", 0, 0, job_config=str(environment))["status"] == "ok", "it runs"
        record(environment, last_start=now - 3700, pid=4711)
        found = check("jobs_stuck", 0, 0, job_config=str(environment))
        assert (found["status"], "backup" in found["message"]) == ("critical", True)
        assert found["fix"] == "kill 4711"
    assert check("jobs_stuck", 0, 0, job_config=str(environment))["status"] == "ok"


def test_what_helps_can_be_typed_as_it_is(check: Callable, environment: Path) -> None:
    record(environment, last_start=1.0, last_end=2.0, exit_status=1, message="no disk")
    found = check("jobs_failed", 0, 0, job_config=str(environment))
    assert found["status"] == "critical"
    assert found["fix"] == f"titan-db why {environment} backup; titan-db cron {environment} backup"
    record(environment, last_start=1.0, last_end=2.0)
    os.utime(environment, (1, 1))
    found = check("jobs_missed", 0, 0, job_config=str(environment))
    assert found["fix"].startswith(f"titan-db cron {environment} backup; to see why: ")


@pytest.mark.parametrize(("hours", "status"), [(24.9, "ok"), (25.1, "warning"), (47.9, "warning"), (48.1, "critical")])
def test_the_age_of_backups_and_of_their_proof(hours: float, status: str) -> None:
    now = datetime.now(timezone.utc)
    limits = thresholds_from_options({})

    def entry(age: float, level: str = "restored", problem: str = "") -> Entry:
        moment = now - timedelta(hours=age)
        return Entry("/b/f", "f", "d", "1", moment, moment, 1, "", "custom", level, moment, problem, None, {})

    def judged(*entries: Entry) -> list[str]:
        return [each.as_data()["status"] for each in backup_checks(entries, now, limits, "/b")]

    assert judged(entry(hours)) == [status, status]
    assert judged(entry(hours), entry(1, "checksum")) == ["ok", status], "a backup without a restore is no proof"
    assert judged(entry(hours), entry(1, "none", "it is truncated")) == [status, status], "a damaged one does not count"
    assert judged() == ["critical", "critical"]


@pytest.mark.parametrize(
    ("schedule", "limits"), [("0 2 * * *", (25, 48)), ("0 3 * * 0", (169, 336)), ("0 */6 * * *", (7, 12))]
)
def test_backups_may_be_as_old_as_their_schedule_makes_them(schedule: str, limits: tuple[float, float]) -> None:
    plan = JobPlan("backup", "backup", parse_expression(schedule))
    assert age_limits([plan], datetime(2026, 11, 1, tzinfo=timezone.utc), timezone.utc) == limits
    assert age_limits([JobPlan("backup", "backup")], datetime.now(timezone.utc), timezone.utc) is None


def test_missed_failed_and_interrupted_jobs(check: Callable, environment: Path) -> None:
    now = time.time()
    assert check("jobs_missed", 0, 0, job_config=str(environment))["status"] == "ok", (
        "nothing was due since the installation"
    )
    os.utime(environment, (now - 86400, now - 86400))
    assert check("jobs_missed", 0, 0, job_config=str(environment))["status"] == "critical"
    record(environment, last_start=now - 1, last_end=now, last_success=now - 1)
    assert check("jobs_missed", 0, 0, job_config=str(environment))["status"] == "ok"
    assert check("jobs_failed", 0, 0, job_config=str(environment))["status"] == "ok"
    record(environment, last_start=now - 1, last_end=now, exit_status=1, message="no connection")
    found = check("jobs_failed", 0, 0, job_config=str(environment))
    assert (found["status"], "no connection" in found["message"]) == ("critical", True)
    record(environment, last_start=now - 1, last_end=0)
    assert "interrupted" in check("jobs_failed", 0, 0, job_config=str(environment))["message"]


def test_a_role_that_sees_only_its_own_sessions_says_so(settings: ConnectionSettings, call_module: Any) -> None:
    with connect(settings) as database:
        database.execute("DO $$ BEGIN CREATE ROLE watch_blind LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    seen = {check["name"]: str(check) for check in call_module("health_info", **login(settings))["checks"]}
    blind = {
        check["name"]: str(check)
        for check in call_module("health_info", **{**login(settings), "login_user": "watch_blind"})["checks"]
    }
    for name in ("active_connections", "slow_queries", "waiting_locks"):
        assert "pg_monitor" not in seen[name]
        assert "grant pg_monitor to 'watch_blind'" in blind[name]
