# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Env files that editors and people write, and that a shell reads otherwise than they are meant. Pure.

Three things leave no doubt about what is meant: a byte order mark before the first line, Windows line ends, and spaces before the
equals sign of an assignment that would be one without them.
"""

from __future__ import annotations

import re

from .shell_assignments import SPACE_BEFORE_EQUALS, AssignmentError, read_assignments

_BOM = "\ufeff"
_SPACED = re.compile(
    r"""([ \t]*(?:export[ \t]+)?[A-Za-z_]\w*)[ \t]+=[ \t]*((?:'[^']*'|"[^"\\]*"|[^\s'"\\&|;<>()`#*?]+)[ \t]*(?:[ \t]#.*)?)""",
    re.ASCII,
)


def as_meant(text: str) -> tuple[str, tuple[str, ...]]:
    """The text as it is meant, and a sentence for each thing that was put right; the line numbers stay."""
    notes = []
    if text.startswith(_BOM):
        text = text[1:]
        notes.append(
            "Line 1 begins with a byte order mark, which was left out. Remove it: sed -i '1s/^\\xEF\\xBB\\xBF//'"
        )
    if "\r\n" in text or text.endswith("\r"):
        text = re.sub(r"\r(?=\n|\Z)", "", text)
        notes.append(
            "The lines end as on Windows, and were read without the carriage return. Convert the file: sed -i 's/\\r$//'"
        )
    lines = text.split("\n")
    for _line in lines:
        number = _spaced_line("\n".join(lines))
        found = _SPACED.fullmatch(lines[number - 1]) if number else None
        if not found:
            break
        lines[number - 1] = f"{found[1]}={found[2]}"
        notes.append(
            f"Line {number} has spaces around its equals sign, where a shell looks for a program; it was read without them. Remove them."
        )
    return "\n".join(lines), tuple(notes)


def _spaced_line(text: str) -> int:
    """The number of the first line that is a mistake, if its mistake is a space before the equals sign; else 0."""
    try:
        read_assignments(text)
    except AssignmentError as error:
        return error.line if error.reason == SPACE_BEFORE_EQUALS else 0
    return 0
