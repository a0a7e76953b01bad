# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a crontab lives on the host: a user's, through crontab(1), or a file for the system's cron."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import LockedError, OptionError, TitanError
from ..host.cron_daemon import DEBIAN_CRON
from ..host.files import published, remove_file
from ..host.programs import run
from ..host.safe_open import read_file
from ..postgres.locks import try_flock
from ..steps import step
from .readable import files_in

CRON_FILES = "/etc/cron.d"
_CRONTAB_DIRECTORIES = ("/usr/bin", "/bin", "/usr/local/bin")
_NOT_ALLOWED = ("not allowed to use", "cannot use this program")  # of crontab(1) until Debian 12, and since 13
SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron")  # of Debian's cron; of cronie


@dataclass(frozen=True)
class CrontabStore:
    """One crontab.

    Attributes:
        user: Whose crontab, or (with cron_file) whom its jobs run as; "" is the calling user.
        cron_file: Path of a system crontab; "" for the user's own.
    """

    user: str
    cron_file: str

    @property
    def label(self) -> str:
        """The crontab's name for messages."""
        return self.cron_file or f"crontab of {self.owner}"

    @property
    def owner(self) -> str:
        """The name of the user whose crontab it is."""
        return self.user or pwd.getpwuid(os.geteuid()).pw_name

    def read(self) -> str | None:
        """The whole text; None if there is no crontab."""
        if self.cron_file:
            return _read_file(self.cron_file)
        done = self._crontab("-l")
        if done.returncode == 0:
            return _decoded(done.stdout, self.label)
        if "no crontab for" in done.stderr.decode(errors="replace").lower():
            return None
        raise TitanError(f"The {self.label} cannot be read: {_stderr_text(done.stderr, self.owner)}.")

    def others(self) -> list[CrontabStore]:
        """The other places on this host that may hold a block for the same user: his crontab, or cron's files."""
        if self.cron_file:
            return [CrontabStore(self.user, "")] if crontab_program() else []
        return [CrontabStore("root", path) for path in files_in(CRON_FILES) if not os.path.islink(path)]

    def write(self, text: str | None) -> None:
        """Make it hold the text, or go away (None)."""
        step("crontab.write")
        if self.cron_file:
            if text is None:
                remove_file(self.cron_file)
                return
            with published(self.cron_file, 0o644, "crontab") as stream:
                stream.write(_encoded(text))
            return
        done = self._crontab("-r") if text is None else self._crontab("-", text)
        if done.returncode:
            raise TitanError(
                f"The {self.label} was not changed, crontab refused it: {_stderr_text(done.stderr, self.owner)}."
            )

    def cron_reads_it(self) -> bool:
        """Whether cron uses the file at all: it skips one of another owner or mode, or with a second name, and only its log says so.

        True where that cannot be seen: cron's spool is open to root alone.
        """
        if self.cron_file:
            return _is_as_cron_wants(self.cron_file, 0, 0o022)
        owner = pwd.getpwnam(self.owner).pw_uid
        return all(_is_as_cron_wants(os.path.join(spool, self.owner), owner, 0o7177) for spool in SPOOLS)

    def validate(self, text: str) -> None:
        """Let the host's own ``crontab -n`` judge lines without a user field; does nothing where it cannot.

        Raises:
            TitanError: it refuses them.
        """
        program = crontab_program()
        # Of any other cron, such as cronie, -n means something else: it names a host in a cluster.
        if program is None or not os.path.exists("/etc/debian_version") or not os.path.exists(DEBIAN_CRON):
            return
        done = _run(program, ["-n", "-"], text)
        said = _stderr_text(done.stderr, self.owner)
        if done.returncode and "option" not in said and "usage" not in said.lower():
            raise TitanError(f"crontab -n on this host refuses the lines, nothing was written: {said}.")

    @contextmanager
    def locked(self, wait: float = 20.0) -> Iterator[None]:
        """Keep other runs of ours away from this crontab; leaves no file behind."""
        folder = os.path.dirname(self.cron_file) if self.cron_file else _home(self.user)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            if self.cron_file:
                raise OptionError(
                    "cron_file", self.cron_file, f"Its directory cannot be used ({error.strerror}); create it."
                ) from error
            yield
            return
        try:
            deadline = time.monotonic() + wait
            while not try_flock(descriptor):
                if time.monotonic() > deadline:
                    raise LockedError(f"Another run has been changing the {self.label} for {wait:.0f} s.")
                time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)

    def _crontab(self, argument: str, text: str | None = None) -> subprocess.CompletedProcess[Any]:
        program = crontab_program()
        if program is None:
            raise TitanError("There is no crontab program on this host: install cron, or give cron_file.")
        me = pwd.getpwuid(os.geteuid()).pw_name
        whose = ["-u", self.user] if self.user and self.user != me else []
        return _run(program, [*whose, argument], text)


