# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory for another user, made so that no link of that user's hands over what is somebody else's."""

from __future__ import annotations

import os
import stat
from typing import Any, NamedTuple

from ..errors import OptionError
from ..host.act_as import name_of, user_in_charge
from ..host.files import make_directories
from ..host.safe_open import UnsafePathError, open_directory
from ..outcome import Call, Outcome
from ..text.options import Spec, option
from .ownership import absolute_path, mode_of, owner_and_group, shown

DIRECTORY: Spec = {
    "path": option(
        "path",
        "Absolute path of the directory, on the target host. Missing parents are created with mode C(0755).",
        "Its last part must not be a link. A link above it is followed if root made it, or if what it names belongs to the link's owner.",
        "Either it or O(directories) is required.",
    ),
    "owner": option("str", "Name of the user that the directory belongs to. By default, the user of the task."),
    "group": option("str", "Name of the directory's group. By default, the first group of O(owner)."),
    "mode": option("str", "Mode, as octal digits in quotes.", default="0700"),
    "directories": option(
        "list",
        "Several directories, in this order, instead of O(path). All are looked at before the first one is changed.",
        elements="dict",
        options={
            "path": option("path", "As O(path).", required=True),
            "owner": option("str", "Its owner; O(owner) if not given."),
            "group": option("str", "Its group; O(group) if not given."),
            "mode": option("str", "Its mode; O(mode) if not given."),
        },
    ),
}


class _Wanted(NamedTuple):
    """A directory as it should be: numbers of user and group, and the mode."""

    path: str
    owner: int
    group: int
    mode: int

    def changes(self, status: os.stat_result) -> bool:
        return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) != (self.owner, self.group, self.mode)


def directory(call: Call) -> Outcome:
    """Make the directories, or give them their owner, group and mode.

    Raises:
        OptionError: a value cannot be used, or a link or something else is in the place.
        UnsafePathError: another user's link leads there, or it belongs to somebody who could not have put it there.
    """
    listed = call.options["directories"]
    if listed is None:
        return _directory(_wanted(call.options), call.check_mode)
    common = {name: call.options[name] for name in ("owner", "group", "mode")}
    wanted = [
        _wanted({**common, **{name: value for name, value in each.items() if value is not None}}) for each in listed
    ]
    planned = [_directory(each, check_mode=True) for each in wanted]
    done = planned if call.check_mode else [_directory(each, check_mode=False) for each in wanted]
    changed = [each.summary for each in done if each.changed]
    return Outcome(
        changed=bool(changed),
        data={"paths": [each.path for each in wanted]},
        summary="; ".join(changed) or f"{len(wanted)} directories are as declared",
        before="".join(each.before for each in done),
        after="".join(each.after for each in done),
    )


def _directory(wanted: _Wanted, check_mode: bool) -> Outcome:
    before = _status(wanted.path)
    there = wanted.path
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    os.close(open_directory(there, follow=there != wanted.path))
    changed = before is None or wanted.changes(before)
    above = user_in_charge(os.path.dirname(wanted.path), whatever_is_there=True) if not os.geteuid() else os.geteuid()
    if before is not None and above not in (0, os.geteuid()) and before.st_uid not in (above, wanted.owner):
        descriptor = open_directory(wanted.path)
        try:
            _require_nothing_to_hand_over(wanted, descriptor, above)
        finally:
            os.close(descriptor)
    if changed and not check_mode:
        _apply(wanted, above)
    after = f"{shown(*wanted)}\n"
    reason = _reason(wanted, before) if changed and before is not None else ""
    return Outcome(
        changed=changed,
        data={"path": wanted.path},
        summary=f"{wanted.path} {'is as declared' if not changed else 'was made' if before is None else 'was changed'}",
        before=_shown(wanted.path, before) if changed else after,
        after=f"{after.rstrip()} ({reason})\n" if reason else after,
    )


def _reason(wanted: _Wanted, before: os.stat_result) -> str:
    """Why a directory that was there does not stay as it was."""
    if (before.st_uid, before.st_gid) != (wanted.owner, wanted.group):
        return "owner and group are the declared ones"
    gone = stat.S_IMODE(before.st_mode) & ~wanted.mode
    if gone & 0o022:
        return "others could write there"
    if gone & 0o055:
        return "others could read there"
    return "the mode is the declared one"


def _require_nothing_to_hand_over(wanted: _Wanted, descriptor: int, above: int) -> None:
    """Refuse a directory that the user above it may have moved there, unless it is root's and holds nothing of others.

    Who is above may rename a directory of root's into the place, but put nothing into it.
    """
    found = os.fstat(descriptor).st_uid
    refused = f"belongs to {name_of(found)} in a directory of {name_of(above)}"
    if found:
        raise UnsafePathError(wanted.path, refused, "Move it away.")
    for name in os.listdir(descriptor):
        owner = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid
        if owner != wanted.owner:
            refused += f", and {name!r} in it belongs to {name_of(owner)}"
            raise UnsafePathError(wanted.path, refused, f"Move it away, or chown it to {name_of(wanted.owner)}.")


def _apply(wanted: _Wanted, above: int) -> None:
    make_directories(os.path.dirname(wanted.path), owner=above)
    make_directories(wanted.path, 0o700, owner=above)
    descriptor = open_directory(wanted.path)
    try:
        found = os.fstat(descriptor).st_uid
        if above not in (0, os.geteuid()) and found not in (
            above,
            wanted.owner,
        ):  # that one could exchange it meanwhile
            _require_nothing_to_hand_over(wanted, descriptor, above)
        if (found, os.fstat(descriptor).st_gid) != (wanted.owner, wanted.group):
            os.fchown(descriptor, wanted.owner, wanted.group)
        os.fchmod(descriptor, wanted.mode)
    finally:
        os.close(descriptor)


def _wanted(options: Any) -> _Wanted:
    path, mode = absolute_path(options), mode_of(options)
    return _Wanted(path, *owner_and_group(options, os.geteuid()), mode)


def _status(path: str) -> os.stat_result | None:
    """What is there, a directory; None if nothing is."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISDIR(status.st_mode):
        kind = f"a symbolic link to {os.readlink(path)!r}" if stat.S_ISLNK(status.st_mode) else "no directory"
        raise OptionError("path", path, f"There is {kind}: name the real directory, or move it away.")
    return status


def _shown(path: str, status: os.stat_result | None) -> str:
    if status is None:
        return f"{path} absent\n"
    return f"{shown(path, status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))}\n"
