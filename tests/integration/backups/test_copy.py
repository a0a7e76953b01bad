# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy for a person: psql reaches it by the printed command, it plans as the source does, and it is gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_file import read_manifest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.drill_programs import drill_programs
from tests.processes import ended, forked

from .helpers import SMALL, backup, info


@pytest.fixture
def dest(settings: ConnectionSettings, workdir: Path) -> Path:
    folder = workdir / "backups"
    folder.mkdir(0o700)
    with connect(settings) as database:
        database.execute(SMALL)
    backup(settings, folder)
    return folder


@pytest.fixture
def drills(workdir: Path) -> Path:
    folder = workdir / "d"
    folder.mkdir(0o755)
    workdir.chmod(0o755)
    return folder


def _copy(dest: Path, drills: Path, said: Path, *more: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test that runs in the background has it ignored
    sys.stderr = said.open("w", encoding="utf-8")
    where = ["--dest", str(dest), "--drill-dir", str(drills), "--programs", drill_programs()]
    status = cli.main(["copy", *where, *more])
    sys.stderr.flush()
    os._exit(status)


def _printed(said: Path, pid: int) -> str:
    """The command that the copy has printed, when it has."""
    end = time.monotonic() + 240
    while time.monotonic() < end and os.waitpid(pid, os.WNOHANG) == (0, 0):
        lines = said.read_text().splitlines() if said.exists() else []
        if lines and "psql" in lines[-1] and said.read_text().endswith("\n"):
            return lines[-1]
        time.sleep(0.05)
    raise AssertionError(f"no command: {said.read_text()}")


def _ask(command: str, query: str) -> str:
    return subprocess.run(
        ["sh", "-c", f'{command} -Atc "$0"', query], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_copy_is_kept_until_somebody_interrupts_and_a_killed_one_goes_with_the_next_run(
    dest: Path, drills: Path, workdir: Path
) -> None:
    said = workdir / "said"
    manifest = read_manifest(info(dest).data["backups"][0]["path"])
    assert manifest and manifest.source and "jit=off" in manifest.source.tuning
    with forked(lambda: _copy(dest, drills, said)) as pid:
        command = _printed(said, pid)
        assert _ask(command, "SELECT count(*) FROM public.orders") == "4000"
        assert _ask(command, "SHOW jit") == "off", "as the source has it"
        assert _ask(command, "SHOW wal_level") == "replica" and _ask(command, "SHOW fsync") == "on"
        assert _ask(command, "SELECT reltuples FROM pg_class WHERE relname = 'orders'") == "4000"
        assert _ask(command, "SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'orders'") == "t"
        os.kill(pid, signal.SIGKILL)
        assert ended(pid) == -signal.SIGKILL
    assert list(drills.iterdir()), "the killed one could not clean up"
    with forked(lambda: _copy(dest, drills, said, "--keep", "1s")) as pid:
        assert ended(pid) == 0
    assert "ready" in said.read_text() and not list(drills.iterdir())
    again = workdir / "again"
    with forked(lambda: _copy(dest, drills, again)) as pid:
        _printed(again, pid)
        os.kill(pid, signal.SIGINT)
        assert ended(pid) == 0
    assert not list(drills.iterdir())


def test_a_copy_cannot_outlive_its_time_limit(dest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["copy", "--dest", str(dest), "--keep", "2h", "--timeout", "3600"]) == 2
    assert "--keep" in capsys.readouterr().err
