# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' own processes: a child never comes back into a test, no test hangs, nothing outlives the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import end_of, ended, forked

INNER = """
import os, signal, subprocess, sys, time
import psycopg2, pytest
from tests.processes import forked

def note(word):
    with open({notes!r}, "a") as file:
        file.write(word + "\\n")

def test_inner(server, request):
    note(f"server {{server.pid()}}")
    for how in (False, True):
        note(f"child {{subprocess.Popen(['sleep', '900'], start_new_session=how).pid}}")
    with forked(lambda: time.sleep(900)) as pid:
        note(f"child {{pid}}")
        {trouble}
"""
TROUBLES = {
    "fails": "assert False",
    "hangs": "time.sleep(900)",
    "hangs in the server": "psycopg2.connect(**server.settings().parameters()).cursor().execute('SELECT pg_sleep(900)')",
    "is killed": "os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.parametrize(
    "error", [SystemExit(0), KeyboardInterrupt(), AssertionError("no"), pytest.fail.Exception("no")]
)
def test_a_child_never_comes_back_whatever_it_raises(error: BaseException) -> None:
    before = os.getpid()

    def work() -> None:
        raise error

    assert end_of(work) == 70 and os.getpid() == before
    assert end_of(lambda: None) == 0
    assert end_of(lambda: os.kill(os.getpid(), signal.SIGKILL)) == -signal.SIGKILL


def test_a_child_that_does_not_end_is_said_and_killed() -> None:
    with pytest.raises(AssertionError, match="still runs"), forked(lambda: time.sleep(900)) as pid:
        ended(pid, 0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("trouble", TROUBLES)
def test_nothing_is_left_of_a_test_that(trouble: str, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    (tmp_path / "test_inner.py").write_text(INNER.format(notes=str(notes), trouble=TROUBLES[trouble]))
    settings = ["-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, "-p", "tests.conftest"]
    limits = ["--timeout", "5", "-o", "timeout_func_only=true", "-o", "faulthandler_timeout=16"]
    with (tmp_path / "out").open("w+") as output:  # not a pipe, which what is left would hold open
        status = subprocess.run(
            [sys.executable, "-m", "pytest", *settings, *limits, "test_inner.py"],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=output, stderr=output, timeout=300, check=False,
        ).returncode  # fmt: skip
    printed = (tmp_path / "out").read_text()
    assert status != 0, printed
    pids = [int(line.split()[1]) for line in notes.read_text().splitlines()]
    assert len(pids) == 4, printed
    end = time.monotonic() + 60
    while left := [pid for pid in pids if lives(pid)]:
        assert time.monotonic() < end, f"of {notes.read_text()} there is still {left}"
        time.sleep(0.05)
