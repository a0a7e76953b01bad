# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_restore does not see of an archive's file: what comes behind the archive, and members of a tar archive that are no files."""

from __future__ import annotations

import io
import struct
import subprocess
import tarfile
from collections.abc import Iterator
from typing import IO

from ...errors import TitanError
from ...host.safe_open import regular_stream
from ..catalog.integrity import through
from ..programs.pipeline import Deadline
from .contents import ArchiveReader, NotUnderstoodError, Nowhere, pass_over_table, read_head
from .streams import Archive

_ROWS, _LARGE_OBJECTS = 1, 3  # kinds of blocks
_TAR_BLOCK = 512
_READ = 1 << 20


def require_one_archive(archive: Archive, form: str, deadline: Deadline) -> None:
    """Refuse a file that goes on behind its archive.

    Args:
        archive: Of the format custom or tar.
        form: "custom" or "tar".
        deadline: When the programs that decode are killed.

    Raises:
        TitanError: something else follows, such as a second archive; a tar archive is cut; or a member of one is no file.
    """
    if archive.packed:
        with through(archive.packed.commands, archive.packed.path, deadline, subprocess.PIPE) as decoding:
            more = _goes_on(decoding.output)
            for _piece in decoding.pieces():
                continue
    else:
        with regular_stream(archive.path) as file:
            more = any(piece.strip(b"\0") for piece in _behind_tar(file)) if form == "tar" else _goes_on(file)
    if more:
        raise TitanError(
            "its archive does not end with the file: the file is cut, or something else follows, such as a second dump, which pg_restore does not "
            "read. Cut several dumps apart, and drill each",
            programs=["pg_restore"],
        )


def _behind_tar(file: IO[bytes]) -> Iterator[bytes]:
    """What the file has behind the last member.

    Raises:
        TitanError: it is cut within its members, or before the blocks of zeros that end it: some releases of pg_restore read on there
            for ever; or a member is no file.
    """
    end = 0
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if not member.isreg():
                    raise TitanError(
                        f"its member {member.name!r} is not a file, and pg_restore would read it as an empty one; pg_dump writes files only",
                        programs=["pg_restore"],
                    )
                end = member.offset_data + -(-member.size // _TAR_BLOCK) * _TAR_BLOCK
    except tarfile.TarError:
        end = 0
    if not end or file.seek(0, io.SEEK_END) < end + _TAR_BLOCK:
        raise TitanError("its tar archive is cut: the file ends before the archive does", programs=["pg_restore"])
    file.seek(end)
    while piece := file.read(_READ):
        yield piece


def _goes_on(file: IO[bytes]) -> bool:
    """Whether something follows an archive of the format custom; False if it is of another version, or cut.

    pg_dump writes its entries once more, with the places of their rows, and where it was redirected by the shell, that is at the end.
    """
    try:
        version, _in_files = read_head(ArchiveReader(file, Nowhere()))
        pass_over_table(ArchiveReader(file, Nowhere()), version)
    except NotUnderstoodError:
        return False
    try:
        while (kind := file.read(1)) and kind[0] in (_ROWS, _LARGE_OBJECTS):
            _number(file)
            if kind[0] == _ROWS:
                _pass_over_pieces(file)
            else:
                while _number(file):
                    _pass_over_pieces(file)
        if kind:
            pass_over_table(ArchiveReader(_Behind(kind, file), Nowhere()), version)
    except EOFError:
        return False
    except NotUnderstoodError:
        return True
    return bool(file.read(1))


class _Behind(io.BytesIO):
    """A file of which something has been read already."""

    def __init__(self, begin: bytes, file: IO[bytes]) -> None:
        super().__init__(begin)
        self._file = file

    def read(self, length: int | None = -1, /) -> bytes:
        taken = super().read(length)
        return taken + self._file.read((length or 0) - len(taken))


def _pass_over_pieces(file: IO[bytes]) -> None:
    while length := _number(file):
        _take(file, length)


def _number(file: IO[bytes]) -> int:
    sign, value = struct.unpack("<BI", _take(file, 5))
    return -value if sign else int(value)


def _take(file: IO[bytes], length: int) -> bytes:
    taken = file.read(length)
    if len(taken) < length:
        raise EOFError
    return taken
