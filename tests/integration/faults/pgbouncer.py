"""Debian's PgBouncer in front of a test server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import free_port


@contextmanager
def pgbouncer(settings: ConnectionSettings, folder: Path, mode: str, *more: str) -> Iterator[ConnectionSettings]:
    """Run one in the pool mode, with more lines of its configuration; yield how to reach the database through it."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.access(program, os.X_OK):
        pytest.skip("pgbouncer is not installed (Debian package pgbouncer)")
    port = free_port()
    (folder / "users").write_text(f'"{settings.user}" ""\n')
    extra = "\n".join(more if os.geteuid() else ("user = nobody", *more))  # it never runs as root
    (folder / "ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={settings.port} user={settings.user}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = any\nauth_file = {folder}/users\npool_mode = {mode}\nunix_socket_dir =\n"
        f"{extra}\n"
        f"[databases]\n{settings.database} = host=127.0.0.1 port={settings.port} user={settings.user}\n"
    )
    for path in (folder, folder / "ini", folder / "users"):
        path.chmod(0o755)
    process = subprocess.Popen(
        [program, "-q", str(folder / "ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _try in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            pytest.fail(f"pgbouncer does not listen; it ended with {process.poll()}")
        yield ConnectionSettings(host="127.0.0.1", port=port, user=settings.user, database=settings.database)
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def second_process(folder: Path) -> Iterator[None]:
    """Another process with the same configuration, on the same port (so_reuseport)."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    process = subprocess.Popen(
        [program, str(folder / "ini")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        said = process.stderr or iter(())
        if not any("process up" in line for line in said):
            raise RuntimeError("no second process of PgBouncer")
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)
