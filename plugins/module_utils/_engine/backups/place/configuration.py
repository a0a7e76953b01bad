# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that lies in a data directory: the one that takes the place gets what the live one has."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from ...host.safe_open import open_file, read_file

# What PostgreSQL looks for in the data directory. Ours are in there since the recovery.
_USUAL = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")


def bring_configuration(live: str, new: str, files: Iterable[str]) -> list[str]:
    """Copy the live directory's configuration, and its mode, over what the other one has.

    Args:
        live, new: The data directories, both of the user of this process.
        files: The files that the server says it reads; those outside stay where they are, and serve both.

    Returns:
        Names below the directory of what was copied.

    Raises:
        OSError, UnsafePathError: something cannot be read or written.
    """
    within = {os.path.relpath(path, live) for path in files if os.path.normpath(path).startswith(f"{live}/")}
    names = sorted(within.union(_USUAL))
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(new, name))
    copied = [name for name in names if _copied(os.path.join(live, name), os.path.join(new, name))]
    os.chmod(new, stat.S_IMODE(os.stat(live).st_mode))
    return copied


def _copied(source: str, target: str) -> bool:
    """Copy a file, or a link as it is; False if there is none."""
    try:
        status = os.lstat(source)
    except FileNotFoundError:
        return False
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)
        return True
    content = read_file(source)
    with os.fdopen(open_file(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), stat.S_IMODE(status.st_mode))
        stream.flush()
        os.fsync(stream.fileno())
    return True
