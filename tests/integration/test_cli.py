"""The host command as it is installed, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.drill_programs import drill_programs

ENGINE = Path(zipapp.PACKAGE)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """titan-db, built as the role host builds it."""
    path = tmp_path_factory.mktemp("bin") / "titan-db"
    path.write_bytes(zipapp.build(sys.executable))
    path.chmod(0o755)
    return path


def start(command: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": "/", **variables}
    return subprocess.run([str(command), *words], env=env, capture_output=True, text=True, check=False, timeout=120)


def url(settings: ConnectionSettings) -> str:
    return f"postgresql://{settings.user}@{settings.host}:{settings.port}/{settings.database}"


def configured(tmp_path: Path, settings: ConnectionSettings, **more: Any) -> Path:
    (tmp_path / ".env").write_text(f"DATABASE_URL='{url(settings)}'\n")
    config = tmp_path / "t.json"
    backups = tmp_path / "backups"
    backups.mkdir(mode=0o700, exist_ok=True)
    text = {
        "environment": "t",
        "env_file": f"{tmp_path}/.env",
        "state_dir": f"{tmp_path}/state",
        "schedule": {"backup": {"schedule": "0 2 * * *"}, "cleanup": {"schedule": "15 2 * * *", "after": "backup"}},
        "jobs": {
            "backup": {
                "dest": str(backups),
                "name": "t",
                "programs": drill_programs(),
                "drill_dir": "/var/tmp",
                "compression": "gzip",
            },
            "cleanup": {"backup_dest": str(backups), "backup_name": "t"},
        },
        **more,
    }
    config.write_text(json.dumps(text))
    return config


def test_help_and_usage(command: Path) -> None:
    shown = start(command, "--help")
    assert shown.returncode == 0
    assert all(word in shown.stdout for word in ("backup", "cleanup", "health", "75", "DATABASE_URL"))
    assert start(command, "backup", "--no-such-option").returncode == 2
    assert start(command, "health", "--no-such-option").returncode == 3, "2 would mean critical to a monitoring system"
    assert start(command, "no-such-word").returncode == 2


def test_it_says_which_version_it_is(command: Path) -> None:
    galaxy = (Path(__file__).parents[2] / "galaxy.yml").read_text(encoding="utf-8")
    shown = start(command, "--version")
    assert shown.returncode == 0 and f"\nversion: {shown.stdout.removeprefix('titan-db ')}" in galaxy


def test_errors_are_one_sentence(command: Path) -> None:
    for words, status in (
        (["stats"], 1),
        (["stats", "--env-file", "/no-such-file"], 1),
        (["stats", "--top", "many"], 2),
        (["stats", "--config", "/no-such-file"], 2),
        (["health", "--thresholds", '{"bloat": [2, 1]}'], 3),
    ):
        done = start(command, *words)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (status, "", 1), (words, done)
        assert done.stderr.startswith(f"titan-db {words[0]}: ")


def test_health_speaks_as_monitoring_plugins_do(command: Path, settings: ConnectionSettings) -> None:
    limits = json.dumps({"oldest_transaction": [1e6, 1e6], "disk": [100, 100]})
    done = start(command, "health", "--thresholds", limits, DATABASE_URL=url(settings))
    assert done.returncode == 0, done
    assert "connection" in done.stdout
    alarmed = json.dumps({"database_size": [0, 1], "disk": [100, 100]})
    done = start(command, "health", "--json", "--thresholds", alarmed, DATABASE_URL=url(settings))
    found = json.loads(done.stdout)
    assert (done.returncode, found["status"], found["exit_status"]) == (1, "warning", 1)
    done = start(command, "health", DATABASE_URL="postgresql://u:s3cret@127.0.0.1:1/x")
    assert (done.returncode, "s3cret" in done.stdout + done.stderr) == (2, False)


def test_check_writes_nothing(command: Path, settings: ConnectionSettings, tmp_path: Path) -> None:
    config = configured(tmp_path, settings)
    done = start(command, "backup", "--check", "--config", str(config))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "state").exists()
    assert os.listdir(tmp_path / "backups") == []


def test_a_night_of_jobs(command: Path, titan: ConnectionSettings, tmp_path: Path, db: Any) -> None:
    config = str(configured(tmp_path, titan))
    early = start(command, "cleanup", "--config", config)
    assert (early.returncode, "has never succeeded" in early.stdout) == (1, True)
    backup = start(command, "backup", "--config", config)
    assert backup.returncode == 0, backup.stdout + backup.stderr
    assert "compared after restore" in backup.stdout
    cleanup = start(command, "cleanup", "--config", config, "--json")
    assert cleanup.returncode == 0, cleanup.stderr
    assert json.loads(cleanup.stdout)["exit_status"] == 0
    assert "started" in cleanup.stderr
    stats = start(command, "stats", "--config", config)
    assert "Backups: 1 kept, 1 of the last 7 days, 1 of those proven by a restore" in stats.stdout
    health = start(command, "health", "--json", "--config", config)
    checks = {each["name"]: each["status"] for each in json.loads(health.stdout)["checks"]}
    assert checks["jobs_missed"] == checks["verified_backup_age"] == "ok"
    assert checks["jobs_failed"] == "ok", "the cleanup that was refused has succeeded since"


def test_by_hand_leaves_no_record_and_prints_a_plain_table(
    command: Path, settings: ConnectionSettings, tmp_path: Path
) -> None:
    config = str(configured(tmp_path, settings))
    done = start(command, "health", "--by-hand", "--config", config)
    assert done.stdout.startswith("status"), done
    assert not (tmp_path / "state").exists()
    assert start(command, "health", "--config", config).stdout.startswith("20"), "a job writes log lines"
    assert (tmp_path / "state" / "health.json").exists()


def test_note_records_what_could_not_start(command: Path, settings: ConnectionSettings, tmp_path: Path) -> None:
    config = str(configured(tmp_path, settings))
    done = start(command, "note", "--config", config, "--job", "backup", "--status", "2")
    assert done.returncode == 0, "it has been told"
    assert "could not start" in done.stdout
    health = json.loads(start(command, "health", "--json", "--config", config).stdout)
    assert "jobs_failed" in [each["name"] for each in health["checks"] if each["status"] == "critical"]

    # What stands in the place of the record hides that failure: nothing is known then.
    record = tmp_path / "state" / "backup.json"
    for hide in (lambda: os.mkfifo(record), lambda: record.symlink_to("/dev/zero"), lambda: record.write_text("[")):
        record.unlink()
        hide()
        health = json.loads(start(command, "health", "--by-hand", "--json", "--config", config).stdout)
        hidden = {each["name"]: each for each in health["checks"] if each["name"].startswith("jobs_")}
        assert {hidden[name]["status"] for name in ("jobs_failed", "jobs_missed", "jobs_stuck")} == {"unknown"}
        assert str(record) in str(hidden["jobs_failed"]), hidden


def test_channels_are_checked_before_they_are_needed(
    command: Path, settings: ConnectionSettings, tmp_path: Path
) -> None:
    config = str(configured(tmp_path, settings))
    for urls, part in (
        ("", "No channel"),
        ("mailto://u:s3cret@h", "Apprise"),
        ("http://127.0.0.1:1/s3cret", ""),
        ("https://no-such-host.invalid/s3cret", "does not resolve"),
    ):
        channels = {"TITAN_DB_NOTIFY_URLS": urls, "TITAN_DB_PING_URL": "http://127.0.0.1:1/s3cret"}
        done = start(command, "notify-test", "--check", "--config", config, **channels)
        assert (done.returncode == 0) == (not part)
        assert part in done.stderr
        if not part:
            assert "webhook 1 belongs to no known service: it gets a JSON object" in done.stdout
            assert (
                "taken for one of the kind of healthchecks.io: a failure is reported by /fail at the end" in done.stdout
            )
        assert "s3cret" not in done.stdout + done.stderr
