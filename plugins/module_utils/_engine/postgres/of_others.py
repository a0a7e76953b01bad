# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that an env file names for libpq, which opens them by name and waits for a named pipe.

Root with the env file of another user: that one chooses the server, and so it gets no password that root keeps in a passfile, and
no file that its owner could not read; nor does root's own certificate open it.
"""

from __future__ import annotations

import os
import pwd
import stat
from contextlib import suppress

from ..errors import OptionError
from ..host.act_as import name_of
from ..host.safe_open import UnsafePathError, open_file
from .connection import ConnectionSettings

ANYBODY = -1  # the number of a user who may be any but root
# Keywords, and what libpq looks for in ~/.postgresql without them.
_FILES = {"sslcert": "postgresql.crt", "sslkey": "postgresql.key", "sslrootcert": "root.crt", "sslcrl": "root.crl"}
_NOBODYS = "/dev/null/passfile"  # libpq goes on without a word where there is none


def with_files_that_it_may_name(settings: ConnectionSettings, path: str, owner: int) -> ConnectionSettings:
    """The settings of an env file, once their files are looked at.

    For root, and a file that others could have written, the passfile is a copy of that user's own, which lives in memory until this
    process ends.

    Args:
        settings: As the env file says.
        path: Of the env file.
        owner: Number of the user who could have written it; 0 for root alone, ANYBODY where several could.

    Raises:
        OptionError: one is not a regular file, or, for root, none that the owner may read.
    """
    options = dict(settings.options)
    theirs = owner != 0 and os.geteuid() == 0
    for keyword, usual in _FILES.items():
        named = options.get(keyword, "")
        with suppress(FileNotFoundError, NotADirectoryError):  # libpq says what is missing
            if named:
                _require(keyword, named, path, owner if theirs else None)
            else:
                _require(keyword, os.path.join(os.path.expanduser("~"), ".postgresql", usual), path, None)
    if not theirs:
        return settings
    options.pop("gssdelegation", None)  # hands root's ticket on
    options.setdefault("sslcert", _NOBODYS)  # else root's own certificate in ~/.postgresql would open it
    options["passfile"] = _NOBODYS if settings.password else _copy_of_passfile(options.get("passfile", ""), owner)
    notes = settings.notes
    if options["passfile"] == _NOBODYS and not settings.password and os.path.exists(os.path.expanduser("~/.pgpass")):
        others = "users other than root may write" if owner == ANYBODY else f"is {name_of(owner)}'s"
        notes = (*notes, f"root's own passfile is not used for the server that {path} names, which {others}")
    return settings._replace(options=tuple(sorted(options.items())), notes=notes)


def _require(keyword: str, value: str, path: str, owner: int | None) -> None:
    if "/" not in value:  # such as "system"
        return
    try:
        status = os.stat(value)
    except PermissionError:
        return
    option = f"{keyword} in {path}"
    if not stat.S_ISREG(status.st_mode):
        raise OptionError(option, value, "It is not a regular file.")
    if owner is not None and status.st_uid != owner and not status.st_mode & stat.S_IROTH:
        whose = f"It belongs to {name_of(status.st_uid)}, and not everybody may read it, as root would for {path}"
        raise OptionError(option, value, f"{whose}. Name a file of the user's whose env file this is.")


def _copy_of_passfile(named: str, owner: int) -> str:
    """The path, for this process and its programs, of what the user's passfile holds; of nothing if libpq would not take it from him."""
    with suppress(OSError, UnsafePathError, KeyError):
        descriptor = open_file(named or os.path.join(pwd.getpwuid(owner).pw_dir, ".pgpass"))
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if status.st_uid == owner and not status.st_mode & 0o077:
                copy = os.memfd_create("passfile")
                os.fchmod(copy, 0o600)
                os.write(copy, stream.read(1 << 20))
                return f"/proc/{os.getpid()}/fd/{copy}"
    return _NOBODYS
