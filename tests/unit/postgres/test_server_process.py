# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel counts for a process, seen on processes of this test."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from contextlib import closing
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.server_process import (
    ServerProcess,
    find_server_process,
    waited_here,
)


def test_what_this_process_computes_is_its_processor_time_and_what_it_sleeps_is_not() -> None:
    with closing(ServerProcess(os.getpid())) as process:
        began, computed = process.usage(), time.process_time()
        while time.process_time() - computed < 0.05:
            sum(range(1000))
        busy = process.usage()
        assert 0.05 <= busy.processor - began.processor <= time.process_time() - computed + 0.01
        select.select([], [], [], 0.02)
        assert process.usage().yielded > busy.yielded
    assert waited_here() >= 0


def test_a_process_that_has_ended_is_an_error() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = ServerProcess(child.pid)
        assert process.usage().waited >= 0
        child.communicate(b"\n")
    with closing(process), pytest.raises(OSError, match=r"process"):
        process.usage()
    with pytest.raises(OSError, match=str(child.pid)):
        ServerProcess(child.pid)


def _counted(number: int) -> int:
    with open(f"/proc/{number}/status", encoding="ascii") as stream:
        return int(dict(line.split(":", 1) for line in stream.read().splitlines())["voluntary_ctxt_switches"])


def test_a_process_that_still_runs_is_about_to_wait_for_its_client() -> None:
    """Else a wait would seem to come in the next statement, where the client is faster than the server's process falls asleep."""
    with closing(ServerProcess(os.getpid())) as running:  # which may yield between two looks
        before, seen, after = _counted(os.getpid()), running.usage().yielded, _counted(os.getpid())
        assert before + 1 <= seen <= after + 1
    with subprocess.Popen(["sleep", "60"]) as child:
        with closing(ServerProcess(child.pid)) as process:
            while process.usage().yielded != _counted(child.pid):
                select.select([], [], [], 0.01)
        child.kill()


def _connection(ours: socket.socket, number: int) -> Database:
    return cast(Database, cast(Any, SimpleNamespace(raw=ours, backend_pid=number)))


def test_a_child_of_the_process_behind_the_socket_is_found_by_its_number() -> None:
    """The kernel says who made the socket's other end: this process."""
    ours, theirs = socket.socketpair()
    with ours, theirs, subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = find_server_process(_connection(ours, child.pid))
        assert found is not None and found.usage().processor >= 0
        found.close()
        assert find_server_process(_connection(ours, os.getpid())) is None, "no child of it"
        child.communicate(b"\n")


def test_nothing_is_found_behind_a_connection_by_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, socket.create_connection(there.getsockname()) as ours:
        assert find_server_process(_connection(ours, os.getpid())) is None
