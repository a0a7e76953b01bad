# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fenced code blocks of the documents, and what stands above them in an HTML comment.

<!-- not run: REASON -->   needs something that a test cannot have (a real host, for example)
<!-- file: PATH -->        is the content of that file, which the blocks after it use
<!-- fails: TEXT -->       ends with a failure whose message holds TEXT
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
_MARK = re.compile(r"<!-- (not run|file|fails): (.+) -->")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        document: Path of the document in the checkout.
        line: The number of the fence's line, from 1.
        language: The word after the fence.
        text: What stands between the fences.
        mark, value: The comment above it; "" where there is none.
    """

    document: str
    line: int
    language: str
    text: str
    mark: str = ""
    value: str = ""

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def blocks_of(path: Path) -> Iterator[Block]:
    """The blocks of one document, in order."""
    document = path.relative_to(ROOT).as_posix()
    lines = path.read_text(encoding="utf-8").splitlines()
    start, language, fence = 0, "", ""
    for number, line in enumerate(lines, 1):
        found = re.match(r"\s*(`{3,})(.*)", line)
        if not fence and found:
            start, fence, language = number, found[1], found[2].strip()
        elif fence and line.strip() == fence:
            above = _MARK.fullmatch(lines[start - 2].strip()) if start > 1 else None
            text = "\n".join(lines[start : number - 1]) + "\n"
            yield Block(document, start, language, text, *(above.groups() if above else ()))
            fence = ""
    if fence:
        raise ValueError(f"{document}:{start}: the block is never closed")


def all_blocks() -> list[Block]:
    return [block for path in DOCUMENTS for block in blocks_of(path)]


def excused(block: Block) -> bool:
    return block.mark == "not run"
