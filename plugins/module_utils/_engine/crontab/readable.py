# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of others that say what starts by the clock, as far as this user may read them. What may not be read is as if it were not there."""

from __future__ import annotations

import os

from ..host.safe_open import UnsafePathError, open_seen

_MOST = 65536  # bytes


def names_in(folder: str) -> list[str]:
    """What a directory holds, in order; nothing where it is not there, or may not be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def files_in(folder: str) -> list[str]:
    """The paths of the files in a directory."""
    return [path for path in (os.path.join(folder, name) for name in names_in(folder)) if os.path.isfile(path)]


def is_closed(folder: str) -> bool:
    """Whether it is a directory in which this user sees no files."""
    return os.path.isdir(folder) and not os.access(
        folder, os.R_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids
    )


def start_of(path: str) -> bytes:
    """The first 64 KiB of a regular file; nothing of anything else: a named pipe makes nobody wait, and no device begins anything."""
    try:
        with open_seen(path) as stream:
            return stream.read(_MOST)
    except (OSError, UnsafePathError):
        return b""
