# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program with nothing of this host but the system's own files, read-only, and one directory of its own.

No network, no other processes, no home directories, no sockets of other servers: Linux's namespaces, which root may make,
and other users where the kernel lets them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, Any

from . import namespaces
from .programs import start

_PROBE_SECONDS = 20.0


class Sandbox:
    """A program in a sandbox: it ends with this process, also when that is killed.

    Args:
        argv: Program, from the root, and arguments.
        folder: The only directory that it can write to.
        readable: Further directories that it can read; those of the system need not be named.
        user, group: Whom root runs it as; of others, their own numbers.
        output: Takes what it prints.
        env: Its environment.
    """

    def __init__(
        self,
        argv: Sequence[str],
        folder: str,
        readable: Sequence[str],
        user: int,
        group: int,
        output: IO[bytes] | int,
        env: dict[str, str],
    ) -> None:
        watched, self._alive = os.pipe()
        order: namespaces.Order = {
            "argv": list(argv),
            "folder": folder,
            "readable": list(readable),
            "user": user,
            "group": group,
            "watch": watched,
        }
        try:
            self._process: subprocess.Popen[Any] = start(
                [sys.executable, "-I", "-S", "-c", _text(), json.dumps(order)],
                stdout=output, stderr=output, env=env, cwd="/", pass_fds=(watched,), start_new_session=True,
            )  # fmt: skip
        except BaseException:
            os.close(self._alive)
            raise
        finally:
            os.close(watched)

    @property
    def status(self) -> int | None:
        """The program's exit status; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float | None = None) -> int:
        """Wait until it ends; return its status."""
        return self._process.wait(seconds)

    def end(self) -> None:
        """Kill it and all that it has started, and wait until they are gone."""
        if self._alive >= 0:
            os.close(self._alive)
            self._alive = -1
        self._process.wait()


def _text() -> str:
    """The launcher's source: it may lie in an archive that another user cannot read."""
    loader = namespaces.__loader__
    source = loader.get_source(namespaces.__name__) if loader else None  # type: ignore[attr-defined]
    if source is None:
        raise OSError("the sandbox's launcher has no source")
    return str(source)


def why_no_sandbox(folder: str, user: int, group: int) -> str:
    """Why no program can be started in a sandbox here; empty when one can."""
    with tempfile.TemporaryFile() as output:
        try:
            probe = Sandbox(["/bin/sh", "-c", ":"], folder, [], user, group, output, {"PATH": os.defpath})
        except OSError as error:
            return str(error)
        try:
            status = probe.wait(_PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            return f"nothing happened for {_PROBE_SECONDS:.0f} s"
        finally:
            probe.end()
        output.seek(0)
        return "" if status == 0 else " ".join(output.read(500).decode(errors="replace").split()) or f"status {status}"
