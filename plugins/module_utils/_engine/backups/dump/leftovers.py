# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing the temporary files that dead runs left."""

from __future__ import annotations

import os
import re
import shutil
import stat

from ...host.files import PART
from ..catalog.naming import ENCRYPTED, GLOBALS, MANIFEST, SEALED, parse_file_name

_TEMPORARY = re.compile(r"\.(?P<file>.+)\.[A-Za-z0-9_]{8}" + re.escape(PART))


def remove_leftover_parts(dest: str, name: str) -> list[str]:
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
    if file.endswith((GLOBALS, GLOBALS + ENCRYPTED)):
        return bool(re.fullmatch(re.escape(name) + r"_\d{8}_\d{6}", file.partition(GLOBALS)[0]))
    beside = next((suffix for suffix in (MANIFEST, SEALED) if file.endswith(suffix)), "")
    parsed = parse_file_name(file[: -len(beside)] if beside else file)
    return parsed is not None and parsed.name == name
