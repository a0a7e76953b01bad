# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that fills up while a dump is written to it: said with the place and what is wanted, whoever was writing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import TitanError
from ...host.limits import FULL
from ...postgres.disk import free_bytes

# Of the files that pg_dump writes; what the server says of its own disk comes behind its "ERROR:".
_OF_PG_DUMP = re.compile(
    r"pg_dump: error: could not [a-z]+ (?:to )?[a-zA-Z ]*file(?: \"[^\"\n]*\")?: (No space left on device|Disk quota exceeded)"
)


@contextmanager
def full_disk_named(dest: str, source_bytes: int) -> Iterator[None]:
    """Say of a failure because dest's disk has become full where that was, how much there was and how much is wanted.

    Args:
        dest: Where the block writes.
        source_bytes: Of the database.

    Raises:
        TitanError: the disk became full; every other failure stays as it is.
    """
    before = free_bytes(dest)
    try:
        yield
    except (OSError, TitanError) as error:
        why = _why_full(error, dest)
        if not why:
            raise
        was = "" if before is None else f" {before // 2**20} MiB were free when the dump began."
        raise TitanError(
            f"{why}: the disk of {dest} has become full while the dump was written.{was} The database takes "
            f"{source_bytes // 2**20 + 1} MiB, and a dump of it seldom more. Make room, or name another directory (option 'dest')."
        ) from error


def _why_full(error: OSError | TitanError, dest: str) -> str:
    """The operating system's words; empty for an error of another kind or another place."""
    if isinstance(error, OSError):
        here = str(error.filename or "").startswith(os.path.join(dest, ""))
        return os.strerror(error.errno) if here and error.errno in FULL else ""
    found = _OF_PG_DUMP.search(error.message)
    return found[1] if found else ""
