# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_restore says of an archive: its list, the text of its entries, and what the whole says the schema is."""

from __future__ import annotations

import subprocess
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from ...postgres.programs import Programs
from ..catalog.integrity import through
from ..content.schema_text import Skeleton, SkeletonReader, skeleton_of
from ..programs.pipeline import Deadline, Program, chain, output_of
from .list_lines import number_of
from .restricted import without_restriction
from .streams import Archive
from .texts import Lines, lines_of


class ArchiveText(NamedTuple):
    """How archives are read.

    Attributes:
        programs: pg_restore.
        work: Directory for lists of entries.
        deadline: When it must be done.
        options: pg_restore's further ones, for text that is to be loaded.
    """

    programs: Programs
    work: str
    deadline: Deadline
    options: Sequence[str] = ()

    def listing(self, archive: str, *options: str) -> Lines:
        """The lines of pg_restore's list."""
        with chain(
            [Program([self._tool, "--list", *options, archive])], self.deadline, stdout=subprocess.PIPE
        ) as started:
            lines = (line.rstrip(b"\n").decode(errors="surrogateescape") for line in started.output)
            return lines_of(lines, lambda line: line and not line.startswith(";"))

    def parted(self, archive: str, listing: Collection[str]) -> tuple[Lines, Lines]:
        """The entries that come before rows, and the rest."""
        numbers = array("q", sorted(map(number_of, self.listing(archive, "--section=pre-data"))))

        def before(line: str) -> bool:
            place = bisect_left(numbers, number_of(line))
            return place < len(numbers) and numbers[place] == number_of(line)

        return lines_of(listing, before), lines_of(listing, lambda line: not before(line))

    @contextmanager
    def list_file(self, entries: Collection[str]) -> Iterator[list[str]]:
        """The option that makes pg_restore take these entries only; none for all of them."""
        if not entries:
            yield []
            return
        with tempfile.NamedTemporaryFile("w", dir=self.work, prefix="list.", errors="surrogateescape") as names:
            names.writelines(f"{entry}\n" for entry in entries)
            names.flush()
            yield [f"--use-list={names.name}"]

    @contextmanager
    def of_entries(self, archive: str, entries: Collection[str]) -> Iterator[Iterable[bytes]]:
        """The text of entries of the archive, in pieces, to be loaded."""
        if not entries:
            yield ()
            return
        with ExitStack() as stack:
            listed = stack.enter_context(self.list_file(entries))
            program = Program([self._tool, *self.options, *listed, "--file=-", archive])
            started = stack.enter_context(chain([program], self.deadline, stdout=subprocess.PIPE))
            yield without_restriction(started.pieces())

    def schema(self, archive: str) -> bytes:
        """The text of all but the rows."""
        return self._output("--schema-only", "--file=-", archive).encode(errors="surrogateescape")

    def skeleton(self, archive: Archive, listing: Collection[str], with_rows: bool) -> Skeleton:
        """The statements of an archive, and where it puts the sequences; with a hash of its rows, if these are wanted."""
        if with_rows:
            return self._of_all(archive)
        schema = self.schema(archive.path).split(b"\n")
        wanted = [line for line in listing if " SEQUENCE SET " in line]
        if not wanted:
            return skeleton_of(schema)
        with self.list_file(wanted) as listed:
            positions = self._output(*listed, "--file=-", archive.path).encode(errors="surrogateescape")
        return skeleton_of([*schema, *positions.split(b"\n")])

    def _of_all(self, archive: Archive) -> Skeleton:
        reader, restore = SkeletonReader(True), [self._tool, "--file=-"]
        reading = (
            through([*archive.packed.commands, restore], archive.packed.path, self.deadline, subprocess.PIPE)
            if archive.packed
            else chain([Program([*restore, archive.path])], self.deadline, stdout=subprocess.PIPE)
        )
        with reading as started:
            for piece in started.pieces():
                reader.feed(piece)
        return reader.skeleton()

    @property
    def _tool(self) -> str:
        return self.programs.path("pg_restore")

    def _output(self, *argv: str) -> str:
        return output_of(Program([self._tool, *argv]), self.deadline)
