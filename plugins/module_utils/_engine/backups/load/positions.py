# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in an archive each table's rows begin: what pg_dump could not write into one that went through a pipe.

Without the positions each of pg_restore's connections reads the archive from its start to find its first table, and as it
knows no sizes, the largest table may come last. With them it goes straight there, the largest first.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import IO, Any

from ..programs.pipeline import PIECE

_FIRST, _LAST = (1, 14, 0), (1, 16, 255)  # of the formats that are understood: those of 14 to 18
_CUSTOM = 1
_UNKNOWN, _KNOWN = 1, 2
_TABLE_DATA = b"TABLE DATA"
# The end of a table's rows, then the begin of another's. Neither text nor the length before it, which is never 0, holds as
# many zeros in a row.
_END = b"\0\0\0\0\0"
_BEGIN = b"\1\0"
_HEAD = len(_END + _BEGIN) + 4  # with the entry's number
_LONGEST = 1 << 30  # of a string in the contents: what PostgreSQL can hold


class _NotUnderstoodError(Exception):
    """The archive is of another kind or version."""


def write_positions(path: str) -> bool:
    """Write the positions into an uncompressed archive.

    They are hints: pg_restore looks whether the table it wants begins there, and fails otherwise. An archive of another kind
    is left as it is.

    Returns:
        Whether they were written.
    """
    try:
        with open(path, "rb") as archive:
            places, begin = _read_contents(archive)
            found = _find(archive, begin, set(places))
    except _NotUnderstoodError:
        return False
    with open(path, "r+b") as known:
        for entry, position in found.items():
            known.seek(places[entry])
            known.write(struct.pack("<BQ", _KNOWN, position))
    return True


class _Reader:
    """Reads the archive's numbers and strings one after the other."""

    def __init__(self, archive: IO[bytes]) -> None:
        self._archive = archive
        self.position = 0

    def take(self, length: int) -> bytes:
        taken = self._archive.read(length)
        self.position += length
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


def _read_contents(archive: IO[bytes]) -> tuple[dict[int, int], int]:
    """Where the position of each table's rows belongs, by the entry's number, and where the first table's rows begin."""
    reader = _Reader(archive)
    _require(reader.take(5) == b"PGDMP")
    version = tuple(reader.take(3))
    _require(_FIRST <= version <= _LAST)
    _require(tuple(reader.take(3)) == (4, 8, _CUSTOM))  # sizes of a number and of a position, and the kind
    _require((reader.take(1)[0] if version >= (1, 15, 0) else reader.number()) == 0)  # not compressed
    for _part in range(7):  # of the time it was made
        reader.number()
    for _name in ("database", "server's version", "pg_dump's version"):
        reader.text()
    places = {}
    for _entry in range(reader.number()):
        entry, kind, state = _read_entry(reader, version)
        if state == _UNKNOWN:
            _require(kind == _TABLE_DATA)  # a large object may hold anything, also what looks like an end
            places[entry] = reader.position - 9
    return places, reader.position


def _read_entry(reader: _Reader, version: tuple[int, ...]) -> tuple[int, bytes | None, int]:
    """An entry's number, what it is, and whether the position of its data is known."""
    entry = reader.number()
    reader.number()  # whether it has data
    head: list[Any] = [reader.text() for _text in ("table's oid", "oid", "name", "kind")]
    reader.number()  # section
    for _text in ("definition", "drop", "copy", "schema", "tablespace", "access method"):
        reader.text()
    if version >= (1, 16, 0):
        reader.number()  # kind of relation
    for _text in ("owner", "with oids"):
        reader.text()
    while reader.text() is not None:  # what it depends on
        pass
    state, _position = struct.unpack("<BQ", reader.take(9))
    return entry, head[3], state


def _find(archive: IO[bytes], begin: int, wanted: set[int]) -> dict[int, int]:
    """Where the rows of each wanted entry begin."""
    found: dict[int, int] = {}
    for position, entry in _begins(archive, begin):
        _require(entry in wanted and entry not in found and (bool(found) or position == begin))
        found[entry] = position
    archive.seek(-len(_END), os.SEEK_END)
    _require(archive.read() == _END and found.keys() == wanted)
    return found


def _begins(archive: IO[bytes], begin: int) -> Iterator[tuple[int, int]]:
    """Where each entry's rows begin, and its number; the first is at begin."""
    archive.seek(begin)
    data, offset, start = _END, begin - len(_END), 0  # as if another table's rows had ended there
    while True:
        at = data.find(_END + _BEGIN, start)
        if at >= 0 and at + _HEAD <= len(data):
            yield offset + at + len(_END), int.from_bytes(data[at + _HEAD - 4 : at + _HEAD], "little")
            start = at + _HEAD
            continue
        kept = at if at >= 0 else max(start, len(data) - len(_END + _BEGIN) + 1)
        more = archive.read(PIECE)
        if not more:
            return
        data, offset, start = data[kept:] + more, offset + kept, 0
