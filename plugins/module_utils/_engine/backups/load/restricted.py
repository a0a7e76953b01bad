# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep psql from obeying what stands in a dump: no shell, no other connection, no files. Pure.

A plain dump is a script of psql, whose commands (backslash and a word) could do all of that. Behind our own ``\\restrict``,
whose key no dump can know, psql refuses each of them. A ``\\restrict`` of the dump's own would be refused, too, so the pair
that pg_dump writes is left out.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator

# The first minor version of each major whose psql knows the command.
_SINCE = {13: 22, 14: 19, 15: 14, 16: 10, 17: 6}
_HEAD = 1 << 16  # bytes in which pg_dump's own line comes, if it has one
_THEIRS = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:--[^\n]*)?\r?\n)*(\\restrict[ \t]+([0-9A-Za-z]+)[ \t]*\r?)\n")


def can_restrict(version: str) -> bool:
    """Whether psql of this version ("15.18") knows ``\\restrict``."""
    major, _dot, minor = version.partition(".")
    return int(minor or 0) >= _SINCE.get(int(major), 0 if int(major) >= 18 else 1 << 30)


def restriction() -> bytes:
    """The line behind which psql takes no commands."""
    return f"\\restrict {secrets.token_hex(32)}\n".encode()


def without_restriction(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The dump's pieces without the pair of lines that pg_dump writes.

    A line that only looks like the end of the pair stays: it would have to hold the random key of the dump's first lines.
    """
    waiting = iter(pieces)
    head = b""
    for piece in waiting:
        head += piece
        if len(head) >= _HEAD:
            break
    theirs = _THEIRS.match(head)
    if not theirs:
        yield head
        yield from waiting
        return
    yield head[: theirs.start(1)] + b"--"
    yield from _without(theirs[2], head[theirs.end(1) :], waiting)


def _without(key: bytes, first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces without the line that ends the pair."""
    end = b"\n\\unrestrict " + key
    kept = first
    for piece in pieces:
        at = kept.find(end)
        if at >= 0:
            yield kept[:at] + b"\n--" + kept[at + len(end) :] + piece
            yield from pieces
            return
        yield kept[: max(len(kept) - len(end), 0)]
        kept = kept[max(len(kept) - len(end), 0) :] + piece
    yield kept.replace(end, b"\n--", 1)
