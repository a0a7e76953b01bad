# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a moment is recovered from: a stanza, its log, its backups."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...errors import TitanError
from ...postgres.cluster import give_away, make_folder
from ...postgres.programs import Programs, find_programs
from ...postgres.throw_away import SERVER_USERS, locked_directory
from ..catalog.exchanges import read_exchange, timeline_of
from ..catalog.physical import info_digest, read_record, server_major
from ..catalog.physical_record import PhysicalRecord
from ..pgbackrest.restored_cluster import NEEDED
from ..programs.pgbackrest import Stanza, read_info
from ..programs.pipeline import Deadline
from .search import bases_of, newest_segment
from .stop import Base
from .wal import PROGRAM, Archive


class Source(NamedTuple):
    """What is recovered from, and by what.

    Attributes:
        stanza: The stanza.
        info: What pgBackRest says of it.
        archive: Its log.
        bases: Backups to begin from, newest first.
        programs: Of the server's major version.
        folder: Where throw-away clusters are made.
        deadline: When it must be done.
    """

    stanza: Stanza
    info: Mapping[str, Any]
    archive: Archive
    bases: Sequence[Base]
    programs: Programs
    folder: str
    deadline: Deadline

    def backup(self, base: Base) -> Mapping[str, Any]:
        found: Mapping[str, Any] = next(each for each in self.info["backup"] if each["label"] == base.label)
        return found

    def record(self, base: Base) -> PhysicalRecord | None:
        """Our record of the backup; None without one."""
        backup = self.backup(base)
        return read_record(self.stanza, base.label, info_digest(self.info, backup))[0]


@contextmanager
def open_source(stanza: Stanza, options: Mapping[str, Any], folder: str, deadline: Deadline) -> Iterator[Source]:
    """The stanza with its log, for which there is a directory of its own while the block runs."""
    info = read_info(stanza)
    newest = newest_segment(info)
    if not info["backup"]:
        raise TitanError(
            f"Stanza {stanza.stanza!r} has no backup to begin from. Take one; what was before it cannot be reached."
        )
    programs = find_programs(options["programs"], server_major(info, info["backup"][-1]), (*NEEDED, PROGRAM))
    with locked_directory(folder, "drill", "drill_dir", SERVER_USERS) as made:
        give_away(made)
        log = os.path.join(made, "w")
        make_folder(log)
        timeline = options["timeline"] or timeline_of(read_exchange(stanza.dest), int(newest[:8], 16))
        archive = Archive(stanza, log, programs, deadline, timeline, newest)
        archive.open()
        yield Source(stanza, info, archive, bases_of(info, archive), programs, folder, deadline)
