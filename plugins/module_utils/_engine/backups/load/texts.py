# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Very many short texts that are read one after the other, compressed in memory: lines of an archive's list, statements. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator
from typing import Callable

_BETWEEN = b"\0"  # which no text of a dump has
_AT_ONCE = 1 << 16  # bytes


class Texts:
    """Texts in their order, which may be read several times.

    Args:
        texts: What is in it at first.
    """

    def __init__(self, texts: Iterable[bytes] = ()) -> None:
        self._parts: list[bytes] = []
        self._new: list[bytes] = []
        self._size, self._count = 0, 0
        for text in texts:
            self.append(text)

    def append(self, text: bytes) -> None:
        self._new.append(text)
        self._size += len(text)
        self._count += 1
        if self._size > _AT_ONCE:
            self._parts.append(zlib.compress(_BETWEEN.join(self._new), 1))
            self._new, self._size = [], 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            yield from zlib.decompress(part).split(_BETWEEN)
        yield from self._new


class Lines(Collection[str]):
    """Lines of an archive's list, kept likewise."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._texts = Texts(line.encode(errors="surrogateescape") for line in lines)

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[str]:
        return (text.decode(errors="surrogateescape") for text in self._texts)

    def __contains__(self, line: object) -> bool:
        return any(each == line for each in self)


def lines_of(lines: Iterable[str], wanted: Callable[[str], object]) -> Lines:
    """Those of the lines that are wanted."""
    return Lines(line for line in lines if wanted(line))
