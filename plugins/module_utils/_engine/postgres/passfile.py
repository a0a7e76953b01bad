# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private file with a password for PostgreSQL's programs, which does not outlive its run for long."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

SERVICE = "titan-db"
_OURS = re.compile(r"titan-db-pass-(\d+)-[a-z0-9_]{8}")
_OLD = 3600.0  # seconds; a younger one may be of a run in a container that shares the directory, but not the process numbers


@contextmanager
def passfile(password: str) -> Iterator[str]:
    """The path of a file, mode 0600 in a directory of mode 0700, that goes away with the block.

    A killed run leaves it; the next one removes it when it is older than an hour.
    """
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    with _private_file("pgpass", f"*:*:*:*:{escaped}\n") as path:
        yield path


@contextmanager
def service_file(parameters: Mapping[str, str]) -> Iterator[str]:
    """The path of such a file with libpq's parameters that have no variable of their own, under the name SERVICE."""
    lines = "".join(f"{name}={value}\n" for name, value in parameters.items())
    with _private_file("pg_service.conf", f"[{SERVICE}]\n{lines}") as path:
        yield path


@contextmanager
def _private_file(name: str, content: str) -> Iterator[str]:
    _sweep(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=f"titan-db-pass-{os.getpid()}-") as folder:
        path = os.path.join(folder, name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
        yield path


def _sweep(folder: str) -> None:
    for item in os.listdir(folder):
        found = _OURS.fullmatch(item)
        if found and not os.path.exists(f"/proc/{found[1]}") and _is_old(os.path.join(folder, item)):
            shutil.rmtree(os.path.join(folder, item), ignore_errors=True)


def _is_old(path: str) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and time.time() - status.st_mtime > _OLD
