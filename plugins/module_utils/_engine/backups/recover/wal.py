# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the archived write-ahead log: segments from pgBackRest's repository, records by pg_waldump."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import TitanError
from ...host.programs import run
from ...host.safe_open import read_file
from ...postgres.cluster import identity
from ...postgres.programs import Programs
from ..programs.pgbackrest import Stanza, call
from ..programs.pipeline import Deadline
from .records import OTHER, Record, lsn_from, lsn_text, records_from

PROGRAM = "pg_waldump"
_NOT_THERE = 1  # the status of archive-get for a file that the archive does not have
_AT_ONCE = 8  # segments
_PER_FILE = 2**32


@dataclass
class Archive:
    """The log of one timeline, back through those that it came from.

    Attributes:
        stanza: Whose archive.
        folder: A directory for the files, which pgBackRest's user can write to.
        programs: With pg_waldump, of the server's major version.
        deadline: When it must be done.
        timeline: The timeline.
        newest: Name of the newest segment that is known to be there.
        switches: Where each former timeline was left: timeline -> position.
    """

    stanza: Stanza
    folder: str
    programs: Programs
    deadline: Deadline
    timeline: int
    newest: str
    switches: dict[int, int] = field(default_factory=dict)
    _size: int = 0

    def open(self) -> None:
        """Read the timeline's history, and how large a segment is.

        Raises:
            TitanError: the archive does not have them.
        """
        if self.timeline > 1:
            name = f"{self.timeline:08X}.history"
            if not self._get(name, name):
                raise TitanError(
                    f"The archive of stanza {self.stanza.stanza!r} has no timeline {self.timeline} ({name} is missing)."
                )
            text = read_file(os.path.join(self.folder, name)).decode(errors="replace")
            self.switches = {
                int(one): lsn_from(lsn) for one, lsn in re.findall(r"^\s*(\d+)\s+([0-9A-F]+/[0-9A-F]+)", text, re.M)
            }
        if not self._get(self.newest, "first"):
            raise TitanError(
                f"The archive of stanza {self.stanza.stanza!r} does not have {self.newest}, which it lists."
            )
        path = os.path.join(self.folder, "first")
        self._size = os.path.getsize(path)
        os.unlink(path)

    def number_of(self, name: str) -> int:
        """Which segment, counted from the log's beginning, a file is."""
        return int(name[8:16], 16) * (_PER_FILE // self._size) + int(name[16:24], 16)

    def segment_at(self, lsn: int) -> int:
        return lsn // self._size

    @property
    def last(self) -> int | None:
        """The newest segment's number; None if it is of another timeline, so that the end is where a segment is missing."""
        return self.number_of(self.newest) if int(self.newest[:8], 16) == self.timeline else None

    def has(self, timeline: int, lsn: int) -> bool:
        """Whether the log's position, reached on that timeline, lies on this one's way."""
        return timeline == self.timeline or lsn <= self.switches.get(timeline, -1)

    def records(self, first: int, end: int | None, managers: Sequence[str]) -> Iterator[Record]:
        """The records from a segment on, in the order of the log, and at last one of the kind "other": where the archive ends.

        Args:
            first: Number of the first segment.
            end: Number of the last one; None for all that there are.
            managers: Names of the resource managers: "Transaction", "XLOG".

        Raises:
            TitanError: a segment is missing between others, or pg_waldump cannot read one.
        """
        seen, start, last = first * self._size - 1, first, self.last if end is None else end
        while True:
            there = self._fetch(start, last)
            for record in self._read(start, there, managers) if there >= start else ():
                if record.lsn > seen:  # the last segment of one round is the first of the next
                    seen = record.lsn
                    yield record
            if there - start + 1 < _AT_ONCE or there == last:
                self._forget(start, there + 1)
                if last is not None and there < last:
                    raise TitanError(
                        f"The archive of stanza {self.stanza.stanza!r} has a gap: {self._name(there + 1)} is missing. The log is whole up "
                        f"to {lsn_text((there + 1) * self._size)} only, and the requested moment is not before that."
                    )
                yield Record((there + 1) * self._size, OTHER)
                return
            self._forget(start, there)
            start = there

    def _fetch(self, start: int, last: int | None) -> int:
        """Get the next segments; return the number of the last one that is there now."""
        number = start
        while number < start + _AT_ONCE and (last is None or number <= last):
            local = self._local(number)
            if not os.path.exists(os.path.join(self.folder, local)) and not self._get(self._name(number), local):
                break
            number += 1
        return number - 1

    def _forget(self, start: int, end: int) -> None:
        for number in range(start, end):
            os.unlink(os.path.join(self.folder, self._local(number)))

    def _name(self, number: int) -> str:
        """The file in the archive: of the newest timeline that has begun by then, which has a copy of the others' beginning."""
        begun = [one for one, left in self.switches.items() if left // self._size > number]
        return f"{min(begun, default=self.timeline):08X}{self._place(number)}"

    def _local(self, number: int) -> str:
        """One timeline for all, since pg_waldump reads files of one."""
        return f"{1:08X}{self._place(number)}"

    def _place(self, number: int) -> str:
        per_file = _PER_FILE // self._size
        return f"{number // per_file:08X}{number % per_file:08X}"

    def _get(self, name: str, local: str) -> bool:
        path = os.path.join(self.folder, local)
        try:
            left = self.deadline.left()
            call(self.stanza, "archive-get", "--no-archive-async", timeout=left, parameters=(name, path))
        except TitanError as error:
            if error.details.get("code") != _NOT_THERE:
                raise
            return False
        return True

    def _read(self, start: int, end: int, managers: Sequence[str]) -> list[Record]:
        found: list[Record] = []
        for manager in managers:
            argv = [
                self.programs.path(PROGRAM), f"--path={self.folder}", "--timeline=1", f"--rmgr={manager}",
                f"--start={lsn_text(start * self._size)}", f"--end={lsn_text((end + 1) * self._size)}",
            ]  # fmt: skip
            options: Mapping[str, Any] = {
                "capture_output": True,
                "cwd": "/",
                "timeout": self.deadline.left(),
                **identity(),
            }
            done = run(argv, env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}, **options)
            if done.returncode:
                why = " ".join(done.stderr.decode(errors="replace").split())[:500]
                raise TitanError(
                    f"pg_waldump cannot read the archived log from {lsn_text(start * self._size)} on: {why}"
                )
            found += records_from(done.stdout.decode(errors="replace"), manager)
        return sorted(found, key=_by_lsn)


def _by_lsn(record: Record) -> int:
    return record.lsn
