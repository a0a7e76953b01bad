# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an archive of pg_dump says is in it, cut off before the rows: pg_restore can do everything with it but load those."""

from __future__ import annotations

import struct
from typing import IO

_FIRST, _LAST = (1, 14, 0), (1, 16, 255)  # of the formats that are understood: those of 14 to 18
_CUSTOM = 1
_LONGEST = 1 << 30  # of a string in the contents: what PostgreSQL can hold


class _NotUnderstoodError(Exception):
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
        _copy(_Reader(archive, target))
    except _NotUnderstoodError:
        return False
    return True


class _Reader:
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
        raise _NotUnderstoodError


def _copy(reader: _Reader) -> None:
    _require(reader.take(5) == b"PGDMP")
    version = tuple(reader.take(3))
    _require(_FIRST <= version <= _LAST)
    _require(tuple(reader.take(3)) == (4, 8, _CUSTOM))  # sizes of a number and of a position, and the kind
    if version >= (1, 15, 0):
        reader.take(1)  # how the rows are compressed
    else:
        reader.number()
    for _part in range(7):  # of the time it was made
        reader.number()
    for _name in ("database", "server's version", "pg_dump's version"):
        reader.text()
    for _entry in range(reader.number()):
        _copy_entry(reader, version)


def _copy_entry(reader: _Reader, version: tuple[int, ...]) -> None:
    reader.number()  # the entry's
    reader.number()  # whether it has data
    for _text in ("table's oid", "oid", "name", "kind"):
        reader.text()
    reader.number()  # section
    for _text in ("definition", "drop", "copy", "schema", "tablespace", "access method"):
        reader.text()
    if version >= (1, 16, 0):
        reader.number()  # kind of relation
    for _text in ("owner", "with oids"):
        reader.text()
    while reader.text() is not None:  # what it depends on
        pass
    reader.take(9)  # where its data begins
