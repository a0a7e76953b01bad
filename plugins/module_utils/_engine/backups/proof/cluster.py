# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where drills work: a private directory with a throw-away cluster, removed afterwards, also those of dead runs."""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

from ...errors import LockedError, OptionError
from ...postgres.cluster import Cluster
from ...postgres.locks import file_lock
from ...postgres.programs import Programs
from ...postgres.sandboxed import DRILL_USERS, drill_server
from ..programs.pipeline import Deadline

_PREFIX = "titan-drill-"
_YOUNG = 60.0  # seconds in which a new drill takes its lock
_LONGEST = 80  # a Unix socket's path has to fit into 107 bytes


def default_drill_directory() -> str:
    """A directory on disk: /tmp may be held in memory."""
    return "/var/tmp" if os.path.isdir("/var/tmp") else tempfile.gettempdir()  # noqa: S108


def require_drill_directory(folder: str) -> None:
    """Refuse a directory in which no cluster could be made.

    Raises:
        OptionError: it is missing, not writable, or its path is too long for a socket.
    """
    if len(os.fsencode(os.path.abspath(folder))) > _LONGEST:
        raise OptionError("drill_dir", folder, f"Choose a path of at most {_LONGEST} bytes: sockets need short ones.")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise OptionError("drill_dir", folder, "It must be a directory that the job's user can write to.")


@contextmanager
def drill_cluster(
    programs: Programs, folder: str, deadline: Deadline, warn: Callable[[str], None] | None = None
) -> Iterator[Cluster]:
    """A cluster yet to be filled, in a private directory of its own in folder; in a sandbox, if warn is given.

    Args:
        programs: Of the server.
        folder: Where the directory is made.
        deadline: When the server is ended at the latest.
        warn: Takes the sentence that there is no sandbox on this host. None for a server that needs more than its directory.

    When the block ends, or the time is up, its server is ended; then everything is removed. Those of dead runs go first.

    Raises:
        OptionError: no directory can be made in folder.
    """
    require_drill_directory(folder)
    remove_leftover_drills(folder)
    try:
        made = tempfile.mkdtemp(prefix=_PREFIX, dir=os.path.realpath(folder))
    except OSError as error:
        raise OptionError("drill_dir", folder, f"No directory can be made in it ({error.strerror}).") from error
    cluster = Cluster(programs.folder, made)
    if warn:
        cluster, why = drill_server(programs.folder, made)
        if why:
            warn(
                f"The drill's server runs as an ordinary program, because no sandbox can be made on this host ({why})."
            )
    try:
        with file_lock(os.path.join(made, "lock"), "a drill"), deadline.ends(cluster.end):
            yield cluster
    finally:
        cluster.remove()


def remove_leftover_drills(folder: str) -> list[str]:
    """Stop and remove the throw-away clusters in folder whose run has died.

    Returns:
        The directories that were removed.
    """
    ours = {os.geteuid(), *(_uid(name) for name in ("postgres", *DRILL_USERS) if os.geteuid() == 0)} - {-1}
    removed = []
    for item in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, item)
        if item.startswith(_PREFIX) and _is_dead(path, ours):
            Cluster("", path).remove()
            removed.append(path)
    return removed


def _uid(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return -1


def _is_dead(path: str, ours: set[int]) -> bool:
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in ours:
            return False
        lock = os.path.join(path, "lock")
        if not os.path.lexists(lock):
            return time.time() - status.st_mtime > _YOUNG
        with file_lock(lock, "sweeping"):
            return True
    except (LockedError, OSError):
        return False
