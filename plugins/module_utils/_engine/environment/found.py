# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration is meant when a person names none."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping

from ..crontab.titan_command import DIRECTORY, config_path
from ..errors import OptionError
from .config import Environment, read_environment
from .config_file import unreadable

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


def named_environment(name: str) -> Environment:
    """The environment of that name on this host; a text with a slash is the path of its configuration.

    Raises:
        OptionError: there is none; says which there are.
    """
    path = config_path(name, DIRECTORY)
    folder = os.path.dirname(path)
    if not os.path.exists(path) and (not os.path.isdir(folder) or os.access(folder, os.R_OK | os.X_OK)):
        known = ", ".join(os.path.basename(each)[: -len(".json")] for each in configurations()) or "none"
        raise OptionError("environment", name, f"There is no {path}; the environments of this host are: {known}.")
    if not os.access(path, os.R_OK):
        raise OptionError("environment", name, unreadable(path))
    return read_environment(path)


def config_named(text: str) -> str:
    """The path of the configuration that --config names: a file, or else the environment of that name on this host.

    Raises:
        OptionError: a name without a slash is neither; says which environments there are.
    """
    if "/" in text or os.path.exists(text):
        return text
    path = config_path(text, DIRECTORY)
    if os.path.exists(path):
        return path
    known = ", ".join(os.path.basename(each)[: -len(".json")] for each in configurations()) or "none"
    raise OptionError(
        "config", text, f"There is no such file, and no {path}; the environments of this host are: {known}."
    )


def configurations(directory: str = "") -> list[str]:
    """The paths of the configurations on this host."""
    return sorted(glob.glob(os.path.join(glob.escape(directory or DIRECTORY), "*.json")))


def found_config(variables: Mapping[str, str], directory: str = "") -> str | None:
    """The path of the host's only configuration; None when there is none, or the environment names a database.

    Raises:
        OptionError: there are several, and one has to be named.
    """
    if any(variables.get(name) for name in _VARIABLES):
        return None
    paths = configurations(directory)
    if len(paths) > 1:
        raise OptionError("config", None, f"This host has several environments; name one of {', '.join(paths)}.")
    return paths[0] if paths else None
