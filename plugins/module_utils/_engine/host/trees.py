# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a directory with all that is in it to another user, and nothing that a link names."""

from __future__ import annotations

import os
import stat

from .safe_open import QUIET, UnsafePathError, open_directory


def give_tree(path: str, former: int, user: int, group: int) -> None:
    """Give what is the former owner's to the user; what is root's stays root's, and links stay as they are.

    The directory is closed to both while it is handed over. For root; nothing happens if both are the same user.

    Args:
        path: The directory.
        former: User number of whom it belonged to.
        user, group: Numbers of whom it is for.

    Raises:
        OSError: it cannot be read.
        UnsafePathError: something in it is neither the former owner's nor root's, has a second name, or is no file.
    """
    if former == user:
        return
    descriptor = open_directory(path)
    try:
        os.fchown(descriptor, 0, 0)
        os.fchmod(descriptor, 0o700)
        for folder, folders, files, parent in os.fwalk(".", dir_fd=descriptor):
            for name in (*folders, *files):
                _give(os.path.join(path, folder, name), name, parent, former, user, group)
        os.fchown(descriptor, user, group)
    finally:
        os.close(descriptor)


def _give(path: str, name: str, parent: int, former: int, user: int, group: int) -> None:
    if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        return
    descriptor = os.open(name, os.O_RDONLY | QUIET, dir_fd=parent)
    try:
        status = os.fstat(descriptor)
        regular = stat.S_ISREG(status.st_mode)
        if not regular and not stat.S_ISDIR(status.st_mode):
            raise UnsafePathError(
                os.path.normpath(path), "is neither a file nor a directory", "Nothing was given away."
            )
        if regular and status.st_nlink > 1:
            raise UnsafePathError(os.path.normpath(path), "has a second name (hard link)", "It was not given away.")
        if status.st_uid not in (former, 0):
            raise UnsafePathError(os.path.normpath(path), f"belongs to user {status.st_uid}", "It was not given away.")
        if status.st_uid == former:
            os.fchown(descriptor, user, group)
    finally:
        os.close(descriptor)
