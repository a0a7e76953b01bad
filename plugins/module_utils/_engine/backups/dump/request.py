# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one dump is to be taken."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ...postgres.programs import Programs
from ..catalog.naming import FileName
from ..content.exclusions import NOTHING, Exclusions
from ..programs.codecs import GZIP, NONE


@dataclass(frozen=True)
class DumpRequest:
    """How to take a dump.

    Attributes:
        dest: Directory of the new file.
        file: Its name.
        programs: pg_dump and its company.
        lock_timeout: Seconds to wait for each table's lock.
        jobs: Parallel connections of pg_dump (format "directory" only).
        recipients: age recipients to encrypt to; empty for no encryption.
        hashes: Hash the rows on the source; False to count them only.
        decode: Decode the dump to its end at the same time, where that can be done.
        excluded: What is left out.
    """

    dest: str
    file: FileName
    programs: Programs
    lock_timeout: float
    jobs: int = 1
    recipients: tuple[str, ...] = ()
    hashes: bool = True
    decode: bool = False
    excluded: Exclusions = NOTHING

    @property
    def decodes(self) -> bool:
        """Whether the dump is decoded while it is written."""
        decodable = self.file.packed == GZIP if self.file.format == "plain" else self.file.packed != NONE
        return self.decode and decodable and not self.recipients

    @property
    def path(self) -> str:
        return os.path.join(self.dest, str(self.file))

    @property
    def connections(self) -> int:
        """Connections of the programs: one for the schema, one for the rows, and one for each of several jobs."""
        return 2 + (self.jobs if self.jobs > 1 and self.file.format == "directory" else 0)
