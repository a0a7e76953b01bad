# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration is meant when a person names none."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping

from ..errors import OptionError
from .records import owner_of

DIRECTORY = "/etc/titan-db"

# What names a database by itself: then no configuration is looked for.
_VARIABLES = (
    "DATABASE_URL",
    "DB_HOST",
    "DB_NAME",
    "DB_USER",
    "PGDATABASE",
    "PGHOST",
    "PGUSER",
    "PGSERVICE",
    "POSTGRES_DB",
)


def found_config(variables: Mapping[str, str], directory: str = "") -> str | None:
    """The path of the host's only configuration; None when there is none, or the environment names a database.

    Raises:
        OptionError: there are several, and one has to be named.
    """
    if any(variables.get(name) for name in _VARIABLES):
        return None
    paths = sorted(glob.glob(os.path.join(glob.escape(directory or DIRECTORY), "*.json")))
    if len(paths) > 1:
        raise OptionError("config", None, f"This host has several environments; name one of {', '.join(paths)}.")
    return paths[0] if paths else None


def unreadable(path: str) -> str:
    """What to do about a configuration that this user may not read."""
    try:
        owner = owner_of(os.path.dirname(os.path.abspath(path)) if not os.path.exists(path) else path)
    except OSError:
        return "Run it as the user whose jobs these are."
    return f"This user may not read it; run it as the user whose jobs these are, or as {owner}: sudo -u {owner} titan-db ..."
