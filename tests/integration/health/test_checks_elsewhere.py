"""Checks that need a server of their own, this host, or two looks: each fires and clears."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.health.archived import hours_from_json
from ansible_collections.titan.database.plugins.module_utils._engine.health.checks import counters, host
from ansible_collections.titan.database.plugins.module_utils._engine.health.thresholds import thresholds_from_options
from ansible_collections.titan.database.plugins.module_utils._engine.host.cron_daemon import cron_running
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import THROW_AWAY, Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect

from tests.conftest import embedded_programs, free_port, login
from tests.integration.health.test_checks import typed

SETTINGS = [each for each in THROW_AWAY if not each.startswith(("wal_level", "max_wal_senders", "archive_mode"))] + [
    "wal_level=replica", "max_wal_senders=4", "archive_mode=on", "archive_command=false",
    "shared_preload_libraries=pg_stat_statements",
]  # fmt: skip


@pytest.fixture(scope="module")
def primary() -> Iterator[Cluster]:
    cluster = Cluster(embedded_programs(), tempfile.mkdtemp(prefix="titan-test-"), port=free_port(), listen=True)
    cluster.create()
    cluster.start(SETTINGS)
    yield cluster
    cluster.remove()


def look(call_module: Any, place: ConnectionSettings, name: str, warning: float = 0, **options: Any) -> dict[str, Any]:
    result = call_module("health_info", **login(place), thresholds={name: [warning, 1e9]}, **options)
    return next(each for each in result["checks"] if each["name"] == name)


def eventually(read: Any, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while (found := read())["status"] != status and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_slow_statements(call_module: Any, primary: Cluster) -> None:
    place = primary.settings()
    with connect(place) as database:
        database.execute("CREATE EXTENSION pg_stat_statements SCHEMA public")
        assert look(call_module, place, "slow_statements", 20)["status"] == "ok"
        for _call in range(20):
            database.execute("SELECT pg_sleep(0.03), 'a secret'")
    found = look(call_module, place, "slow_statements", 20)
    assert (found["status"], "20 calls" in found["message"], "secret" in str(found)) == ("warning", True, False), found
    typed(found["fix"])
    assert look(call_module, place, "slow_statements", 20)["status"] == "ok"


def test_an_archive_that_fails_and_one_that_hangs(call_module: Any, primary: Cluster) -> None:
    place = primary.settings()
    with connect(place) as database:
        database.execute("SELECT pg_switch_wal()")
        assert eventually(lambda: look(call_module, place, "archiving"), "warning")["status"] == "warning"
        gate = Path(primary.folder, "gate")
        database.execute(f"ALTER SYSTEM SET archive_command = 'while [ ! -e {gate} ]; do sleep 0.1; done'")
        database.execute("SELECT pg_reload_conf()")

        def hanging() -> dict[str, Any]:
            database.execute("SELECT pg_stat_reset_shared('archiver')")
            for each in Path(primary.data, "pg_wal", "archive_status").glob("*.ready"):
                os.utime(each, (time.time() - 3600, time.time() - 3600))
            return look(call_module, place, "archiving", 30)

        found = eventually(hanging, "warning")
        assert (found["status"], "segments wait" in found["message"]) == ("warning", True), found
        typed(found["fix"])
        gate.touch()
        assert eventually(lambda: look(call_module, place, "archiving", 30), "ok")["status"] == "ok"


def test_how_far_the_archive_was_behind_is_kept_by_the_hour(call_module: Any, primary: Cluster, tmp_path: Path) -> None:
    """What the trend of a recovery point is made of; check mode keeps nothing."""
    config, kept = tmp_path / "c.json", tmp_path / "state" / "archived.json"
    config.write_text(json.dumps({"environment": "t", "state_dir": str(kept.parent)}))
    kept.parent.mkdir(mode=0o700)
    with connect(primary.settings()) as database:
        database.execute("ALTER SYSTEM SET archive_command = 'true'")
        database.execute("SELECT pg_reload_conf(), pg_switch_wal()")
        there = "SELECT last_archived_time IS NOT NULL FROM pg_stat_archiver"
        deadline = time.monotonic() + 60
        while not database.value(there) and time.monotonic() < deadline:
            time.sleep(0.1)
    call_module("health_info", check_mode=True, **login(primary.settings()), job_config=str(config))
    assert not kept.exists()
    call_module("health_info", **login(primary.settings()), job_config=str(config))
    hours = hours_from_json(json.loads(kept.read_text()))
    assert [abs(hour - time.time() / 3600) < 1.1 for hour in hours] == [True] and 0 <= max(hours.values()) < 600


def test_a_standby_that_is_behind(call_module: Any, primary: Cluster) -> None:
    second = Cluster(embedded_programs(), tempfile.mkdtemp(prefix="titan-test-"), port=free_port(), listen=True)
    with connect(primary.settings()) as database:
        database.execute("SELECT pg_backup_start('x', true)")
        shutil.rmtree(second.data, ignore_errors=True)
        shutil.copytree(primary.data, second.data, ignore=shutil.ignore_patterns("postmaster.pid", "postmaster.opts"))
        os.makedirs(os.path.join(second.folder, "s"), mode=0o700, exist_ok=True)
        status = os.stat(primary.data)
        for folder, _folders, names in os.walk(second.folder):
            for each in (folder, *(os.path.join(folder, name) for name in names)):
                os.chown(each, status.st_uid, status.st_gid)
        database.execute("SELECT pg_backup_stop(false)")
        Path(second.data, "standby.signal").touch()
        place = primary.settings()
        conninfo = f"host=127.0.0.1 port={place.port} user={place.user} application_name=second"
        try:
            second.start([*SETTINGS, f"primary_conninfo={conninfo}"])
            there = second.settings()
            assert eventually(lambda: look(call_module, there, "replication_lag", 3), "ok")["status"] == "ok"
            database.execute("CREATE TABLE public.before AS SELECT 1 AS n")
            with connect(there) as standby:
                while not standby.value("SELECT pg_last_xact_replay_timestamp()"):
                    time.sleep(0.05)
                standby.execute("SELECT pg_wal_replay_pause()")
            database.execute("CREATE TABLE public.more AS SELECT n FROM generate_series(1, 1000) n")
            found = eventually(lambda: look(call_module, there, "replication_lag", 0.3), "warning")
            assert (found["status"], "replay is paused" in found["message"]) == ("warning", True), found
            seen = eventually(lambda: look(call_module, place, "replication_lag", 0.3), "warning")
            assert (seen["status"], "second (streaming" in seen["message"]) == ("warning", True), seen
            typed(found["fix"])
            assert eventually(lambda: look(call_module, there, "replication_lag", 0.3), "ok")["status"] == "ok"
        finally:
            second.remove()


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    config = tmp_path / "c.json"
    jobs = {"backup": {"schedule": "0 2 * * *"}}
    config.write_text(json.dumps({"environment": "t", "state_dir": f"{tmp_path}/state", "schedule": jobs}))
    (tmp_path / "state").mkdir()
    return config


def test_deadlocks_of_a_day(
    call_module: Any, settings: ConnectionSettings, environment: Path, db: Database, user_sql: Any
) -> None:
    """Counted between two looks; a day later it is over."""
    name, options = "deadlocks", {"job_config": str(environment)}
    result = call_module("health_info", **login(settings), **options)
    assert "two readings are needed" in result["not_checked"][name]
    user_sql.execute("CREATE TABLE a (n int); CREATE TABLE b (n int)")
    other = psycopg2.connect(**settings.parameters())
    other.cursor().execute("LOCK TABLE b")
    user_sql.execute("BEGIN; SET deadlock_timeout = '10s'; LOCK TABLE a")

    def wait() -> None:
        user_sql.execute("LOCK TABLE b")

    thread = threading.Thread(target=wait)
    thread.start()
    with pytest.raises(psycopg2.errors.DeadlockDetected):
        other.cursor().execute("SET deadlock_timeout = '50ms'; LOCK TABLE a")
    other.close()
    thread.join()
    user_sql.execute("COMMIT")
    found = eventually(lambda: look(call_module, settings, name, **options), "warning")
    assert (found["status"], found["value"]) == ("warning", 1), found
    samples = json.loads((environment.parent / "state" / "counters.json").read_text())
    for each in samples["samples"]:
        each["at"] -= 26 * 3600
    newest = {**samples["samples"][-1], "at": time.time() - 7200, "deadlocks": found["value"] and 1}
    (environment.parent / "state" / "counters.json").write_text(json.dumps({"samples": [*samples["samples"], newest]}))
    assert look(call_module, settings, name, **options)["status"] == "ok"


def test_sorts_that_go_to_disk(
    call_module: Any, settings: ConnectionSettings, environment: Path, db: Database, user_sql: Any
) -> None:
    """What has been written since the reading before; the advice shows which statements do."""
    name, options = "temporary_files", {"job_config": str(environment), "warning": 0.001}
    call_module("health_info", **login(settings), job_config=str(environment))
    user_sql.execute(
        "SET work_mem = '64kB'; SELECT count(*) FROM (SELECT n FROM generate_series(1, 300000) n ORDER BY -n) sorted"
    )
    user_sql.execute("SELECT pg_stat_force_next_flush()")
    found = eventually(lambda: look(call_module, settings, name, **options), "warning")
    assert (found["status"], found["value"] > 0.001) == ("warning", True), found
    try:
        typed(found["fix"])
        assert (
            eventually(lambda: {"status": db.value("SELECT current_setting('log_temp_files')")}, "100MB")["status"]
            == "100MB"
        )
    finally:
        db.execute("ALTER SYSTEM RESET log_temp_files")
        db.execute("SELECT pg_reload_conf()")
    kept = environment.parent / "state" / "counters.json"
    first = json.loads(kept.read_text())["samples"][0]
    written = db.value("SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()")
    later = {**first, "at": time.time() - 7200, "temp_bytes": int(written)}
    kept.write_text(json.dumps({"samples": [{**first, "at": first["at"] - 26 * 3600}, later]}))
    assert look(call_module, settings, name, **options)["status"] == "ok", "a day later it is over"


def test_readings_are_kept_an_hour_apart_for_a_day_and_thrown_away_when_the_server_began_anew() -> None:
    def sample(hour: float, deadlocks: int, reset: float = 1.0) -> counters.Sample:
        return counters.Sample(at=hour * 3600, reset=reset, deadlocks=deadlocks, temp_bytes=0)

    kept: list[counters.Sample] = []
    for quarter in range(400):
        kept = counters.kept_samples(kept, sample(quarter / 4, quarter))
    assert 24 <= len(kept) <= 27
    grown = counters.growth(kept, sample(100, 400), 7)
    assert grown and grown.seconds <= 25.5 * 3600 and 90 < grown.deadlocks < 110
    assert [each["deadlocks"] for each in counters.kept_samples(kept, sample(100.5, 3, reset=2.0))] == [3]
    assert counters.growth([], sample(24 * 8, 8, reset=0.0), 7) is None, "nobody knows since when"
    mean = counters.growth([], sample(24 * 8, 8, reset=3600.0), 7)
    assert mean and mean.deadlocks == 1, "eight in eight days"


@pytest.mark.parametrize(
    ("daemon", "status"),
    [
        ("Name:\tcron\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\nNSpid:\t77\n", 0),
        ("Name:\tsleep\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\nNSpid:\t77\n", 1),
        ("Name:\tcrond\nState:\tT (stopped)\nUid:\t0\t0\t0\t0\nNSpid:\t77\n", 1),
        ("Name:\tcron\nState:\tS (sleeping)\nUid:\t1000\t1000\t1000\t1000\nNSpid:\t77\n", 1),
        ("Name:\tcrond\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\nNSpid:\t77\t9\n", 1),
    ],
    ids=["runs", "none", "stopped by a signal", "another user's program", "a container's"],
)
def test_the_cron_daemon(tmp_path: Path, daemon: str, status: int) -> None:
    limits = thresholds_from_options({})
    for number, text in (("1", "Name:\tsystemd\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\n"), ("77", daemon)):
        (tmp_path / number).mkdir()
        (tmp_path / number / "status").write_text(text)
    none = str(tmp_path / "generator")
    (found,) = host.cron_checks(cron_running(str(tmp_path), none), limits)
    assert (found.status, found.fix.startswith("systemctl enable --now cron")) == (status, bool(status))
    for answer, by_timers in {"exit 0": 0, "exit 3": 1, "exit 4": 3}.items():  # systemd-cron has no daemon
        (seen,) = host.cron_checks(cron_running(str(tmp_path), str(tmp_path), ("sh", "-c", answer)), limits)
        assert seen.status == (by_timers if status else 0)
    shutil.rmtree(tmp_path / "1")
    assert host.cron_checks(cron_running(str(tmp_path)), limits)[0].status == 3, "others are hidden"


def test_the_cron_daemon_is_looked_for(environment: Path, call_module: Any, settings: ConnectionSettings) -> None:
    assert look(call_module, settings, "cron_daemon", job_config=str(environment))["status"] in ("ok", "warning")


def test_clocks(environment: Path, call_module: Any, settings: ConnectionSettings) -> None:
    limits = thresholds_from_options({})
    for difference, future, status in ((0.0, 0.0, 0), (-7.0, 0.0, 1), (61.0, 0.0, 2), (None, 61.0, 2), (0.0, 6.0, 1)):
        assert host.clock_checks(difference, future, "backup", limits)[0].status == status, (difference, future)
    assert host.clock_checks(None, 0.0, "", limits) == []
    record = environment.parent / "state" / "backup.json"
    record.write_text(json.dumps({"name": "backup", "last_start": time.time() + 100}))
    found = look(call_module, settings, "clock", 60, job_config=str(environment))
    assert (found["status"], "the clock was set back" in found["message"]) == ("warning", True), found
    record.write_text(json.dumps({"name": "backup", "last_start": time.time() - 100}))
    assert look(call_module, settings, "clock", 60, job_config=str(environment))["status"] == "ok"
