# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show, while a module still runs, the lines that it writes into a file on its host.

A module's own output reaches the controller only when it has ended, so a thread reads the file beside it.
"""

from __future__ import annotations

import contextvars
import copy
import shlex
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils import color
from ansible.utils.display import Display

# Connections that start a process for each command: a second command beside the module's does not disturb that.
_SIDE_BY_SIDE = ("local", "ssh", "docker", "podman", "buildah", "kubectl", "oc", "lxc", "incus", "chroot", "nsenter")

INTERVAL = 2.0  # seconds; a run that ends before is not looked at
_PATIENCE = 10.0

# Before each line on its way: whatever else the host says (a banner, a word of sudo's) is not of the file and does not count.
_MARK = "titan-db-line:"

display = Display()


def progress_file(action: ActionBase) -> str:
    """A new name on the host for the lines; empty if nobody looks, or the connection takes one command at a time."""
    looked_at = display.verbosity >= 1 or color.ANSIBLE_COLOR  # a worker's own output is no terminal; colour tells
    if not looked_at:
        return ""
    transport = str(action._connection.transport).rsplit(".", 1)[-1]
    if transport not in _SIDE_BY_SIDE:
        display.v(f"The connection {transport!r} takes one command at a time: progress is in the result only.")
        return ""
    return f"/tmp/titan-db-progress-{uuid.uuid4().hex}"  # noqa: S108 - made anew by the module, with O_EXCL


@contextmanager
def shown(action: ActionBase, host: str, path: str) -> Iterator[None]:
    """Display the lines that arrive in the file while the block runs; nothing at all without a path."""
    if not path:
        yield
        return
    ended = threading.Event()
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(_follow, _aside(action), host, path, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_PATIENCE)


def _aside(action: ActionBase) -> ActionBase:
    """The action with a connection of its own to the same host: what a running command keeps in it stays untouched."""
    aside = copy.copy(action)
    aside._connection = copy.copy(action._connection)
    if aside._connection.become is not None:
        aside._connection.set_become_plugin(copy.copy(aside._connection.become))
    return aside


def _follow(action: ActionBase, host: str, path: str, ended: threading.Event) -> None:
    seen = 0
    while not ended.wait(INTERVAL):
        try:
            lines = _read(action, path, seen)
        except (AnsibleError, OSError):
            return  # nobody sees more; the module goes on
        seen += len(lines)
        for line in lines:
            display.display(f"  [{host}] {line}")


def _read(action: ActionBase, path: str, seen: int) -> list[str]:
    """The file's lines after those that were seen. Lines are counted, not bytes: a terminal on the way (ssh with become asks for
    one) ends each with one byte more.
    """
    script = f"{seen + 1},$s/^/{_MARK}/p"
    command = f"sed -n {shlex.quote(script)} {shlex.quote(path)} 2>/dev/null || true"
    result: dict[str, Any] = action._low_level_execute_command(command)
    said = str(result.get("stdout", "")).split("\n")[:-1]  # what no newline ends is still being written
    return [line[len(_MARK) :].rstrip("\r") for line in said if line.startswith(_MARK)]
