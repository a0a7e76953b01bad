"""The controller's side, through ansible-playbook: files are read there, sent once, and refused there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils.titan_db.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils.titan_db.database import Database

from tests.conftest import ROOT


@pytest.fixture
def play(settings: ConnectionSettings, tmp_path: Path) -> Callable[..., str]:
    """Run a playbook of the collection against the empty database; return what it prints."""
    inventory = tmp_path / "hosts"
    inventory.write_text(
        f"box ansible_connection=local ansible_python_interpreter={sys.executable} titan_become=false "
        f"titan_login_host=127.0.0.1 titan_login_port={settings.port} titan_login_user={settings.user} "
        f"titan_login_db={settings.database} migrations_path='{tmp_path}/my migrations'\n[production]\nbox\n"
    )
    (tmp_path / "my migrations").mkdir()

    def run(playbook: str, *arguments: str, status: int = 0) -> str:
        command = [
            Path(sys.executable).parent / "ansible-playbook",
            "-i",
            inventory,
            ROOT / "playbooks" / playbook,
            *arguments,
        ]
        env = {**os.environ, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "500"}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_migrate_check_again_and_back(play: Callable[..., str], db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "my migrations"
    (folder / "1_a.sql").write_text("CREATE TABLE a (x int);\nINSERT INTO a VALUES (1);\n")
    (folder / "1_a.down.sql").write_text("DROP TABLE a;\n")
    said = play("migrate.yml", "-l", "production", "--check", "--diff")
    assert (
        "changed=1" in said
        and "+CREATE TABLE a (x int);" in said
        and db.value("SELECT to_regnamespace('titan_ops')") is None
    )
    said = play("migrate.yml", "-l", "production", "-vvv")
    assert "changed=1" in said and "1 migrations were applied." in said and '"content"' not in said
    assert "changed=0" in play("migrate.yml", "-l", "production")
    said = play("rollback.yml", "-l", "production", "-e", "rollback_target=0", status=2)
    assert "allow_rollback" in said and db.value("SELECT count(*) FROM public.a") == 1
    play("rollback.yml", "-l", "production", "-e", "rollback_target=0", "-e", "rollback_confirmed=true")
    assert db.value("SELECT to_regclass('public.a')") is None


def test_bad_directories_are_refused_on_the_controller(play: Callable[..., str], db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "my migrations"
    for name in ("1_a.sql", "01_b.sql"):
        (folder / name).write_text("CREATE TABLE a ();")
    assert "have the same version" in play("migrate.yml", "-l", "production", status=2)
    said = play("migrate.yml", "-l", "production", "-e", f"migrations_path={tmp_path}/none", status=2)
    assert "No such file or directory" in said and "Name a directory" in said
    assert "Require a limit" in play("migrate.yml", status=2)
    assert db.value("SELECT to_regnamespace('titan_ops')") is None
