# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open what lies in directories that other users may write to: step by step, never misled by a link, never waiting.

What is checked is the open file, and the caller works on its descriptor, so that nobody can exchange it in between.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import TitanError
from ..typed import IO

QUIET = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
LINKS_AT_MOST = 40  # as the kernel
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISREG, "a file"),
)


class UnsafePathError(TitanError):
    """Somebody else could have put this there; the message names the path and what is wrong with it."""

    def __init__(self, path: str, why: str, remedy: str) -> None:
        super().__init__(f"{path!r} {why}. {remedy}", path=path)
        self.why, self.remedy = why, remedy


def open_file(path: str, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Open a regular file; return its descriptor, which the caller closes.

    A link of root or of the caller is followed, and another user's only to a file of that user. The file belongs to the caller, to root, or to the
    owner of its directory; for root, no file in somebody else's directory may have a second name (hard link).

    Args:
        path: Absolute, or below the working directory.
        flags: As of os.open; with O_CREAT a file that is missing is made (O_EXCL: only such a one).
        mode: Of a file that is made.

    Raises:
        OSError: as os.open.
        UnsafePathError: it is not a regular file, or another user could have put it there.
    """
    reached = _reach(path)
    try:
        if flags & os.O_CREAT:  # what a link leads to is looked at before anything is made there
            reached.check(path, os.fstat(reached.parent).st_uid)
        # O_NONBLOCK: neither a named pipe nor a device makes anybody wait, or anything happen, before it is refused.
        with _refusing(path, reached):
            descriptor = os.open(reached.name, flags | QUIET, mode, dir_fd=reached.parent)
        try:
            status = os.fstat(descriptor)
            _check_file(path, status, os.fstat(reached.parent))
            reached.check(path, status.st_uid)
            os.set_blocking(descriptor, True)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
    finally:
        os.close(reached.parent)


def open_regular(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file in a directory that nobody else may write to, or that its owner reads (act_as): one system call more.

    Raises:
        OSError: as os.open.
        UnsafePathError: it is a link, or no regular file.
    """
    try:
        descriptor = os.open(path, flags | QUIET)
    except OSError as error:
        with suppress(OSError):
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                raise _wrong_kind(path, status) from error
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise _wrong_kind(path, status)
    return descriptor


def regular_stream(path: str) -> IO[bytes]:
    """The same, as a stream that reads bytes."""
    return os.fdopen(open_regular(path), "rb")


@contextmanager
def open_seen(path: str) -> Iterator[IO[bytes]]:
    """A regular file of whomever, through whatever links, for looking at what is there: neither its content nor its owner is believed.

    Raises:
        OSError: as of os.open.
        UnsafePathError: it is not a regular file; it was not opened.
    """
    found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        status = os.fstat(found)
        if not stat.S_ISREG(status.st_mode):
            raise _wrong_kind(path, status)
        with open(f"/proc/self/fd/{found}", "rb") as stream:
            yield stream
    finally:
        os.close(found)


def change_file_mode(path: str, mode: int) -> None:
    """Set the mode of a regular file; see open_file for what is refused."""
    descriptor = open_file(path)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def open_directory(path: str, owner: int | None = None, follow: bool = False) -> int:
    """Open a directory; return its descriptor, which the caller closes.

    Args:
        path: Absolute, or below the working directory.
        owner: User number that it has to belong to; None: to the caller, or whom it wants.
        follow: Whether its last part may be a link: of the caller or root, or of a user to a directory of that user.

    Raises:
        OSError: as os.open.
        UnsafePathError: a link, no directory, or another owner.
    """
    reached = _reach(path, follow_last=follow)
    try:
        with _refusing(path, reached):
            descriptor = os.open(
                reached.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=reached.parent
            )
    finally:
        os.close(reached.parent)
    try:
        found = os.fstat(descriptor).st_uid
        reached.check(path, found)
        if owner is not None and found != owner:
            raise UnsafePathError(path, f"belongs to user {found}, not to user {owner}", "Nothing was changed.")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_file(path: str, at_most: int = 1 << 26) -> bytes:
    """The bytes of a regular file, at most 64 MiB.

    Raises:
        OSError, UnsafePathError: see open_file; or it is larger.
    """
    with open_stream(path) as stream:
        content = stream.read(at_most + 1)
    if len(content) > at_most:
        raise UnsafePathError(path, f"is larger than {at_most} bytes", "Is this the right file?")
    return content


@contextmanager
def open_stream(path: str) -> Iterator[IO[bytes]]:
    """A regular file, open for reading bytes; see open_file for what is refused."""
    with os.fdopen(open_file(path), "rb") as stream:
        yield stream


def change_mode(path: str, mode: int, owner: int) -> None:
    """Set the mode of a directory of that owner; nothing happens to what a link names, or to somebody else's.

    Raises:
        OSError, UnsafePathError: see open_directory.
    """
    descriptor = open_directory(path, owner)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def hand_over(path: str, user: int, group: int) -> None:
    """Root gives a directory to a user; what that one could have put into its place is no more than was that one's.

    Raises:
        OSError: as of os.open.
        UnsafePathError: there is a link, a third one's directory, or in one that is not root's, one of root's that is not empty.
    """
    descriptor = open_directory(path)
    try:
        owner = os.fstat(descriptor).st_uid
        if owner not in (user, 0):
            raise UnsafePathError(path, f"belongs to user {owner}", "Nothing was changed.")
        if owner != user and os.stat("..", dir_fd=descriptor).st_uid and os.listdir(descriptor):
            raise UnsafePathError(path, "belongs to root, and something is in it", "It was not given away.")
        os.fchown(descriptor, user, group)
    finally:
        os.close(descriptor)


def owner_of(path: str) -> int | None:
    """User number of the owner of the directory or file, or of the nearest one above it that is there; None for a link."""
    while True:
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            above = os.path.dirname(os.path.abspath(path))
            if above == path:
                return None
            path = above
            continue
        return None if stat.S_ISLNK(status.st_mode) else status.st_uid


class _Reached:  # no dataclass: see outcome.py
    """The last directory of a path, open, the name in it that is no link, and whose links led there."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.name = ""
        self.guides: dict[int, str] = {}

    def check(self, path: str, owner: int) -> None:
        """A user may point to what is his own, and to nothing else."""
        for user, link in self.guides.items():
            if user != owner:
                raise UnsafePathError(
                    path,
                    f"is reached through {link!r}, a symbolic link of user {user}, but does not belong to that user",
                    "Name the real path.",
                )


def _reach(path: str, follow_last: bool = True) -> _Reached:
    """Walk to the directory that holds what the path names; the caller closes it."""
    waiting = [part for part in os.path.abspath(path).split("/") if part] or ["."]
    reached = _Reached(os.open("/", _STEP | os.O_DIRECTORY))
    walked, links = "/", 0
    try:
        while waiting:
            part = waiting.pop(0)
            if not waiting and not follow_last:
                reached.name = part
                break
            try:
                following = os.open(part, _STEP, dir_fd=reached.parent)
            except FileNotFoundError:
                if waiting:
                    raise
                reached.name = part  # to be made
                break
            try:
                status = os.fstat(following)
                if stat.S_ISLNK(status.st_mode):
                    links += 1
                    if links > LINKS_AT_MOST:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                    if status.st_uid not in (0, os.geteuid()):
                        reached.guides[status.st_uid] = os.path.join(walked, part)
                    target = os.readlink("", dir_fd=following)
                    waiting = [item for item in target.split("/") if item] + waiting
                    if target.startswith("/"):
                        os.close(reached.parent)
                        reached.parent, walked = os.open("/", _STEP | os.O_DIRECTORY), "/"
                elif waiting:
                    os.close(reached.parent)
                    reached.parent, walked = os.dup(following), os.path.join(walked, part)
                else:
                    reached.name = part
            finally:
                os.close(following)
        return reached
    except BaseException:
        os.close(reached.parent)
        raise


@contextmanager
def _refusing(path: str, reached: _Reached) -> Iterator[None]:
    """Say what it is that cannot be opened in this way, where it is no ordinary error."""
    try:
        yield
    except OSError as error:
        with suppress(OSError):
            status = os.stat(reached.name, dir_fd=reached.parent, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                raise _wrong_kind(path, status) from error
        raise


def _wrong_kind(path: str, status: os.stat_result) -> UnsafePathError:
    kind = next((text for test, text in _KINDS if test(status.st_mode)), "not a regular file")
    return UnsafePathError(path, f"is {kind}", "Put a regular file there, or name the real path.")


def _check_file(path: str, status: os.stat_result, folder: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _wrong_kind(path, status)
    caller = os.geteuid()
    if status.st_uid not in (caller, 0, folder.st_uid):
        raise UnsafePathError(
            path,
            f"belongs to user {status.st_uid}, who does not own its directory",
            "chown it to the user that it is for.",
        )
    if caller == 0 and status.st_nlink > 1 and (folder.st_uid != 0 or folder.st_mode & 0o022):
        raise UnsafePathError(
            path, "has a second name (hard link) in a directory that is not root's alone", "Put a copy there."
        )
