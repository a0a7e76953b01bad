# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw-away clusters: each in a private directory, removed afterwards, also those of runs that died."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from ..errors import LockedError, OptionError, TitanError
from ..host.act_as import acting_for, as_root, can_be_root, name_of, user_in_charge
from ..host.safe_open import UnsafePathError
from .cluster import Cluster, unprivileged_user
from .locks import file_lock

KINDS = ("drill", "replay")
# Whom root lets a drill's server run as; never the live server's user, whom that one trusts.
DRILL_USERS = ("titan-drill", "nobody")
SERVER_USERS = ("postgres", *DRILL_USERS)

_YOUNG = 60.0  # seconds in which a new run takes its lock
_ATTEMPTS = 10
_LINGERING = 10.0  # seconds in which a program that has lost its parent ends
_FOR_OTHERS = 20.0  # seconds that root spends at most on what runs of other users have left
_LONGEST = 80  # a Unix socket's path has to fit into 107 bytes


def default_directory() -> str:
    """A directory on disk: /tmp may be held in memory."""
    return "/var/tmp" if os.path.isdir("/var/tmp") else tempfile.gettempdir()  # noqa: S108


def require_directory(folder: str, option: str) -> None:
    """Refuse a directory in which no cluster could be made.

    Raises:
        OptionError: it is missing, not writable, root would work in another user's, or its path is too long for a socket.
    """
    if len(os.fsencode(os.path.abspath(folder))) > _LONGEST:
        raise OptionError(option, folder, f"Choose a path of at most {_LONGEST} bytes: sockets need short ones.")
    if not os.geteuid() and (user := user_in_charge(folder)):
        raise OptionError(option, folder, f"It is {name_of(user)}'s, and root's clusters do not belong there.")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise OptionError(option, folder, "It must be a directory that the job's user can write to.")


@contextmanager
def locked_directory(folder: str, kind: str, option: str, users: Collection[str] = ()) -> Iterator[str]:
    """A private directory in folder for a cluster, locked while the block runs and removed afterwards.

    Those of dead runs of the same kind go first.

    Args:
        folder: Where its directory is made.
        kind: "drill", "replay": names the directory and the lock's holder.
        option: The option that names folder, for messages.
        users: As in remove_leftovers.

    Raises:
        OptionError: no directory can be made in folder.
    """
    require_directory(folder, option)
    remove_leftovers(folder, kind, users)
    for _attempt in range(_ATTEMPTS):
        try:
            made = tempfile.mkdtemp(prefix=prefix_of(kind), dir=os.path.realpath(folder))
        except OSError as error:
            raise OptionError(option, folder, f"No directory can be created in it ({error.strerror}).") from error
        with ExitStack() as held:
            held.callback(shutil.rmtree, made, ignore_errors=True)
            try:
                held.enter_context(file_lock(os.path.join(made, "lock"), f"a {kind}"))
            except (LockedError, FileNotFoundError):  # a run whose clock is ahead took it for a dead run's
                continue
            try:
                yield made
            finally:  # said here, where pylint looks for it, that the end of the caller's block comes through
                held.close()
            return
    raise OptionError(option, folder, "Another run removes what is created in it. Compare the clocks of the runs.")


def remove_what_dead_runs_left(folders: Iterable[str] = ()) -> list[str]:
    """End the servers of runs that were killed, and remove their data: of runs of the same user, and for root, of every user.

    Root does it as the user whose run it was, also while it acts for somebody.

    Args:
        folders: Further directories beside the default one; empty names are left out.

    Returns:
        The directories that were removed.
    """
    places = dict.fromkeys(os.path.realpath(folder) for folder in (default_directory(), *folders) if folder)
    if not can_be_root():
        return [path for folder in places for kind in KINDS for path in remove_leftovers(folder, kind)]
    end = time.monotonic() + _FOR_OTHERS
    with as_root():
        return [path for folder in places for path in _removed_by_root(folder, end)]


def _removed_by_root(folder: str, end: float) -> Iterator[str]:
    """What was removed in the folder: by root where nobody else could exchange it, the rest by its owner."""
    try:
        if not user_in_charge(folder):
            for kind in KINDS:
                yield from remove_leftovers(folder, kind, SERVER_USERS)
        names = sorted(os.listdir(folder))
    except (UnsafePathError, OSError):
        return
    for name in names:
        path = os.path.join(folder, name)
        if name.startswith(tuple(prefix_of(kind) for kind in KINDS)) and _removed_for_owner(path, end):
            yield path


def _removed_for_owner(path: str, end: float) -> bool:
    """Remove the directory of a dead run as the user in whose charge it is, so that it leads nobody further than that one reaches."""
    if time.monotonic() > end:
        return False
    try:
        with acting_for([path]):
            return _removed_if_dead(path, {os.geteuid()})
    except (TitanError, OSError):
        return False


def prefix_of(kind: str) -> str:
    """How the names of the directories of this kind begin."""
    return f"titan-{kind}-"


def remove_leftovers(folder: str, kind: str, users: Collection[str] = ()) -> list[str]:
    """Stop and remove the throw-away clusters of this kind in folder whose run has died.

    Args:
        folder: Where their directories are.
        kind: As in locked_directory.
        users: Names of further users as whom root has run such clusters.

    Returns:
        The directories that were removed.
    """
    owner = unprivileged_user()
    ours = {os.geteuid(), owner.pw_uid if owner else os.geteuid()}
    for name in users if os.geteuid() == 0 else ():
        with suppress(KeyError):
            ours.add(pwd.getpwnam(name).pw_uid)
    removed = []
    for item in sorted(os.listdir(folder)) if os.access(folder, os.R_OK | os.X_OK) and os.path.isdir(folder) else []:
        path = os.path.join(folder, item)
        if item.startswith(prefix_of(kind)) and _removed_if_dead(path, ours):
            removed.append(path)
    return removed


def _removed_if_dead(path: str, ours: set[int]) -> bool:
    """Remove the directory of a dead run, under its lock: a run that has just made it finds it locked, or gone."""
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in ours:
            return False
        lock = os.path.join(path, "lock")
        if not os.path.lexists(lock) and time.time() - status.st_mtime <= _YOUNG:
            return False
        with file_lock(lock, "removing leftovers"):
            end = time.monotonic() + _LINGERING
            Cluster("", path).remove()
            while os.path.lexists(path) and time.monotonic() < end:  # a program of the dead run is still writing there
                time.sleep(0.02)
                Cluster("", path).remove()
            return not os.path.lexists(path)
    except (LockedError, OSError):
        return False
