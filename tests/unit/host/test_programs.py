"""Programs that are started: they end in their time, and whoever ends a run knows of them."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.host.programs import (
    TimedOutError,
    run,
    running_programs,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.time_limit import time_limit

# A program whose child holds its pipes open, and would outlive it.
WITH_A_CHILD = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"


def test_what_it_is_given_and_says() -> None:
    done = run(["cat"], input=b"a text", capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a text", b"")
    assert run(["cat"], capture_output=True).stdout == b""  # there is no standard input
    assert run(["sh", "-c", "exit 3"]).returncode == 3


def test_it_ends_with_all_that_it_has_started() -> None:
    begun = time.monotonic()
    with pytest.raises(TimedOutError, match=r"^python\S* did not end within 1 seconds and was killed\.$"):
        run([sys.executable, "-c", WITH_A_CHILD], capture_output=True, timeout=1)
    assert time.monotonic() - begun < 20
    assert running_programs() == []


def test_a_run_s_limit_ends_a_program_that_has_none(tmp_path: Path) -> None:
    given_up: list[str] = []
    begun = time.monotonic()
    with pytest.raises(TitanError, match="The time limit of 1 seconds"), time_limit({"timeout": 1}, given_up.append):
        done = run([sys.executable, "-c", WITH_A_CHILD], capture_output=True)
        raise TitanError(f"It ended with {done.returncode}.")
    assert time.monotonic() - begun < 20 and running_programs() == []
    assert not [one for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()]
