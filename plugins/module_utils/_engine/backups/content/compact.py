# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of each of very many objects, by their names, in a fifth of the memory that a dictionary takes. Pure.

The names lie one behind the other, as do the values; a table of numbers, twice as long as they are many at most, finds a name by its
hash and, where another name has that place, in one of the next places (open addressing with linear probing).
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Callable, Generic, TypeVar

V = TypeVar("V")
_FEW = 64  # places at the beginning


class CompactMap(Mapping[str, V], Generic[V]):
    """A mapping to values of one size, in the order in which they came.

    Args:
        form: Of a value, as of struct.
        pack: Makes a value's fields.
        unpack: Makes the value of the fields.
        items: What is in it at first.
    """

    def __init__(
        self,
        form: str,
        pack: Callable[[V], Iterable[Any]],
        unpack: Callable[..., V],
        items: Iterable[tuple[str, V]] = (),
    ) -> None:
        self._form, self._pack, self._unpack = struct.Struct(form), pack, unpack
        self._names, self._values = bytearray(), bytearray()
        self._ends = array("Q")
        self._places = array("I", bytes(4 * _FEW))
        for name, value in items:
            self.add(name, value)

    def add(self, name: str, value: V) -> bool:
        """Note the value; False, and nothing is done, if the name has one."""
        text = _text(name)
        place = self._place(text)
        if self._places[place]:
            return False
        self._names += text
        self._ends.append(len(self._names))
        self._values += self._form.pack(*self._pack(value))
        self._places[place] = len(self._ends)
        if 3 * len(self._ends) > 2 * len(self._places):
            self._grow()
        return True

    def replace(self, name: str, value: V) -> None:
        """Note another value for a name that has one."""
        self._form.pack_into(self._values, self._at(name), *self._pack(value))

    def __getitem__(self, name: str) -> V:
        return self._unpack(*self._form.unpack_from(self._values, self._at(name)))

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self._ends)):
            yield self._name(number).decode(errors="surrogatepass")

    def __len__(self) -> int:
        return len(self._ends)

    def _at(self, name: str) -> int:
        """Where the name's value begins."""
        number = self._places[self._place(_text(name))]
        if not number:
            raise KeyError(name)
        return (number - 1) * self._form.size

    def _name(self, number: int) -> bytearray:
        return self._names[self._ends[number - 1] if number else 0 : self._ends[number]]

    def _place(self, name: bytes) -> int:
        """Where the name's number is, or would be."""
        most = len(self._places) - 1
        place = hash(name) & most
        while (number := self._places[place]) and self._name(number - 1) != name:
            place = (place + 1) & most
        return place

    def _grow(self) -> None:
        most = 2 * len(self._places) - 1
        self._places = array("I", bytes(4 * (most + 1)))
        for number in range(len(self._ends)):
            place = hash(bytes(self._name(number))) & most
            while self._places[place]:
                place = (place + 1) & most
            self._places[place] = number + 1


def _text(name: str) -> bytes:
    return name.encode(errors="surrogatepass")
