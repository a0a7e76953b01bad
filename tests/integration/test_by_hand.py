"""What a person types: a listing of nothing, a configuration that is found, mistakes that change no record."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.environment import found
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import as_typed

from tests.conftest import login


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DB_HOST", "DB_NAME", "DB_USER", "PGDATABASE", "PGHOST", "PGUSER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def config(tmp_path: Path, settings: ConnectionSettings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's only configuration, in the place where it is looked for."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "backups").mkdir()
    path = tmp_path / "etc" / "production.json"
    text = {
        "environment": "production",
        "state_dir": f"{tmp_path}/state",
        "connection": login(settings),
        "jobs": {"list": {"dest": f"{tmp_path}/backups"}, "backup": {"dest": f"{tmp_path}/backups"}},
    }
    path.write_text(json.dumps(text))
    monkeypatch.setattr(found, "DIRECTORY", str(tmp_path / "etc"))
    return path


def test_the_directory_of_the_environment_s_backups_is_known_to_each_word(
    config: Path, tmp_path: Path, capsys: Any
) -> None:
    config.write_text(
        json.dumps({**json.loads(config.read_text()), "jobs": {"backup": {"dest": f"{tmp_path}/backups"}}})
    )
    for word in ("list", "drill", "copy", "restore"):
        assert cli.main(
            [word, *(["--by-hand"] if word == "drill" else []), *(["--into", "x"] if word == "restore" else [])]
        )
        told = capsys.readouterr()
        assert f"here is no backup in {tmp_path}/backups" in told.out + told.err, (word, told)


def test_a_listing_of_nothing_says_what_is_there(tmp_path: Path, capsys: Any, call_module: Any) -> None:
    (tmp_path / "backups").mkdir()
    assert cli.main(["list", "--dest", f"{tmp_path}/backup"]) == 1
    said = capsys.readouterr().out
    assert f"there is no directory {tmp_path}/backup; in {tmp_path} there are backups" in said
    (tmp_path / "backups" / ".titan.lock").touch()
    assert cli.main(["list", "--dest", f"{tmp_path}/backups"]) == 1
    assert (
        f"there is no backup in {tmp_path}/backups; in {tmp_path}/backups there is nothing" in capsys.readouterr().out
    )
    (tmp_path / "backups" / "titan_20261122_020000.sql.gz").write_bytes(b"x")
    assert cli.main(["list", "--dest", f"{tmp_path}/backups", "--name", "tian"]) == 1
    assert f"there is no backup called tian in {tmp_path}/backups; the names there are titan" in capsys.readouterr().out
    found = call_module("backup_info", dest=f"{tmp_path}/backups", name="tian")
    assert (found["exit_status"], "the names there are titan" in found["summary"]) == (1, True)


def test_health_says_what_is_there_instead(tmp_path: Path, call_module: Any, settings: ConnectionSettings) -> None:
    found = call_module("health_info", **login(settings), backup_dest=f"{tmp_path}/nowhere")
    check = next(each for each in found["checks"] if each["name"] == "backup_age")
    assert (check["status"], f"there is no directory {tmp_path}/nowhere" in check["message"]) == ("critical", True)


def test_the_only_configuration_of_the_host_is_found(
    config: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["list"]) == 1
    assert f"there is no backup in {config.parent.parent}/backups" in capsys.readouterr().out
    assert cli.main(["stats", "--by-hand"]) == 0
    assert "Database t_" in capsys.readouterr().out
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@127.0.0.1:1/x")
    assert cli.main(["stats", "--by-hand"]) == 1, "the environment names another database"
    assert "127.0.0.1:1" in capsys.readouterr().err
    monkeypatch.delenv("DATABASE_URL")
    (config.parent / "staging.json").write_text("{}")
    assert cli.main(["list"]) == 2
    assert f"name one of {config.parent}/production.json, {config.parent}/staging.json" in capsys.readouterr().err


def test_a_mistake_in_what_is_typed_changes_no_record(config: Path, tmp_path: Path, capsys: Any) -> None:
    assert cli.main(["backup", "--jobs", "many"]) == 2
    assert "Option --jobs: 'many' cannot be used" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
    broken = json.loads(config.read_text())
    config.write_text(json.dumps({**broken, "jobs": {"cleanup": {"max_fraction": "much"}}}))
    assert cli.main(["cleanup"]) != 0
    assert json.loads((tmp_path / "state" / "cleanup.json").read_text())["exit_status"] == 2, "of the job itself"


def test_options_that_cannot_be_used_change_no_record(config: Path, tmp_path: Path, capfd: Any) -> None:
    """What only the operation sees: the record, the metrics and the log of runs are as they were, and the words as they are typed."""
    (tmp_path / "metrics").mkdir()
    config.write_text(json.dumps({**json.loads(config.read_text()), "metrics_dir": f"{tmp_path}/metrics"}))
    for options in (["--max-shrink", "7"], ["--dest", f"{tmp_path}/nowhere"], ["--timeout", "-1"]):
        assert cli.main(["backup", *options]) != 0
        said = capfd.readouterr().out
        assert f"{options[0]}" in said and "Option '" not in said and "not recorded, and no message is sent" in said
        assert sorted(each.name for each in (tmp_path / "state").iterdir()) == ["backup.lock"]
        assert not list((tmp_path / "metrics").iterdir())
    assert cli.main(["stats"]) == 0
    before = (tmp_path / "state" / "stats.json").read_text()
    assert json.loads(before)["last_success"] and "samples" in (tmp_path / "state" / "report-samples.json").read_text()
    assert cli.main(["stats", "--backup-dest", "/dev/null/x", "--timeout", "-3"]) == 2
    assert cli.main(["health", "--slow-query-seconds", "-1"]) == 3
    capfd.readouterr()
    config.write_text(config.read_text().replace('"dest"', '"destination"'))
    assert cli.main(["stats", "--by-hand"]) == 0
    assert "Backups: unknown (give --backup-dest)." in capfd.readouterr().out
    assert (tmp_path / "state" / "stats.json").read_text() == before
    assert len((tmp_path / "state" / "runs.jsonl").read_text().splitlines()) == 1


def test_a_job_that_is_not_there_and_another_database_are_no_job_s_run(
    config: Path, tmp_path: Path, capfd: Any, settings: ConnectionSettings
) -> None:
    assert cli.main(["backup", "--job", "bakup"]) == 2
    assert "Option --job: 'bakup' cannot be used" in capfd.readouterr().err
    assert cli.main(["stats", "--config", "staging"]) == 2
    assert "the environments of this host are: production" in capfd.readouterr().err
    other = tmp_path / "other.env"
    other.write_text(
        f"DB_HOST=127.0.0.1\nDB_PORT={settings.port}\nDB_USER={settings.user}\nDB_NAME={settings.database}\n"
    )
    assert cli.main(["stats", "--config", "production", "--env-file", str(other)]) == 0
    assert "as --by-hand, no job's record" in capfd.readouterr().err
    assert not (tmp_path / "state").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act in another user's place")
def test_root_keeps_the_records_of_another_user_as_that_user(settings: Any) -> None:
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(prefix="titan-theirs-") as folder:
        Path(folder).chmod(0o755)
        state, path = Path(folder, "state"), Path(folder, "production.json")
        state.mkdir(mode=0o700)
        os.chown(state, nobody.pw_uid, nobody.pw_gid)
        path.write_text(json.dumps({"environment": "production", "state_dir": str(state)}))
        assert cli.main(["note", "--config", str(path), "--job", "cleanup", "--status", "5"]) == 0
        assert json.loads((state / "cleanup.json").read_text())["exit_status"] == 5
        assert {each.stat().st_uid for each in state.iterdir()} == {nobody.pw_uid}
        assert os.geteuid() == 0
        os.mkfifo(Path(folder, "pipe.json"))
        assert cli.main(["note", "--config", f"{folder}/pipe.json", "--job", "cleanup"]) == 2


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/usr/bin/python3"), reason="root starts another user's program"
)
def test_the_wrong_user_is_told_whom_to_run_it_as_and_leaves_nothing() -> None:
    with tempfile.TemporaryDirectory(prefix="titan-theirs-") as folder:
        Path(folder).chmod(0o755)
        home, program, path = Path(folder, "home"), Path(folder, "titan-db"), Path(folder, "production.json")
        home.mkdir(mode=0o700)
        program.write_bytes(zipapp.build("/usr/bin/python3"))
        program.chmod(0o755)
        jobs = {"stats": {}, "backup": {"dest": f"{home}/backups"}}
        door = {"login_host": "127.0.0.1", "login_port": 1, "login_user": "u", "login_db": "d"}
        path.write_text(
            json.dumps({"environment": "production", "state_dir": f"{home}/state", "connection": door, "jobs": jobs})
        )
        path.chmod(0o644)
        for words in (
            ["why", path, "backup"],
            ["note", path, "backup", "3"],
            ["stats", "--config", path],
            ["list", "--config", path],
        ):
            done = subprocess.run(
                [program, *map(str, words)], user="nobody", group="nogroup", extra_groups=[], env={}, cwd="/",
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if words[0] == "why":
                assert "has no such job" in done.stderr
            else:
                assert done.returncode and "un it as root: sudo -u root titan-db" in done.stderr, done
        assert not list(home.iterdir())


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ("Option 'max_fraction': 2 cannot be used.", "Option --max-fraction: 2 cannot be used."),
        ("Option 'thresholds.bloat': [1] cannot be used.", "Option --thresholds, key bloat: [1] cannot be used."),
        ("more than 'max_shrink' (0.5) allows", "more than 'max_shrink' (0.5) allows"),
        ("more than max_fraction 0.5 allows", "more than --max-fraction 0.5 allows"),
        (
            "the table public.max_fraction, the column max_fraction_old",
            "the table public.max_fraction, the column max_fraction_old",
        ),
        ("It reads 'max_fraction'; give that (max_fraction).", "It reads --max-fraction; give that (--max-fraction)."),
        ("do without it: 'max_fraction: 1' does", "do without it: --max-fraction 1 does"),
        ('set require_backup_within: "off"; x', 'set --require-backup-within "off"; x'),
        ("set max_fraction in that policy", "set max_fraction in that policy"),
        ("name one of them in 'thresholds'.", "name one of them in --thresholds."),
        ("Option 'policies[0].keep': 1 cannot be used.", "Option 'policies[0].keep': 1 cannot be used."),
    ],
)
def test_options_are_called_as_they_are_typed(message: str, typed: str) -> None:
    assert as_typed(message, ["max_fraction", "thresholds", "require_backup_within"]) == typed


@pytest.mark.parametrize("word", list(cli.COMMANDS))
def test_help_describes_each_option_and_its_keys(word: str, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert cli.main([word, "--help"]) == 0
    said = capsys.readouterr().out
    for name, rule in cli.COMMANDS[word].spec().items():
        assert f"--{name.replace('_', '-')}" in said
        assert all(f"  {key} (" in said for key in rule.options or {}), name
        assert all(choice in said for choice in rule.choices)
    assert not [mark for mark in ("O(", "V(", "C(", "M(", "#module", "\\*") if mark in said]


def test_words_about_jobs_name_their_arguments(config: Path, capsys: Any) -> None:
    assert cli.main(["cron", "staging", "backup"]) == 2
    said = capsys.readouterr().err
    assert "Argument ENVIRONMENT: 'staging' cannot be used" in said and "are: production" in said
    assert cli.main(["why", "production", "bakup"]) == 2
    assert "Argument JOB: 'bakup'" in capsys.readouterr().err
