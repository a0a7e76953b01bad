# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exchanges have kept beside the live data directory: since when, and how large it is."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import datetime, timezone

from .exchanges import kept_directories

_SINCE = re.compile(r"_?(\d{8}_\d{6})$")


def kept_clusters(dest: str) -> list[tuple[str, datetime, int]]:
    """Path, since when, and bytes of each data directory that is kept, oldest first.

    Args:
        dest: The directory of the backups; see read_exchange.

    Returns:
        Bytes are 0 where the directory is another user's.

    Raises:
        TitanError: the record of the exchanges is damaged.
    """
    found = [(path, _since(path), _bytes(path)) for path in kept_directories(dest)]
    return sorted(found, key=_by_time)


def _by_time(each: tuple[str, datetime, int]) -> datetime:
    return each[1]


def _since(path: str) -> datetime:
    """As its name says, which the exchange has given it."""
    found = _SINCE.search(path)
    if found:
        with suppress(ValueError):
            return datetime.strptime(found[1], "%Y%m%d_%H%M%S").replace(tzinfo=timezone.utc)
    return datetime.fromtimestamp(os.lstat(path).st_mtime, timezone.utc)


def _bytes(path: str) -> int:
    total = 0
    for folder, _folders, files in os.walk(path):
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
