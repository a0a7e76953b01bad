# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, group and mode, as the options of the modules directory and file name them."""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..errors import OptionError
from ..host.act_as import name_of


def absolute_path(options: Mapping[str, Any]) -> str:
    """The option path.

    Raises:
        OptionError: it does not begin at the root, or is the root.
    """
    path = str(options["path"])
    if not os.path.isabs(path) or "\0" in path or os.path.normpath(path) == "/":
        raise OptionError("path", path, "Give an absolute path.")
    return os.path.normpath(path)


def mode_of(options: Mapping[str, Any]) -> int:
    """The option mode.

    Raises:
        OptionError: it is no octal number of three digits.
    """
    mode = str(options["mode"])
    if not re.fullmatch(r"0?[0-7]{3,4}", mode):
        raise OptionError("mode", mode, "Write three octal digits after a zero, in quotes: '0750'.")
    return int(mode, 8)


def owner_and_group(options: Mapping[str, Any], default: int) -> tuple[int, int]:
    """The options owner and group, as numbers.

    Args:
        options: Of the module.
        default: Number of the owner where the option is not given.

    Raises:
        OptionError: there is no such user or group.
    """
    owner, group = options["owner"], options["group"]
    try:
        user = pwd.getpwnam(str(owner)) if owner else pwd.getpwuid(default)
    except KeyError as error:
        raise OptionError("owner", owner or default, "There is no such user on this host.") from error
    try:
        number = grp.getgrnam(str(group)).gr_gid if group else user.pw_gid
    except KeyError as error:
        raise OptionError("group", group, "There is no such group on this host.") from error
    return user.pw_uid, number


def shown(path: str, owner: int, group: int, mode: int) -> str:
    """Path, owner, group and mode in one line, as diffs have them."""
    return f"{path} {name_of(owner)} {_group_name(group)} {mode:04o}"


def _group_name(number: int) -> str:
    """The name of a group, or the number where none has it."""
    with suppress(KeyError):
        return grp.getgrgid(number).gr_name
    return str(number)
