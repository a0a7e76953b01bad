# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to say of a listing that holds nothing."""

from __future__ import annotations

import os

from ...errors import TitanError
from ...text.listed import listed
from .read import read_catalog

_SHOWN = 5


class NothingThereError(TitanError):
    """The directory has no backup, or none of that name."""


def nothing_there(dest: str, name: str | None = None) -> str:
    """What is there in the place of a directory, or of a name, that has no backup; a sentence without its full stop."""
    if not os.path.isdir(dest):
        above = os.path.dirname(dest.rstrip("/")) or "/"
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        return f"there is no directory {dest}; {_listed(above)}"
    if not name:
        return f"there is no backup in {dest}; {_listed(dest)}"
    names = sorted({entry.name for entry in read_catalog(dest)})
    there = f"the names there are {', '.join(names[:_SHOWN])}" if names else _listed(dest)
    return f"there is no backup called {name} in {dest}; {there}"


def _listed(folder: str) -> str:
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))  # ours are locks and parts
    except OSError as error:
        return f"{folder} cannot be read ({error.strerror})"
    return f"in {folder} there {'is nothing' if not names else 'are ' + listed(names, _SHOWN)}"
