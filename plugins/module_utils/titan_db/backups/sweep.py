# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing what dead runs left: temporary files of ours, and throw-away clusters."""

from __future__ import annotations

import os
import re
import shutil
import stat
import time

from ..cluster import Cluster, unprivileged_user
from ..errors import LockedError
from ..files import PART
from ..locks import file_lock
from .naming import GLOBALS, MANIFEST, parse_file_name

DRILL_PREFIX = "titan-drill-"
_YOUNG = 60.0  # seconds in which a new drill takes its lock
_TEMPORARY = re.compile(r"\.(?P<file>.+)\.[A-Za-z0-9_]{8}" + re.escape(PART))


def sweep_parts(dest: str, name: str) -> list[str]:
    """Remove the temporary files of dead runs of this backup's name; the caller holds the name's lock.

    Returns:
        The paths that were removed.
    """
    removed = []
    for item in sorted(os.listdir(dest)):
        if _is_part_of(item, name):
            path = os.path.join(dest, item)
            if stat.S_ISDIR(os.lstat(path).st_mode):
                shutil.rmtree(path)
            else:
                os.unlink(path)
            removed.append(path)
    return removed


def _is_part_of(item: str, name: str) -> bool:
    found = _TEMPORARY.fullmatch(item)
    if not found:
        return False
    file = found["file"]
    if file.endswith(GLOBALS):
        return bool(re.fullmatch(re.escape(name) + r"_\d{8}_\d{6}", file[: -len(GLOBALS)]))
    parsed = parse_file_name(file[: -len(MANIFEST)] if file.endswith(MANIFEST) else file)
    return parsed is not None and parsed.name == name


def sweep_drills(folder: str) -> list[str]:
    """Stop and remove the throw-away clusters in folder whose run has died.

    Returns:
        The directories that were removed.
    """
    owner = unprivileged_user()
    ours = {os.geteuid(), owner.pw_uid if owner else os.geteuid()}
    removed = []
    for item in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, item)
        if item.startswith(DRILL_PREFIX) and _is_dead(path, ours):
            Cluster("", path).remove()
            removed.append(path)
    return removed


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
