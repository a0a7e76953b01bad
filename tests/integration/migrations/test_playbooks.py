"""The controller's side, through ansible-playbook: files are read there, sent once, and refused there."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect

from tests.conftest import ROOT, login


@pytest.fixture
def play(settings: ConnectionSettings, tmp_path: Path) -> Callable[..., str]:
    """Run a playbook of the collection against the empty database; return what it prints."""
    inventory = tmp_path / "hosts"
    inventory.write_text(
        f"box ansible_connection=local ansible_python_interpreter='{sys.executable}' titan_become=false "
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
    assert "changed=1" in said and "1 migration was applied." in said and '"content"' not in said
    said = play("migrate.yml", "-l", "production", "-vvv")
    assert "changed=0" in said and "no module is needed" in said and "modules/migration.py" not in said
    said = play("rollback.yml", "-l", "production", "-e", "rollback_target=0", status=2)
    assert "allow_rollback" in said and db.value("SELECT count(*) FROM public.a") == 1
    play("rollback.yml", "-l", "production", "-e", "rollback_target=0", "-e", "rollback_confirmed=true")
    assert db.value("SELECT to_regclass('public.a')") is None


COMPARED = """
- hosts: box
  gather_facts: false
  vars:
    options: {path: "{{ migrations_path }}", login_host: 127.0.0.1, login_port: "{{ titan_login_port }}",
              login_user: "{{ titan_login_user }}", login_db: "{{ titan_login_db }}", read_back: true}
  tasks:
    - titan.database.migration: "{{ options }}"
      register: sent
    - titan.database.migration: "{{ options }}"
      delegate_to: box  # a task for another host is not asked of this one: the module does it
      register: built
    - assert:
        that:
          - (sent | dict2items | rejectattr("key", "equalto", "status") | items2dict)
            == (built | dict2items | rejectattr("key", "in", ["status", "invocation", "ansible_parsed"]) | items2dict)
          - sent.status.summary == built.status.summary and "0 are pending" in sent.status.summary
          - sent.status.keys() | sort == built.status.keys() | sort
          - sent.warnings | select("search", "migration 2 .ü. is missing") | length == 1
"""


def test_a_run_without_news_returns_what_the_module_returns(play: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "my migrations" / "1_ä.sql").write_text("CREATE TABLE a (x int);\n", encoding="utf-8")
    (tmp_path / "my migrations" / "2_ü.sql").write_text("CREATE TABLE b (x int);\n", encoding="utf-8")
    play("migrate.yml", "-l", "production")
    (tmp_path / "my migrations" / "2_ü.sql").unlink()
    (tmp_path / "compared.yml").write_text(COMPARED)
    said = play(str(tmp_path / "compared.yml"), "-vvv")
    assert said.count("no module is needed") == said.count("modules/migration.py") == 1
    (tmp_path / "my migrations" / "3_c.sql").write_text("CREATE TABLE c (x int);\n")
    (tmp_path / "compared.yml").write_text(
        COMPARED.replace("read_back: true", "read_back: true, apply_pending: false").replace("0 are", "1 are")
    )
    said = play(str(tmp_path / "compared.yml"), "-vvv")
    assert said.count("no module is needed") == said.count("modules/migration.py") == 1


def test_bad_directories_are_refused_on_the_controller(play: Callable[..., str], db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "my migrations"
    for name in ("1_a.sql", "01_b.sql"):
        (folder / name).write_text("CREATE TABLE a ();")
    assert "have the same version" in play("migrate.yml", "-l", "production", status=2)
    said = play("migrate.yml", "-l", "production", "-e", f"migrations_path={tmp_path}/none", status=2)
    assert "No such file or directory" in said and "Name a directory" in said
    assert "Require a limit" in play("migrate.yml", status=2)
    assert db.value("SELECT to_regnamespace('titan_ops')") is None


class Running:
    """A playbook that is going on; what it has printed so far is in said."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process, self.said, self._descriptor = process, "", descriptor
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # a terminal that the other side has closed
            while piece := os.read(self._descriptor, 4096):
                self.said += piece.decode()

    def waited_for(self, text: str, seconds: float = 120) -> bool:
        end = time.monotonic() + seconds
        while text not in self.said and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        return text in self.said

    def ended(self) -> int:
        status = self.process.wait(timeout=120)
        self._reader.join(timeout=10)
        return status


@pytest.mark.parametrize("terminal", [True, False])
def test_a_blocked_index_build_is_seen_while_it_waits(
    terminal: bool, settings: ConnectionSettings, play: Callable[..., str], db: Database, tmp_path: Path
) -> None:
    """On a terminal, or with -v: phase, percent and who is in the way, before that session has ended."""
    db.execute("CREATE TABLE public.t (a int); INSERT INTO public.t SELECT generate_series(1, 1000)")
    (tmp_path / "my migrations" / "1_a.sql").write_text("CREATE INDEX CONCURRENTLY t_a ON public.t (a);")
    command = [
        Path(sys.executable).parent / "ansible-playbook",
        "-i",
        tmp_path / "hosts",
        ROOT / "playbooks" / "migrate.yml",
    ]
    ours, theirs = pty.openpty() if terminal else os.pipe()
    env = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_") and key != "NO_COLOR"}
    with connect(settings) as blocker:
        blocker.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; INSERT INTO public.t VALUES (0)")
        process = subprocess.Popen(
            [*command, "-l", "production", *([] if terminal else ["-v"])],
            cwd=ROOT, env={**env, "TERM": "xterm", "PYTHONUNBUFFERED": "1"}, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        running = Running(process, ours)
        try:
            shown = running.waited_for(f"behind session {blocker.raw.info.backend_pid} ")
            assert shown and process.poll() is None, running.said
            assert "[box] applying 1_a.sql" in running.said
            assert "[box] index public.t_a: waiting for writers before build, 0 %; behind session" in running.said
            blocker.execute("COMMIT")
            assert running.ended() == 0, running.said
        finally:
            process.kill()
    assert "changed=1" in re.sub(r"\x1b\[[0-9;]*m", "", running.said)
    assert db.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.t_a'::regclass")
    assert "titan-db-progress" not in running.said


def test_nothing_is_shown_on_the_way_without_a_terminal(play: Callable[..., str], db: Database, tmp_path: Path) -> None:
    (tmp_path / "my migrations" / "1_a.sql").write_text("SELECT pg_sleep(3); CREATE TABLE public.a ();")
    assert "applying" not in play("migrate.yml", "-l", "production")


def test_the_progress_file_can_be_followed_and_goes_away(
    settings: ConnectionSettings, call_module: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine")
    path = tmp_path / "progress"
    files = [{"name": "1_a.sql", "content": "SELECT 1;"}]
    options = {**login(settings), "files": files}
    assert (
        call_module("migration", check_mode=True, **options, progress_file=str(path))["changed"] and not path.exists()
    )
    refused = call_module("migration", **{**options, "files": []}, progress_file=str(kept))
    assert not refused.get("failed") and "could not be made" in refused["progress"][0] and kept.read_text() == "mine"
    result = call_module("migration", **options, progress_file=str(path))
    assert result["progress"] == ["applying 1_a.sql"] and not path.exists()
