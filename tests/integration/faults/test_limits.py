"""What runs out: one sentence with what it was, where, and how much is wanted."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError, LockedError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.locks import file_lock

from tests.conftest import embedded_programs, login, start_server

Module = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def small_server() -> Iterator[Cluster]:
    """A server with little room for locks and connections."""
    cluster = start_server(
        embedded_programs(), "max_locks_per_transaction=10", "max_connections=8", "superuser_reserved_connections=0",
        "max_worker_processes=2", "autovacuum_worker_slots=1", "autovacuum_max_workers=1", "autovacuum=off",
    )  # fmt: skip
    yield cluster
    cluster.remove()


def test_too_few_locks_are_told_before_the_work(small_server: Cluster, tmp_path: Path, call_module: Module) -> None:
    settings = small_server.settings()
    with connect(settings) as database:
        for first in range(0, 300, 20):
            database.execute(
                "; ".join(f"CREATE TABLE public.t{i} (id int PRIMARY KEY)" for i in range(first, first + 20))
            )
    tmp_path.chmod(0o700)
    options = {"dest": str(tmp_path), "programs": embedded_programs(), "verify": "checksum"}
    result = call_module("backup", **login(settings), **options)
    assert result["failed"] and "max_locks_per_transaction" in result["msg"] and "restart it" in result["msg"], result
    assert "600" in result["msg"] and result["wanted"] > 10 and list(tmp_path.glob("*.dump*")) == []


def test_a_full_disk_keeps_no_run_from_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    path = str(tmp_path / "lock")
    with file_lock(path, "a job"), pytest.raises(LockedError, match="another run holds"), file_lock(path, "a second"):
        pass


def test_what_has_run_out_comes_with_what_to_raise(small_server: Cluster) -> None:
    with connect(small_server.settings()) as database, pytest.raises(DatabaseError, match="max_locks_per_transaction"):
        names = ", ".join(f"public.u{i}" for i in range(2000))
        with database.transaction():
            database.execute("; ".join(f"CREATE TABLE public.u{i} ()" for i in range(2000)))
            database.execute(f"LOCK TABLE {names}")


def test_no_connection_is_left(small_server: Cluster) -> None:
    opened = []
    try:
        with pytest.raises(DatabaseError, match=r"Cannot connect to .*(too many|remaining connection slots)"):
            for _number in range(20):
                opened.append(connect(small_server.settings()))
    finally:
        for database in opened:
            database.close()