def require_store(user: str, cron_file: str) -> CrontabStore:
    """Check the options user and cron_file.

    Raises:
        OptionError: an unknown user, a relative path, a link, or a file name that cron skips.
    """
    if user:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?", user):
            raise OptionError("user", user, "It is not a user name.")
        try:
            pwd.getpwnam(user)
        except KeyError as error:
            raise OptionError("user", user, "There is no such user on this host.") from error
    if cron_file:
        if not os.path.isabs(cron_file) or re.search(r"[\x00-\x1f\x7f]", cron_file):
            raise OptionError("cron_file", cron_file, "Give an absolute path without control characters.")
        if not re.fullmatch(r"[A-Za-z0-9_-]+", os.path.basename(cron_file)):
            raise OptionError(
                "cron_file", cron_file, "Cron skips files whose name has anything but letters, digits, '_' and '-'."
            )
        if os.path.islink(cron_file):
            raise OptionError("cron_file", cron_file, "It is a symbolic link; name the real file.")
        if not user:
            raise OptionError("user", user, "With cron_file it is required: it is the sixth field of each line.")
    return CrontabStore(user, cron_file)


def _is_as_cron_wants(path: str, owner: int, without: int) -> bool:
    """Whether the file, if it is there to be seen, is a regular one of that owner, with one name and none of these mode bits."""
    try:
        status = os.lstat(path)
    except OSError:
        return True
    if stat.S_ISDIR(status.st_mode):  # cronie's spool, where Debian has a directory of crontabs
        return True
    usual = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and not stat.S_IMODE(status.st_mode) & without
    return usual and (status.st_uid == owner or os.geteuid() != 0)


def crontab_program() -> str | None:
    """Path of crontab(1), or None."""
    return shutil.which("crontab", path=os.pathsep.join(_CRONTAB_DIRECTORIES))


def _home(user: str) -> str:
    return (pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())).pw_dir


def _read_file(path: str) -> str | None:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise OptionError("cron_file", path, "It is not a regular file.")
        return _decoded(read_file(path), path)
    except FileNotFoundError:
        return None


def _decoded(raw: bytes, label: str) -> str:
    if b"\0" in raw:
        raise TitanError(f"{label}: it holds a NUL byte; correct it by hand first.")
    return raw.decode("utf-8", errors="surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")


def _run(program: str, arguments: list[str], text: str | None) -> subprocess.CompletedProcess[Any]:
    given = None if text is None else _encoded(text)
    env = {"PATH": os.pathsep.join(_CRONTAB_DIRECTORIES), "LC_ALL": "C"}
    return run([program, *arguments], input=given, capture_output=True, env=env, cwd="/")


def _stderr_text(raw: bytes, user: str) -> str:
    text = " ".join(raw.decode("utf-8", errors="replace").split())[:500].rstrip(".")
    if any(words in text for words in _NOT_ALLOWED):
        text += ": add the user to /etc/cron.allow, or remove it from /etc/cron.deny"
        # Where there is no cron.allow, one that names a single user would shut out all others.
        allowed = os.path.exists("/etc/cron.allow")
        text += f" (echo {user} >> /etc/cron.allow)" if allowed else f" (sed -i '/^{user}$/d' /etc/cron.deny)"
    if "because of pam configuration" in text:
        text += f": look at chage -l {user}, /etc/pam.d/cron* and /etc/security/access.conf"
    return text
