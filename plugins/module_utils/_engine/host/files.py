# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from ..errors import TitanError
from ..steps import step
from .act_as import closed_by
from .safe_open import UnsafePathError, open_directory, regular_stream

PART = ".part"
_DEAD = (
    60.0  # seconds since the last byte was written to a temporary file, after which nobody is taken to be writing it
)
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
OPEN = 0o755  # mode of a directory that the jobs' user must be able to enter


def sync_directory(path: str) -> None:
    """Make renames and removals in the directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Let an error of a full or broken disk say where: a write knows no name, and a temporary name says nothing to anybody."""
    try:
        yield
    except OSError as error:
        if error.errno in _OF_THE_DISK and "/" not in str(error.filename or ""):
            error.filename = path
        raise


@contextmanager
def published(path: str, mode: int = 0o600, label: str = "file") -> Iterator[IO[bytes]]:
    """Write to a temporary name beside path; on success fsync, set mode, rename over path and fsync the directory.

    When the block raises, the temporary file is removed and path is as it was. After a kill a name that starts with
    a dot and ends in ".part" stays behind, until path is written again a minute later. Steps: <label>.sync, <label>.rename,
    <label>.renamed.

    Raises:
        OSError: as of os.open and os.rename.
        UnsafePathError: the directory is reached through another user's link.
    """
    folder, name = os.path.split(os.path.abspath(path))
    directory = open_directory(folder, follow=True)  # all is done in what was opened, whatever becomes of its name
    try:
        with _naming(path):
            temporary, descriptor = _temporary(directory, name)
        try:
            with _naming(path), os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                step(f"{label}.sync")
                os.fsync(stream.fileno())
            step(f"{label}.rename")
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=directory)
            raise
        step(f"{label}.renamed")
        _remove_dead(directory, name)
        os.fsync(directory)
    finally:
        os.close(directory)


