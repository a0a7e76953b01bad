# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems that this host is said to mount: fstab(5) and the mount units that systemd starts, compared with what is mounted."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import suppress

FSTAB, UNITS, MOUNTED = "/etc/fstab", "/etc/systemd/system/*.[wr]*/*.mount", "/proc/self/mounts"
_ESCAPES = {r"\040": " ", r"\011": "\t", r"\012": "\n", r"\134": "\\"}


def missing_mount(path: str) -> str:
    """Where a file system should be mounted, at the path or above it, and is not; empty if none is missing.

    Without it, what is written goes to the disk below, and lies hidden once the file system is there again.
    """
    mounted = {_unescaped(words[1]) for words in _words(MOUNTED) if len(words) > 1}
    place = os.path.realpath(path)
    missing = [
        point
        for point in {*_of_fstab(), *_of_units()} - mounted - {"/"}
        if f"{place}/".startswith(f"{point.rstrip('/')}/")
    ]
    return max(missing, key=len, default="")


def _of_fstab() -> Iterator[str]:
    for words in _words(FSTAB):
        if len(words) > 3 and words[1].startswith("/") and "noauto" not in words[3].split(","):
            yield os.path.normpath(_unescaped(words[1]))


def _of_units() -> Iterator[str]:
    for unit in glob.glob(UNITS):
        with suppress(OSError), open(unit, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                name, _equals, value = line.strip().partition("=")
                if name.strip() == "Where" and os.path.isabs(value.strip()):
                    yield os.path.normpath(value.strip())


def _words(path: str) -> list[list[str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return [line.split() for line in stream if line.strip() and not line.lstrip().startswith("#")]
    except OSError:
        return []


def _unescaped(text: str) -> str:
    for written, meant in _ESCAPES.items():
        text = text.replace(written, meant)
    return text


def is_mounted_with(flag: int, path: str) -> bool:
    """Whether the path's file system is mounted so (``os.ST_RDONLY``, ``os.ST_NOEXEC``); False where it cannot be asked."""
    try:
        return bool(os.statvfs(path).f_flag & flag)
    except OSError:
        return False
