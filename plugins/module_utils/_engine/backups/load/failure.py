# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a failure to read or restore a backup is the backup's, this host's, or of this moment. Pure.

Only the first one is a verdict; with the others nothing is known of the backup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import TitanError

# A restore that fails with these says something about this host, not about the backup.
_OF_THE_HOST = (
    "No space left", "is not available", "could not access file", "could not load library", "could not open extension control file",
    "does not support compression", "max_locks_per_transaction", "shared_preload_libraries", "could not connect to server",
    "security label provider",
)  # fmt: skip
# And so do these, though another try may bring it about: something ran out, or somebody ended what was restoring.
_OF_THE_MOMENT = (
    "was killed by", "cannot be started", "died unexpectedly", "out of memory", "out of shared memory", "Cannot allocate memory",
    "Too many open files", "insufficient file descriptors", "File too large", "Resource temporarily unavailable", "quota exceeded",
    "could not fork", "could not extend file", "Read-only file system", "server closed the connection", "terminating connection",
    "connection to server", "the database system is", "too many clients", "too many connections", "remaining connection slots",
    "temp_file_limit",
)  # fmt: skip
_NOT_ALLOWED = re.compile(
    r"42501|insufficient.privilege|permission denied|must be (?:superuser|owner|member|able)|[Oo]nly roles with|not created, because|no sandbox for"
)

_NUMBERED = 'unrecognized parameter "pg_attver"'
_OLDER_PROGRAM = (
    " The pg_dump that made it is older than the source's server and writes numbers of columns that only such servers know: "
    "update the package postgresql-client, or name the server's own programs ('programs')."
)


def is_of_the_host(message: str) -> bool:
    """Whether a restore failed for a reason that says nothing about the backup."""
    return any(text in message for text in _OF_THE_HOST)


def is_about_rights(message: str) -> bool:
    """Whether a restore failed because the loading role may not do what the dump wants."""
    return bool(_NOT_ALLOWED.search(message))


def is_of_the_backup(error: TitanError) -> bool:
    """Whether the failure of reading or restoring a backup says that the backup is bad; otherwise nothing is known."""
    return bool(error.details.get("programs")) and not says_nothing(error.message)


def says_nothing(message: str) -> bool:
    """Whether the reason is this host's or of this moment: something had run out, or a program was ended by somebody."""
    return is_of_the_host(message) or any(text in message for text in _OF_THE_MOMENT)


def fault_of(error: TitanError) -> str:
    """What is wrong with the backup, as the end of a sentence.

    Raises:
        TitanError: the same error, if it says nothing about the backup.
    """
    if not error.details.get("of_the_backup"):
        raise error
    return error.message.rstrip(".")


@contextmanager
def restoring() -> Iterator[None]:
    """Say of an error whether it is the backup's or this host's."""
    try:
        yield
    except TitanError as error:
        bad = is_of_the_backup(error)
        hint = _OLDER_PROGRAM if _NUMBERED in error.message else ""
        raise TitanError(f"The restore failed: {error.message}{hint}", **error.details, of_the_backup=bad) from error
