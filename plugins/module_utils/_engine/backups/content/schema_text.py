# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements of a dump without its data, in a form in which two dumps of equal databases are equal."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_SKIPPED = re.compile(
    rb"\\(?:un)?restrict |-- Dumped (?:from|by) |-- (?:Data for )?Name: .*; Type: |-- (?:Started|Completed) on |SET "
    rb"|SELECT pg_catalog\.set_config\('search_path'|--$|$|-- PostgreSQL database dump"
    rb"|REFRESH MATERIALIZED VIEW |(?:ALTER|COMMENT ON|GRANT .* ON|REVOKE .* ON) LARGE OBJECT |SELECT pg_catalog\.lo(?:_|write)"
    rb"|BEGIN;$|COMMIT;$"
)
_SETVAL = re.compile(
    rb"SELECT pg_catalog\.setval\((E?)'((?:[^']|'')*)', (-?\d+), (true|false)\);$", re.DOTALL | re.MULTILINE
)
_DATA = b"-- Data for Name: "
_VIA_ROOT = b"-- load via partition root "


@dataclass(frozen=True)
class Skeleton:
    """Statements as counted lines, each sequence's value, and, if they were looked at, each COPY's rows as a SHA-256."""

    lines: Counter[bytes]
    sequences: dict[str, tuple[int, bool]]
    rows: dict[bytes, str] = field(default_factory=dict)


class SkeletonReader:
    """Collects the skeleton of a plain dump from its pieces, taking the rows of COPY in one jump.

    Args:
        with_rows: Also hash the rows.
    """

    def __init__(self, with_rows: bool = False) -> None:
        self._with_rows = with_rows
        self._digests: dict[bytes, Any] = {}
        self._copy = b""
        self._rest = b""
        self._in_rows = False
        self._expects_copy = False
        self._at_start = False
        self._lines: list[bytes] = []

    def feed(self, piece: bytes) -> None:
        data = self._rest + piece
        position = 0
        while True:
            if self._in_rows:
                empty = data.startswith(b"\\.\n", position) and self._at_start
                end = position if empty else data.find(b"\n\\.\n", position)
                if end < 0:
                    kept = max(position, len(data) - 3)
                    self._hash(data[position:kept])
                    self._rest = data[kept:]
                    return
                self._hash(data[position:end])
                position = end + (3 if empty else 4)
                self._in_rows = False
            stop = data.find(b"\n", position)
            if stop < 0:
                self._rest = data[position:]
                return
            self._line(data[position:stop])
            position = stop + 1

    def _line(self, line: bytes) -> None:
        if self._expects_copy and line.endswith(b" FROM stdin;"):
            self._in_rows, self._expects_copy, self._at_start = True, False, True
            self._copy += line
            if self._with_rows:
                self._digests[self._copy] = hashlib.sha256()
        elif line.startswith(_DATA):
            self._expects_copy, self._copy = True, b""
        elif self._expects_copy and line.startswith(b"--") and line not in (b"--", _VIA_ROOT):
            self._expects_copy = False
        elif self._expects_copy and line.startswith(b"COPY "):
            self._copy = line + b"\n"
        if not (self._expects_copy or self._in_rows):
            self._lines.append(line)

    def _hash(self, piece: bytes) -> None:
        self._at_start = self._at_start and not piece
        if self._with_rows:
            self._digests[self._copy].update(piece)

    def skeleton(self) -> Skeleton:
        found = skeleton_of(self._lines)
        return Skeleton(found.lines, found.sequences, {key: value.hexdigest() for key, value in self._digests.items()})


def skeleton_of(lines: Iterable[bytes]) -> Skeleton:
    """The skeleton of a dump's lines without rows."""
    sequences, text = {}, b"\n".join(lines)
    for found in _SETVAL.finditer(text):
        name = found[2].replace(b"''", b"'")
        name = name.replace(b"\\\\", b"\\") if found[1] else name
        sequences[name.decode(errors="surrogateescape")] = (int(found[3]), found[4] == b"true")
    text = _SETVAL.sub(b"", text)
    return Skeleton(Counter(line for line in text.split(b"\n") if not _SKIPPED.match(line)), sequences)
