# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading the rows of a compressed or encrypted archive without unpacking it: pg_restore reads them through a pipe.

Unpacked, an archive takes half of the database's room and more. Several pg_restores read the file at a time, each from its
beginning, and take tables of their own; they pass over the other ones faster than rows are loaded.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

from ...host.safe_open import regular_stream
from ..catalog.integrity import through
from ..programs.pipeline import Chain, Deadline, Program, chain
from .contents import copy_contents
from .list_lines import is_of_rows


class Packed(NamedTuple):
    """A file, and the commands that decrypt and decompress it, one behind the other."""

    path: str
    commands: Sequence[Sequence[str]]


class Archive(NamedTuple):
    """A dump in the form in which it is loaded.

    Attributes:
        path: What psql or pg_restore reads.
        packed: Where its rows are, if path has all of it but the rows.
    """

    path: str
    packed: Packed | None = None


class _StoppedError(Exception):
    """Another one has failed."""


@contextmanager
def contents_of(packed: Packed, work: str, deadline: Deadline) -> Iterator[Archive | None]:
    """The archive, to be loaded without being unpacked; None if it is of a kind for which that cannot be done.

    Args:
        packed: The file.
        work: Directory for what it says is in it.
        deadline: When it must be done.

    Raises:
        TitanError: it cannot be decoded.
    """
    descriptor, path = tempfile.mkstemp(prefix="contents.", dir=work)
    try:
        with (
            os.fdopen(descriptor, "wb") as target,
            regular_stream(packed.path) as file,
            closing(Chain([Program(each) for each in packed.commands], file, subprocess.PIPE, deadline)) as started,
        ):
            understood = copy_contents(started.output, target)
            if not understood:  # if a program fails, that is the reason
                for _piece in started.pieces():
                    continue
                started.finish()
        yield Archive(path, packed) if understood else None
    finally:
        os.unlink(path)


def shares(entries: Collection[str], rows: Mapping[str, int], count: int) -> list[list[str]]:
    """Lines of an archive's list, shared out so that each part has about as many rows; each keeps their order.

    Args:
        entries: The lines.
        rows: Of each table, by "schema name".
        count: How many parts at most. What is no table is in the first one.
    """
    loads, chosen = [0] * count, {}
    weighed = sorted(((_rows_of(entry, rows), entry) for entry in entries if is_of_rows(entry)), reverse=True)
    for weight, entry in weighed:
        part = loads.index(min(loads))
        chosen[entry] = part
        loads[part] += weight + 1
    parts = [[entry for entry in entries if chosen.get(entry, 0) == part] for part in range(count)]
    return [part for part in parts if part]


def _rows_of(entry: str, rows: Mapping[str, int]) -> int:
    """The rows of the table of "12; 0 16385 TABLE DATA public orders shop"; names may hold spaces."""
    text = entry.split(" TABLE DATA ", 1)[1]
    while " " in text:
        text = text.rpartition(" ")[0]
        if text in rows:
            return rows[text]
    return 0


def feed(packed: Packed, loads: Sequence[Program], deadline: Deadline) -> None:
    """Let each program read the whole decoded file, all at a time; the first failure ends them.

    Raises:
        TitanError: a program failed, or the file cannot be decoded to its end.
    """
    failures: list[BaseException] = []

    def work(program: Program) -> None:
        try:
            _feed_one(packed, program, deadline, failures)
        except _StoppedError:
            return
        except BaseException as error:
            failures.append(error)

    with ThreadPoolExecutor(len(loads)) as pool:
        list(pool.map(work, loads))
    if failures:
        raise failures[0]


def _feed_one(packed: Packed, program: Program, deadline: Deadline, failures: Sequence[BaseException]) -> None:
    with through(packed.commands, packed.path, deadline, subprocess.PIPE) as decoding:
        pieces = decoding.pieces()
        with chain([program], deadline, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as started:
            with suppress(BrokenPipeError):  # it has what it wants, or has failed
                for piece in pieces:
                    if failures:
                        raise _StoppedError
                    started.input.write(piece)
            with suppress(BrokenPipeError):
                started.input.close()
        for _piece in pieces:  # to its end, which shows that it is whole
            if failures:
                raise _StoppedError
