# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file for another user, written so that nothing which that user puts in its place misleads root."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from typing import NamedTuple

from ..errors import OptionError
from ..host.act_as import acting_for, name_of, user_in_charge
from ..host.files import published, remove_file
from ..host.safe_open import UnsafePathError, open_directory, regular_stream
from ..outcome import Call, Outcome
from ..steps import step
from ..text.options import Spec, option
from .ownership import absolute_path, mode_of, owner_and_group, shown

FILE: Spec = {
    "path": option(
        "path",
        "Absolute path of the file, on the target host. Its directory must exist.",
        "Neither a link, a named pipe, a device nor a file with a second name (hard link) may be in its place.",
        required=True,
    ),
    "content": option("str", "The whole content. Shown in no log and no diff.", no_log=True),
    "renamed_from": option(
        "str",
        "Name of a file in the same directory, which takes the place of O(path) as it is. Instead of O(content).",
    ),
    "owner": option(
        "str",
        "Name of the user that the file belongs to. By default, the user who may replace what is in the directory; below a "
        "directory of another user it must be that user.",
    ),
    "group": option("str", "Name of the file's group. By default, the first group of O(owner)."),
    "mode": option("str", "Mode, as octal digits in quotes.", default="0600"),
    "state": option("str", "V(absent) removes the file.", default="present", choices=("present", "absent")),
}


class _File(NamedTuple):
    """What a file is, or should be: its bytes (None: unknown, nobody may read them), owner, group and mode."""

    content: bytes | None
    owner: int
    group: int
    mode: int

    def shown(self, path: str) -> str:
        return shown(path, self.owner, self.group, self.mode)


def file(call: Call) -> Outcome:
    """Write the file, rename another one to it, or remove it; as the user who is in charge of its directory.

    Raises:
        OptionError: a value cannot be used, or the directory is missing.
        UnsafePathError: a link or something else than a file is in the place, or somebody else could exchange the directory.
    """
    path, mode = absolute_path(call.options), mode_of(call.options)
    folder = os.path.dirname(path)
    present = call.options["state"] == "present"
    if not os.path.lexists(folder) and (call.check_mode or not present):  # a task before this one would make it
        return Outcome(present, {"path": path}, f"{path} is not there")
    if not os.path.isdir(folder):
        raise OptionError(
            "path", path, f"The directory {folder!r} does not exist: make it with titan.database.directory."
        )
    user = os.geteuid() or user_in_charge(folder)
    owner, group = owner_and_group(call.options, user)
    if user and owner != user:
        raise OptionError(
            "owner",
            call.options["owner"],
            f"{folder!r} belongs to {name_of(user)}, who could replace the file: make {name_of(user)} the owner.",
        )
    if not present:
        return _removed(path, folder, call.check_mode)
    given, name = call.options["content"], call.options["renamed_from"]
    if (given is None) == (not name):
        raise OptionError("content", "(hidden)" if given is not None else None, "Give either content or renamed_from.")
    if name:
        return _renamed(path, folder, name, call.check_mode)
    return _written(path, folder, _File(given.encode(), owner, group, mode), call.check_mode)


def _written(path: str, folder: str, wanted: _File, check_mode: bool) -> Outcome:
    with acting_for([folder]):
        before = _found(path)
    changed = before != wanted
    if changed and not check_mode:
        with ExitStack() as stack:
            with acting_for([folder]), published(path, wanted.mode & 0o700, "env_file") as stream:
                stream.write(wanted.content or b"")
                kept = os.dup(stream.fileno())
                stack.callback(os.close, kept)
                if os.geteuid() == 0:
                    os.fchown(kept, wanted.owner, wanted.group)
            status = os.fstat(kept)
            if (status.st_uid, status.st_gid) != (wanted.owner, wanted.group):
                os.fchown(kept, wanted.owner, wanted.group)
            os.fchmod(kept, wanted.mode)
    after = f"{wanted.shown(path)}\n"
    return Outcome(
        changed=changed,
        data={"path": path},
        summary=f"{path} {'is as declared' if not changed else 'was written' if before is None else 'was changed'}",
        before=_shown(path, before, wanted) if changed else after,
        after=after,
    )


def _shown(path: str, before: _File | None, wanted: _File) -> str:
    if before is None:
        return f"{path} absent\n"
    return f"{before.shown(path)}{'' if before.content == wanted.content else ', other content'}\n"


def _renamed(path: str, folder: str, name: str, check_mode: bool) -> Outcome:
    if "/" in name or name in ("", ".", ".."):
        raise OptionError("renamed_from", name, "Give the name of a file in the same directory, without a slash.")
    source = os.path.join(folder, name)
    with acting_for([folder]):
        _found(path)
        if _found(source) is None:
            raise OptionError("renamed_from", name, f"There is no file of this name in {folder!r}.")
        if not check_mode:
            directory = open_directory(folder, follow=True)
            try:
                os.rename(name, os.path.basename(path), src_dir_fd=directory, dst_dir_fd=directory)
                step("env_file.renamed")
                os.fsync(directory)
            finally:
                os.close(directory)
    return Outcome(True, {"path": path}, f"{source} took the place of {path}", f"{source}\n", f"{path}\n")


def _removed(path: str, folder: str, check_mode: bool) -> Outcome:
    with acting_for([folder]):
        there = _found(path) is not None
        if there and not check_mode:
            remove_file(path)
    summary = f"{path} {'was removed' if there else 'is not there'}"
    return Outcome(there, {"path": path}, summary, f"{path} present\n" if there else "", "")


def _found(path: str) -> _File | None:
    """What lies there; None if nothing does.

    Raises:
        UnsafePathError: it is not a regular file, or has a second name.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise UnsafePathError(path, "is a directory", "Move it away, or name another path.")
    content: bytes | None = None
    try:
        with regular_stream(path) as stream:
            status = os.fstat(stream.fileno())
            content = stream.read()
    except PermissionError:
        pass  # a file of root's that this user may replace
    if status.st_nlink > 1:
        raise UnsafePathError(path, "has a second name (hard link)", "Remove one of both names.")
    return _File(content, status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