def _remove_dead(directory: int, name: str) -> None:
    """Remove the temporary files of writers of the name that were killed."""
    temporary = re.compile(rf"\.{re.escape(name[:100])}\.[0-9a-f]{{8}}{re.escape(PART)}")
    for each in filter(temporary.fullmatch, os.listdir(directory)):
        with suppress(OSError):
            status = os.stat(each, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime > _DEAD:
                os.unlink(each, dir_fd=directory)


def _temporary(directory: int, name: str) -> tuple[str, int]:
    """Name and descriptor of a new file, mode 0600, in the open directory."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        temporary = f".{name[:100]}.{secrets.token_hex(4)}{PART}"
        with suppress(FileExistsError):
            return temporary, os.open(temporary, flags, 0o600, dir_fd=directory)


def write_file(path: str, content: bytes, mode: int = 0o600, label: str = "file") -> bool:
    """Make path hold content with mode; return whether anything was done."""
    if is_file_with(path, content, mode):
        return False
    with published(path, mode, label) as stream:
        stream.write(content)
    return True


def is_file_with(path: str, content: bytes, mode: int) -> bool:
    """Whether path is a regular file (not a link) with exactly this content and mode."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) != mode:
            return False
        with regular_stream(path) as stream:
            return stream.read() == content
    except (FileNotFoundError, UnsafePathError):
        return False


def sha256_file(path: str) -> str:
    """The file's SHA-256 in hexadecimal, read in pieces of 1 MiB.

    Raises:
        OSError, UnsafePathError: see open_regular.
    """
    digest = hashlib.sha256()
    with regular_stream(path) as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def make_directories(path: str, mode: int = OPEN, owner: int = 0) -> None:
    """Make the directory and its missing parents, each with exactly this mode, whatever the umask.

    Args:
        path: The directory.
        mode: Of what is made.
        owner: Number of the user whom root gives what is made.

    Raises:
        OSError, UnsafePathError: see open_directory.
    """
    missing = []
    while not os.path.isdir(path):
        path, name = os.path.split(os.path.abspath(path))
        missing.append(name)
    if not missing:
        return
    directory = open_directory(path, follow=True)
    try:
        for name in reversed(missing):
            made = True
            try:
                os.mkdir(name, mode, dir_fd=directory)
            except FileExistsError:  # somebody else was faster
                made = False
            following = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            os.close(directory)
            directory = following
            if made and os.fstat(directory).st_uid == os.geteuid():
                if not os.geteuid() and os.stat("..", dir_fd=directory).st_uid and os.listdir(directory):  # another one
                    raise UnsafePathError(name, "was exchanged while it was made", "It was not changed.")
                os.fchmod(directory, mode)
                if owner and not os.geteuid():
                    os.fchown(directory, owner, -1)
    finally:
        os.close(directory)


def remove_file(path: str) -> None:
    """Remove the file or link that the path names, in its own directory.

    Raises:
        OSError, UnsafePathError: see open_directory.
    """
    folder, name = os.path.split(os.path.abspath(path))
    directory = open_directory(folder, follow=True)
    try:
        os.unlink(name, dir_fd=directory)
    finally:
        os.close(directory)


def closed_directory(path: str) -> str:
    """The directory of this file, if it is our own (``titan-db``) and others may not read and enter it; else empty.

    Such a directory was made under a strict umask or was closed afterwards; the jobs' user cannot start anything in it.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.basename(folder) != "titan-db" or not os.path.isdir(folder) or os.path.islink(folder):
        return ""
    status = os.stat(folder)
    if status.st_uid != os.geteuid():
        return ""  # another user's: that one may do with it as he likes
    return folder if stat.S_IMODE(status.st_mode) & 0o555 != 0o555 else ""


def require_private_directory(path: str, option: str) -> None:
    """Refuse a directory that others could plant files in, or that nothing can be written to.

    Raises:
        TitanError: missing, a symbolic link, owned by somebody else (neither the caller nor root), writable by group or
            others, or not by the caller; the message names the option and the command that fixes it.
    """
    try:
        status = os.lstat(path)
    except OSError as error:
        owner = closed_by(path)
        remedy = (
            f"Run it as {owner}: sudo -u {owner} titan-db ..."
            if owner
            else "Create it (mode 0700, owned by the user the job runs as)."
        )
        raise TitanError(
            f"Option {option!r}: the directory {path!r} cannot be used ({error.strerror}). {remedy}", option=option
        ) from error
    why = ""
    if stat.S_ISLNK(status.st_mode) or not stat.S_ISDIR(status.st_mode):
        why = "is a symbolic link; name the real directory" if stat.S_ISLNK(status.st_mode) else "is not a directory"
    elif status.st_uid not in (os.geteuid(), 0):
        why = f"belongs to user id {status.st_uid}, not to the user the job runs as ({os.geteuid()}); chown it"
    elif status.st_mode & 0o022:
        why = "is writable by group or others; chmod 0700 it"
    elif not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        why = f"cannot be written to by user id {os.geteuid()}; {'chmod 0700' if status.st_uid == os.geteuid() else 'chown'} it"
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            why = "lies on a file system that is mounted read-only"
    if why:
        raise TitanError(f"Option {option!r}: the directory {path!r} {why}.", option=option)


def require_private_key(path: str, option: str) -> None:
    """Refuse a file with a key that others could have read.

    Raises:
        TitanError: it is no file, such as a named pipe, at which a program would wait; or users outside of its group may read it; the
            message names the option, and the command that fixes it.
        OSError: it cannot be looked at.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        raise TitanError(f"Option {option!r}: {path!r} is not a regular file.", option=option)
    if mode & 0o007:
        raise TitanError(
            f"Option {option!r}: every user of this host can read the key in {path!r}; chmod 0600 it.", option=option
        )


def absolute(path: str | None) -> str:
    """The path from the root, because programs are started elsewhere; empty for none."""
    return os.path.abspath(path) if path else ""
