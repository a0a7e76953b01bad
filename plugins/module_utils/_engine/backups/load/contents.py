# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an archive of pg_dump says is in it, cut off before the rows: pg_restore can do everything with it but load those."""

from __future__ import annotations

import io
import os
import struct
import tarfile
from typing import IO, NamedTuple

from ...errors import TitanError
from ...host.safe_open import regular_stream

_FIRST, _LAST = (1, 14, 0), (1, 16, 255)  # of the formats that are understood: those of 14 to 18
_CUSTOM, _IN_FILES = 1, (3, 5)  # the kinds: one file; a file for each table, in a tar or a directory
_LONGEST = 1 << 30  # of a string in the contents: what PostgreSQL can hold


class ArchiveEntry(NamedTuple):
    """An entry of an archive.

    Attributes:
        number: As pg_restore's list has it.
        kind: TABLE, TABLE DATA, FK CONSTRAINT ...
        name: Of the object, with that of its table before it where it has one; schema is empty where it has none.
        definition: The statements that make it, as bytes in the archive's encoding.
    """

    number: int
    kind: str
    schema: bytes
    name: bytes
    definition: bytes


class NotUnderstoodError(Exception):
    """The archive is of another kind or version."""


def copy_contents(archive: IO[bytes], target: IO[bytes]) -> bool:
    """Copy what comes before the rows.

    Args:
        archive: At its beginning; it is read no further than needed.
        target: Takes it.

    Returns:
        Whether it is an archive of a kind that is understood; if not, what was copied is of no use.
    """
    try:
        reader = ArchiveReader(archive, target)
        pass_over_table(reader, *read_head(reader))
    except NotUnderstoodError:
        return False
    return True


def read_entries(path: str) -> list[ArchiveEntry]:
    """The entries of an archive: a file of the format custom, or its beginning as copy_contents() copies it, a directory, or a tar.

    Raises:
        TitanError: it is of another kind or version.
    """
    try:
        with regular_stream(os.path.join(path, "toc.dat") if os.path.isdir(path) else path) as file:
            is_archive = file.read(5) == b"PGDMP"
            file.seek(0)
            if is_archive:
                return _copy(ArchiveReader(file, Nowhere()), (_CUSTOM, *_IN_FILES))
            with tarfile.open(fileobj=file) as tar:
                contents = tar.extractfile("toc.dat")
                _require(contents is not None)
                return _copy(ArchiveReader(contents, Nowhere()), _IN_FILES) if contents else []
    except (NotUnderstoodError, tarfile.TarError, KeyError) as error:
        raise TitanError(f"The contents of the archive {path} are not understood.", programs=["pg_restore"]) from error


class Nowhere(io.BytesIO):
    """Takes what nobody wants."""

    def write(self, text: object) -> int:
        return 0


class ArchiveReader:
    """Reads the archive's numbers and strings one after the other, and copies them."""

    def __init__(self, archive: IO[bytes], target: IO[bytes]) -> None:
        self._archive, self._target = archive, target

    def take(self, length: int) -> bytes:
        taken = self._archive.read(length)
        self._target.write(taken)
        _require(len(taken) == length)
        return taken

    def number(self) -> int:
        sign, value = struct.unpack("<BI", self.take(5))
        return -value if sign else int(value)

    def text(self) -> bytes | None:
        length = self.number()
        _require(length <= _LONGEST)
        return None if length < 0 else self.take(length)


def _require(condition: bool) -> None:
    if not condition:
        raise NotUnderstoodError


def _copy(reader: ArchiveReader, kinds: tuple[int, ...]) -> list[ArchiveEntry]:
    return read_table(reader, *read_head(reader, kinds))


def read_head(reader: ArchiveReader, kinds: tuple[int, ...] = (_CUSTOM,)) -> tuple[tuple[int, ...], bool]:
    """Read what comes before the entries: the version of the format, and whether the rows are in files of their own.

    Raises:
        NotUnderstoodError: it is of another kind or version.
    """
    _require(reader.take(5) == b"PGDMP")
    version = tuple(reader.take(3))
    _require(_FIRST <= version <= _LAST)
    sizes = tuple(reader.take(3))
    _require(sizes[:2] == (4, 8) and sizes[2] in kinds)  # of a number and of a position
    if version >= (1, 15, 0):
        reader.take(1)  # how the rows are compressed
    else:
        reader.number()
    for _part in range(7):  # of the time it was made
        reader.number()
    for _name in ("database", "server's version", "pg_dump's version"):
        reader.text()
    return version, sizes[2] in _IN_FILES


def read_table(reader: ArchiveReader, version: tuple[int, ...], in_files: bool = False) -> list[ArchiveEntry]:
    """Read the entries; the arguments after the first are what read_head() gave.

    Raises:
        NotUnderstoodError: they are not entries, or cut.
    """
    return [_copy_entry(reader, version, in_files) for _entry in range(reader.number())]


def pass_over_table(reader: ArchiveReader, version: tuple[int, ...], in_files: bool = False) -> None:
    """Read the entries as read_table() does, and keep none of them."""
    for _entry in range(reader.number()):
        _copy_entry(reader, version, in_files)


def _copy_entry(reader: ArchiveReader, version: tuple[int, ...], in_files: bool) -> ArchiveEntry:
    number = reader.number()
    reader.number()  # whether it has data
    for _text in ("table's oid", "oid"):
        reader.text()
    name, kind = reader.text(), reader.text()
    reader.number()  # section
    definition, _drop, _copy, schema = reader.text(), reader.text(), reader.text(), reader.text()
    for _text in ("tablespace", "access method"):
        reader.text()
    if version >= (1, 16, 0):
        reader.number()  # kind of relation
    for _text in ("owner", "with oids"):
        reader.text()
    while reader.text() is not None:  # what it depends on
        pass
    if in_files:
        reader.text()  # the file with its data
    else:
        reader.take(9)  # where its data begins
    return ArchiveEntry(number, (kind or b"").decode("ascii", "replace"), schema or b"", name or b"", definition or b"")
