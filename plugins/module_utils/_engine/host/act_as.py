# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a directory of another user's, root works as that user: whatever lies there, it reaches no further than its owner."""

from __future__ import annotations

import errno
import os
import pwd
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from ..errors import TitanError
from ..typed import Any
from .safe_open import LINKS_AT_MOST, UnsafePathError

_OURS = ("HOME", "USER", "LOGNAME", "TMPDIR")


def user_in_charge(path: str, whatever_is_there: bool = False) -> int:
    """Number of the user who could exchange what lies at the path: the first owner on the way to it who is not root.

    Args:
        path: Absolute, or below the working directory.
        whatever_is_there: Do not look at the owner of what lies there.

    Returns:
        0 if that is nobody but root. What is missing is in the charge of whom the directory above belongs to.

    Raises:
        UnsafePathError: everybody may replace it, or its owner is not the one who could replace it.
        OSError: it cannot be looked at, as of os.lstat.
    """
    waiting = [part for part in os.path.abspath(path).split("/") if part]
    walked, links, open_to_all = "/", 0, ""
    while waiting:
        place = os.path.join(walked, waiting.pop(0))
        try:
            status = os.lstat(place)
        except FileNotFoundError:
            return 0
        if status.st_uid:
            if not whatever_is_there:
                _require_same_owner(path, place, status.st_uid)
            return status.st_uid
        if open_to_all:
            raise UnsafePathError(
                path, f"is below {open_to_all!r}, in which every user may replace it", "chmod o-w that directory."
            )
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > LINKS_AT_MOST:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = os.readlink(place)
            waiting = [item for item in target.split("/") if item] + waiting
            walked = "/" if target.startswith("/") else walked
            continue
        if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
            open_to_all = place
        walked = place
    return 0


def _require_same_owner(path: str, above: str, owner: int) -> None:
    """Refuse what belongs to somebody else than the user above it, who could replace it."""
    try:
        found = os.stat(path).st_uid
    except OSError:
        return  # missing, or for that user to find out
    if found != owner:
        raise UnsafePathError(
            path,
            f"belongs to {name_of(found)}, but lies below {above!r} of {name_of(owner)}, who could replace it",
            f"chown it to {name_of(owner)}, or move it.",
        )


def directories_named(options: Mapping[str, Any]) -> list[str]:
    """The paths among an operation's options that decide whom root acts for."""
    return [str(options[name]) for name in ("dest", "source") if options.get(name)]


def name_of(number: int) -> str:
    """The name of a user, or the number where nobody has it."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def closed_by(path: str) -> str:
    """The user in whose directory it cannot be seen whether there is anything at the path; "" when that can be seen."""
    above = os.path.abspath(path)
    while not os.path.isdir(above):
        above = os.path.dirname(above)
    return "" if os.access(above, os.X_OK) else name_of(os.stat(above).st_uid)


@contextmanager
def acting_for(paths: Iterable[str]) -> Iterator[None]:
    """While the block runs, root is the user in charge of the paths: in user, groups and home. Others stay who they are.

    Programs that are started cannot become root again.

    Raises:
        UnsafePathError: see user_in_charge.
        TitanError: the paths are in the charge of several users.
    """
    users = {} if os.geteuid() else {user: path for path in paths if path and (user := user_in_charge(path))}
    if len(users) > 1:
        (first, one), (second, other) = sorted(users.items())[:2]
        raise TitanError(
            f"{one!r} belongs to {name_of(first)} and {other!r} to {name_of(second)}: run it as one of them, "
            "who may read both."
        )
    if not users:
        yield
        return
    from .own_code import imported_from, own_code  # only root needs it

    number, path = users.popitem()
    groups, group = os.getgroups(), os.getegid()
    before = {name: os.environ.get(name) for name in _OURS}
    code = own_code()
    try:
        _become(number, path)
        with imported_from(code):
            yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(group, group, group)
        os.setgroups(groups)
        _set_variables(before)


def can_be_root() -> bool:
    """Whether this process is root, or is root that acts for somebody."""
    return 0 in os.getresuid()


@contextmanager
def as_root() -> Iterator[None]:
    """While the block runs, root that acts for somebody is root again: for what only root may ask of the host's own programs."""
    users, group, groups = os.getresuid(), os.getegid(), os.getgroups()
    if users[1] == 0 or users[2] != 0:
        yield
        return
    os.setresuid(0, 0, 0)
    os.setresgid(0, 0, 0)
    try:
        yield
    finally:
        os.setgroups(groups)
        os.setresgid(group, group, group)
        os.setresuid(*users)


def _become(number: int, path: str) -> None:
    try:
        entry = pwd.getpwuid(number)
        home, name, group = entry.pw_dir, entry.pw_name, entry.pw_gid
        groups = os.getgrouplist(name, group)
    except KeyError:  # as in a container, whose directories keep the numbers of another machine
        home, name, group, groups = "/", str(number), os.lstat(path).st_gid, []
    os.setgroups(groups)
    os.setresgid(group, group, group)
    os.setresuid(number, number, 0)  # the saved number lets this process, and no program that it starts, go back
    temporary = os.environ.get("TMPDIR", "")
    usable = temporary if temporary and os.access(temporary, os.W_OK | os.X_OK) else None
    _set_variables({"HOME": home, "USER": name, "LOGNAME": name, "TMPDIR": usable})


def _set_variables(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if (loaded := sys.modules.get("tempfile")) is not None:
        loaded.tempdir = None  # type: ignore[attr-defined] # Python remembers the former user's
