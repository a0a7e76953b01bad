# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text that others have made, for a log, a table or a message: a name may hold a line end, or what a terminal obeys. Pure."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text in one line: what cannot be printed is escaped as in Python's strings."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def lines(text: str) -> str:
    """A table or a listing: each of its lines printable."""
    return "\n".join(map(printable, text.split("\n")))


def one_line(text: str, most: int = 300) -> str:
    """The text in one line of at most so many characters, its white space as single spaces."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 3]}..."
