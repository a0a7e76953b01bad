# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A screenshot as colours: PNG with 8 bits for each of red, green, blue, and alpha where it has one."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

Colour = tuple[int, int, int]


def pixels(path: Path) -> list[list[Colour]]:
    """The rows of the picture, by the PNG specification's filters."""
    data, at, packed, head = path.read_bytes(), 8, b"", b""
    while at < len(data):
        (size,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        content = data[at + 8 : at + 8 + size]
        head, packed, at = head or content, packed + (content if kind == b"IDAT" else b""), at + 12 + size
    width, height, depth, colour = struct.unpack(">IIBB", head[:10])
    assert depth == 8 and colour in (2, 6), "RGB or RGBA"
    step = 3 if colour == 2 else 4
    raw, before, rows = zlib.decompress(packed), bytes(width * step), []
    for row in range(height):
        start = row * (width * step + 1)
        before = _line(raw[start], raw[start + 1 : start + 1 + width * step], before, step)
        rows.append([(before[x], before[x + 1], before[x + 2]) for x in range(0, width * step, step)])
    return rows


def _line(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    found = bytearray(line)
    for x in range(len(found)) if kind else ():
        left, up = (found[x - step] if x >= step else 0), above[x]
        corner = above[x - step] if x >= step else 0
        if kind == 4:  # Paeth's
            added = _nearest(left + up - corner, left, up, corner)
        else:
            added = (0, left, up, (left + up) // 2)[kind]
        found[x] = (found[x] + added) & 255
    return bytes(found)


def _nearest(guess: int, left: int, up: int, corner: int) -> int:
    far = abs(guess - left), abs(guess - up), abs(guess - corner)
    return left if far[0] <= far[1] and far[0] <= far[2] else up if far[1] <= far[2] else corner
