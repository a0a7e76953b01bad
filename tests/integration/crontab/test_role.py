"""The role crontab, as a user without root runs it: check mode, for real, again, and gone."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.line import LONGEST_COMMAND, unescape_cron

from tests.integration.alerts.stub import running_stub

ROOT = Path(__file__).resolve().parents[3]
BIN = ROOT / ".venv" / "bin"


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short path: a line holds many of them, quoted within quotes, and cron takes 990 bytes."""
    with tempfile.TemporaryDirectory(prefix="tt-role-") as folder:
        yield Path(folder)


def play(tmp_path: Path, *flags: str, **variables: Any) -> dict[str, Any]:
    """Run the role on this machine; return the counts of the recap and the registered result."""
    book = tmp_path / "play.yml"
    program = {"path": "{{ crontab_command }}", "spare": "{{ crontab_spare_command }}", "interpreter": sys.executable}
    tasks = [
        {"titan.database.host_command": program, "when": "with_program | default(false)"},
        {"ansible.builtin.import_role": {"name": "titan.database.crontab"}},
        {"ansible.builtin.copy": {"content": "{{ crontab_result | to_json }}", "dest": f"{tmp_path}/result.json", "mode": "0600"},
         "check_mode": False, "changed_when": False, "diff": False},
    ]  # fmt: skip
    book.write_text(
        yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]),
        encoding="utf-8",
    )
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(book), *flags],
        cwd=ROOT, env={**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(re.findall(r"(changed|failed|ok)=(\d+)", done.stdout))
    return {"counts": counts, "output": done.stdout, **json.loads((tmp_path / "result.json").read_text())}


def test_the_role_schedules_converges_and_removes(tmp_path: Path) -> None:
    home = tmp_path / "it's 100% home"
    home.mkdir()
    (home / ".env").write_text("DATABASE_URL='postgresql://u:secret@h/d'\n")
    variables = {
        "crontab_environment": "demo",
        "crontab_user": getpass.getuser(),
        "crontab_cron_file": f"{tmp_path}/crontab",
        "crontab_directory": str(home),
        "crontab_env_file": f"{home}/.env",
        "crontab_log_dir": f"{tmp_path}/logs",
        "crontab_command": f"{home}/titan-db",
        "crontab_spare_command": f"{tmp_path}/etc/it's 100% spare",
        "crontab_config_path": f"{tmp_path}/etc/demo.json",
        "crontab_logrotate_path": f"{tmp_path}/etc/logrotate",
        "crontab_options": {"backup": {"dest": "/b", "keep": {"days": 30}}},
        "ansible_python_interpreter": str(BIN / "python"),
    }
    predicted = play(tmp_path, "--check", "--diff", **variables)
    assert predicted["counts"]["changed"] == "1"
    assert not (tmp_path / "crontab").exists()
    assert not (tmp_path / "etc").exists()
    done = play(tmp_path, **variables)
    assert done["diff"] == predicted["diff"]
    assert [each["name"] for each in done["next_runs"]] == ["backup", "cleanup", "stats", "reindex", "health"]
    assert "secret" not in done["output"] + (tmp_path / "crontab").read_text()
    config = json.loads((tmp_path / "etc" / "demo.json").read_text())
    assert config["jobs"]["backup"] == {"dest": "/b", "keep": {"days": 30}}
    assert config["schedule"]["cleanup"]["after"] == "backup"
    assert config["schedule"]["cleanup"]["log"] == f"{tmp_path}/logs/db-cleanup.log"
    assert play(tmp_path, **variables)["counts"]["changed"] == "0"
    assert play(tmp_path, **variables, crontab_state="absent")["counts"]["changed"] == "1"
    assert not (tmp_path / "crontab").exists()
    assert not (tmp_path / "etc" / "demo.json").exists()


def start(tmp_path: Path, job: str) -> int:
    """Start a job's line of the system crontab as cron would; its exit status."""
    lines = (tmp_path / "crontab").read_text().splitlines()
    command = lines[lines.index(f"# {job}") + 1].split(" ", 6)[6]
    assert len(command.encode()) <= LONGEST_COMMAND
    return subprocess.run(
        ["/bin/sh", "-c", unescape_cron(command)], env={"HOME": "/", "PATH": "/usr/bin:/bin"}, check=False
    ).returncode


def test_the_roles_own_lines_tell_that_the_program_is_gone_and_back(tmp_path: Path) -> None:
    home = tmp_path / "it's 100% home"
    for path in (home, tmp_path / "logs", tmp_path / "backups"):
        path.mkdir(mode=0o700)
    with running_stub() as stub:
        (home / ".env").write_text(
            f"DATABASE_URL='postgresql://u@127.0.0.1:1/d'\nTITAN_DB_NOTIFY_URLS='{stub.url}/message'\n"
        )
        variables = {
            "crontab_environment": "demo",
            "crontab_user": getpass.getuser(),
            "crontab_cron_file": f"{tmp_path}/crontab",
            "crontab_directory": str(home),
            "crontab_env_file": f"{home}/.env",
            "crontab_state_dir": f"{tmp_path}/state",
            "crontab_log_dir": f"{tmp_path}/logs",
            "crontab_command": f"{home}/titan-db",
            "crontab_spare_command": f"{tmp_path}/etc/it's 100% spare",
            "crontab_config_path": f"{tmp_path}/etc/demo.json",
            "crontab_jobs": [
                {"name": "proof", "job": "drill", "schedule": "0 2 * * *", "log": "a.log", "run_on": "any"},
                {"name": "health", "schedule": "7-59/15 * * * *", "log": "b.log", "run_on": "any"},
            ],
            "crontab_options": {"health": {"thresholds": {"disk": [100, 100]}}},
            "with_program": True,
            "ansible_python_interpreter": str(BIN / "python"),
        }
        assert play(tmp_path, **variables)["counts"]["changed"] == "2"
        assert play(tmp_path, **variables)["counts"]["changed"] == "0"
        (home / "titan-db").rename(home / "gone")
        assert start(tmp_path, "proof") == 127
        assert f"could not start: {home}/titan-db is missing" in stub.messages()[0]["title"]
        assert start(tmp_path, "health") == 127, "health works, and the end of its line finds no program"
        assert [each["job"] for each in stub.messages()] == ["proof", "health"]
        assert "programs" in stub.messages()[1]["title"]
        (tmp_path / "etc" / "it's 100% spare").unlink()
        assert start(tmp_path, "health") == 127
        assert "not found" in (tmp_path / "logs" / "b.log").read_text(), "nobody is left to tell; the log says why"
        assert play(tmp_path, **variables)["counts"]["changed"] == "1", "the next converge puts both back"
        assert start(tmp_path, "health") == 2, "the database is still away"
        said = (tmp_path / "logs" / "b.log").read_text().rpartition("started")[2]
        assert re.search(r"^(\S+ health\S+ )?ok +programs", said, re.M), said
