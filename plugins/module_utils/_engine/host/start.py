# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first lines that titan-db runs: where a compiled copy of it lies beside it, its modules come from there.

Also a member of its own in the command's archive, so it imports nothing of the engine.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys

MAGIC = importlib.util.MAGIC_NUMBER.hex()  # of what this Python compiles to


def compiled_path(command: str, tag: str = sys.implementation.cache_tag or "python") -> str:
    """Where the command's compiled copy for a Python lies."""
    folder, name = os.path.split(os.path.abspath(command))
    return os.path.join(folder, f".{name}.compiled", f"{tag}.zip")


def head(digest: str, magic: str) -> bytes:
    """The first line of a compiled copy: the SHA-256 of what it was made from, and for which Python."""
    return f"titan-db {digest} {magic}".encode()


def use_compiled(command: str, digest: str = "") -> None:
    """Take modules from the compiled copy if it is of exactly this command, and nobody could write it who could not write the command.

    Args:
        command: Path of the command.
        digest: Its SHA-256, where that is known already.
    """
    path = compiled_path(command)
    try:
        owners = (0, os.stat(command).st_uid)
        for place in (os.path.dirname(path), path):
            status = os.lstat(place)
            if status.st_uid not in owners or status.st_mode & 0o022:  # as a link's is, too
                return
        if not digest:
            with open(command, "rb") as source:
                digest = hashlib.sha256(source.read()).hexdigest()
        with open(path, "rb") as copy:
            if copy.readline(200).split(b" ")[:3] == head(digest, MAGIC).split(b" "):
                sys.path.insert(0, path)
    except OSError:  # none, or not for this user: the modules are compiled again
        return
