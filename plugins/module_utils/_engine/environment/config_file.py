# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file of an environment, as it is read: one JSON object."""

from __future__ import annotations

import os
from typing import Any

from ..errors import OptionError
from ..host.safe_open import UnsafePathError, read_file
from ..text.json_kinds import parsed


def read_config(path: str | None, option: str = "config") -> dict[str, Any]:
    """The configuration file: ``{"environment": NAME, "env_file": PATH, "jobs": {NAME: {OPTION: VALUE}}, ...}``; empty without a path.

    Args:
        path: Of the file.
        option: The option that names it, for the message.

    Raises:
        OptionError: it cannot be read, or is not a JSON object.
    """
    if not path:
        return {}
    try:
        config = parsed(read_file(path))
    except PermissionError as error:
        raise OptionError(option, path, unreadable(path)) from error
    except UnsafePathError as error:
        raise OptionError(option, path, f"It {error.why}. {error.remedy}") from error
    except (OSError, ValueError) as error:
        raise OptionError(option, path, f"It cannot be read as JSON: {error}.") from error
    if not isinstance(config, dict):
        raise OptionError(option, path, "It must hold one JSON object.")
    return config


def unreadable(path: str) -> str:
    """What to do about a configuration that this user may not read."""
    from .records import owner_of  # not with every start

    try:
        owner = owner_of(os.path.dirname(os.path.abspath(path)) if not os.path.exists(path) else path)
    except OSError:
        return "Run it as the user whose jobs these are."
    return f"This user may not read it; run it as the user whose jobs these are, or as {owner}: sudo -u {owner} titan-db ..."
