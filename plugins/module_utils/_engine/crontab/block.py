# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines between our two markers. Pure: text in, text out; every byte outside stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import TitanError

_COLLECTION = "titan.database"
_ADOPTED = "# adopted, was line "
_ANY_MARKER = re.compile(r"[ \t]*#[ \t]*(BEGIN|END) titan\.database crontab (\S+).*")


def begin_marker(name: str) -> str:
    return f"# BEGIN {_COLLECTION} crontab {name} (managed: edits in this block are overwritten)"


def end_marker(name: str) -> str:
    return f"# END {_COLLECTION} crontab {name}"


@dataclass(frozen=True)
class Adopted:
    """A hand-made line that was moved into the block: its number in the file then (from 1), and its text."""

    number: int
    line: str


@dataclass(frozen=True)
class Table:
    """A crontab taken apart; ``before + block + after`` is its text (each line with its line feed).

    Attributes:
        before, after: The lines outside the block; without a block everything is in before.
        block: The lines of the block with its markers; empty if there is none.
        adopted: The hand-made lines that the block remembers.
    """

    before: tuple[str, ...]
    block: tuple[str, ...]
    after: tuple[str, ...]
    adopted: tuple[Adopted, ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.before + self.block + self.after)


def outside_blocks(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of the lines that no block of ours, under whatever name, holds."""
    inside = False
    for number, line in enumerate(lines, 1):
        if line.startswith(f"# BEGIN {_COLLECTION} crontab "):
            inside = True
        if not inside:
            yield number, line
        if line.startswith(f"# END {_COLLECTION} crontab "):
            inside = False


def split_table(text: str, name: str, source: str) -> Table:
    """Find the block called name.

    Raises:
        TitanError: a marker is doubled, alone, reversed, or inside another block; says where.
    """
    lines = tuple(re.findall(r"[^\n]*\n|[^\n]+$", text))
    begins, ends = _markers(lines, name, source)
    if not begins and not ends:
        return Table(lines, (), ())
    if len(begins) != 1 or len(ends) != 1 or begins[0] > ends[0]:
        where = ", ".join(
            [f"BEGIN in line {number + 1}" for number in begins] + [f"END in line {number + 1}" for number in ends]
        )
        raise TitanError(
            f"{source}: the markers of block {name!r} are not one BEGIN before one END ({where}). "
            "Nothing was written: which lines are in the block cannot be determined. Correct the markers by hand.",
            lines=sorted(number + 1 for number in begins + ends),
        )
    first, last = begins[0], ends[0]
    block = lines[first : last + 1]
    return Table(lines[:first], block, lines[last + 1 :], tuple(_adopted_lines(block)))


def _markers(lines: Sequence[str], name: str, source: str) -> tuple[list[int], list[int]]:
    begins: list[int] = []
    ends: list[int] = []
    inside = ""
    for number, line in enumerate(lines):
        found = _ANY_MARKER.fullmatch(line.rstrip("\n"))
        if not found:
            continue
        kind, owner = found.groups()
        if owner == name:
            (begins if kind == "BEGIN" else ends).append(number)
        if kind == "BEGIN" and inside and name in (inside, owner) and inside != owner:
            raise TitanError(
                f"{source}: line {number + 1} begins block {owner!r} inside block {inside!r}. Correct the markers by hand.",
                lines=[number + 1],
            )
        inside = owner if kind == "BEGIN" else ""
    return begins, ends


def _adopted_lines(block: Sequence[str]) -> list[Adopted]:
    found = []
    for line in block:
        match = re.fullmatch(rf"{_ADOPTED}(\d+): (.*)\n?", line)
        if match:
            found.append(Adopted(int(match.group(1)), match.group(2)))
    return found


def with_block(table: Table, name: str, lines: Sequence[str], adopt: Sequence[int], source: str) -> Table:
    """The table with its block made anew; adopt holds indexes (from 0) into the lines outside, which move into it."""
    outside = table.before + table.after
    if outside and not (table.block or outside[-1].endswith("\n")):
        raise TitanError(
            f"{source}: its last line has no line end, so cron does not run it. Complete or remove it first; "
            "appending to the file would start it."
        )
    moved = [Adopted(index + 1, outside[index].rstrip("\n")) for index in adopt]
    adopted = (*table.adopted, *moved)
    gone = frozenset(adopt)
    count = len(table.before)
    block = (
        begin_marker(name),
        *(f"{_ADOPTED}{each.number}: {each.line}" for each in adopted),
        *lines,
        end_marker(name),
    )
    return Table(
        tuple(line for index, line in enumerate(table.before) if index not in gone),
        tuple(f"{line}\n" for line in block),
        tuple(line for index, line in enumerate(table.after) if index + count not in gone),
        adopted,
    )


def without_block(table: Table) -> Table:
    """The table as if the block had never been there: what it had adopted goes back to its line."""
    lines = list(table.before + table.after)
    for each in sorted(table.adopted, key=lambda one: one.number):
        lines.insert(min(each.number - 1, len(lines)), f"{each.line}\n")
    return Table(tuple(lines), (), ())
