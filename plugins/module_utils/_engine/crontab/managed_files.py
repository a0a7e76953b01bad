# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that the jobs of a block need (a configuration, a logrotate file): they come and go with the block."""

from __future__ import annotations

import grp
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import OptionError
from ..host.files import OPEN, closed_directory, is_file_with, make_directories, remove_file, write_file
from ..host.safe_open import change_mode, open_file, read_file
from ..text.secrets_in import secret_in


@dataclass(frozen=True)
class ManagedFile:
    """One file as it should be, and as it is.

    Attributes:
        path, content, mode: As it should be; content None means it should not exist.
        gid: Its group's id, or None to leave the group alone.
        before, mode_before: Its text and mode now; None and 0 if there is no such file.
    """

    path: str
    content: str | None
    mode: int
    gid: int | None
    before: str | None
    mode_before: int = 0

    def changes(self) -> bool:
        """Whether applying it would do anything."""
        if self.content is None:
            return self.before is not None
        if not is_file_with(self.path, self.content.encode(), self.mode):
            return True
        if closed_directory(self.path):
            return True
        return self.gid is not None and os.lstat(self.path).st_gid != self.gid

    def apply(self) -> None:
        """Write or remove it; missing parent directories are made with mode 0755, and our own is opened for the jobs' user."""
        if self.content is None:
            if self.before is not None:
                remove_file(self.path)
            return
        make_directories(os.path.dirname(self.path))
        closed = closed_directory(self.path)
        if closed:
            change_mode(closed, OPEN, os.geteuid())
        write_file(self.path, self.content.encode(), self.mode, label="crontab.managed_file")
        if self.gid is not None and os.lstat(self.path).st_gid != self.gid:
            descriptor = open_file(self.path)
            try:
                os.fchown(descriptor, -1, self.gid)
            finally:
                os.close(descriptor)


def managed_files_from_options(items: Sequence[Mapping[str, Any]], present: bool) -> list[ManagedFile]:
    """Check the option ``files`` and read what is there.

    Raises:
        OptionError: a relative path, a link or a directory in the place, an unknown group, a mode that is none, a secret in
            a file that everybody may read.
    """
    return [_managed_file(item, f"files[{index}]", present) for index, item in enumerate(items)]


def _managed_file(item: Mapping[str, Any], option: str, present: bool) -> ManagedFile:
    path, mode, group = str(item["path"]), str(item.get("mode") or "0644"), item.get("group")
    if not os.path.isabs(path) or re.search(r"[\x00-\x1f\x7f]", path):
        raise OptionError(f"{option}.path", path, "Give an absolute path without control characters.")
    if not re.fullmatch(r"0?[0-7]{3}", mode):
        raise OptionError(f"{option}.mode", mode, "Write three octal digits after a zero, in quotes: '0640'.")
    try:
        gid = grp.getgrnam(str(group)).gr_gid if group else None
    except KeyError as error:
        raise OptionError(f"{option}.group", group, "There is no such group on this host.") from error
    content = str(item["content"]) if present else None
    secret = secret_in(content or "") if int(mode, 8) & 0o004 else ""
    if secret:
        raise OptionError(
            f"{option}.content",
            "(hidden)",
            f"It would write a secret ({secret}) into {path}, which every user of this host can read. Keep it in the env file "
            "(mode 0600), or in a file that only the jobs' user can read and that the option names.",
        )
    before = _text_of(path, f"{option}.path")
    mode_before = 0 if before is None else stat.S_IMODE(os.lstat(path).st_mode)
    return ManagedFile(path, content, int(mode, 8), gid, before, mode_before)


def _text_of(path: str, option: str) -> str | None:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise OptionError(option, path, "It is there, but is not a regular file.")
        return read_file(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
