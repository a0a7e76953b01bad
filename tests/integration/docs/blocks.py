# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fenced code blocks of the documents, and what stands above them in HTML comments, one a line.

<!-- file: PATH -->        is the content of that file, which the blocks after it use
<!-- added to: PATH -->    is added to that file, which the blocks after it use
<!-- fails: TEXT -->       ends with a failure whose message holds TEXT
<!-- needs: NAME -->       is executed where NAME (see NEEDS) is installed, as it is in CI
<!-- run by: PATH -->      is executed by that file: CI's own script or the Makefile, which have the same commands, or a test that reads it here
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXECUTED = ("sh", "sql", "yaml")
# Output and drawings, for the eye only.
SHOWN = ("text",)
# What a block may need beyond what the tests install.
NEEDS = ("community.postgresql",)
_MARK = re.compile(r"<!-- (file|added to|fails|needs|run by): (.+) -->")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        document: Path of the document in the checkout.
        line: The number of the fence's line, from 1.
        language: The word after the fence.
        text: What stands between the fences.
        mark, value: The comment above it; "" where there is none.
        needs: What has to be installed for it; "" for nothing beyond the tests' own.
    """

    document: str
    line: int
    language: str
    text: str
    mark: str = ""
    value: str = ""
    needs: str = ""

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def blocks_of(path: Path) -> Iterator[Block]:
    """The blocks of one document, in order.

    Raises:
        ValueError: a fence is not closed, or a comment says what no block may say.
    """
    document = path.relative_to(ROOT).as_posix()
    lines = path.read_text(encoding="utf-8").splitlines()
    start, language, fence = 0, "", ""
    for number, line in enumerate(lines, 1):
        found = re.match(r"\s*(`{3,})(.*)", line)
        if not fence and found:
            start, fence, language = number, found[1], found[2].strip()
        elif fence and line.strip() == fence:
            indent = len(lines[start - 1]) - len(lines[start - 1].lstrip())
            text = "".join(
                f"{line[indent:] if not line[:indent].strip() else line}\n" for line in lines[start : number - 1]
            )
            yield _block(document, start, language, text, lines[: start - 1])
            fence = ""
    if fence:
        raise ValueError(f"{document}:{start}: the block is never closed")


def _block(document: str, start: int, language: str, text: str, above: list[str]) -> Block:
    marks: dict[str, str] = {}
    while above and (found := _MARK.fullmatch(above.pop().strip())):
        marks[found[1]] = found[2]
    needs = marks.pop("needs", "")
    if len(marks) > 1 or (needs and needs not in NEEDS):
        raise ValueError(f"{document}:{start}: {marks} {needs} cannot be said of a block")
    mark, value = next(iter(marks.items()), ("", ""))
    return Block(document, start, language, text, mark, value, needs)


def all_blocks() -> list[Block]:
    return [block for path in DOCUMENTS for block in blocks_of(path)]


def run_by(path: str, document: str) -> list[Block]:
    """The blocks of a document that the file of this path says to execute; every one of them has to be."""
    found = [block for block in blocks_of(ROOT / document) if (block.mark, block.value) == ("run by", path)]
    assert found, f"{document} leaves nothing to {path}"
    return found
