# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold a migration and its rollback, told apart by the comments of the tool that they were written for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...errors import TitanError

# How each tool begins the two parts.
_UP: Mapping[str, re.Pattern[str]] = {
    "goose": re.compile(r"^--[ \t]*\+goose[ \t]+up\b.*$", re.IGNORECASE | re.MULTILINE),
    "dbmate": re.compile(r"^--[ \t]*migrate:up\b.*$", re.IGNORECASE | re.MULTILINE),
    "sql_migrate": re.compile(r"^--[ \t]*\+migrate[ \t]+up\b.*$", re.IGNORECASE | re.MULTILINE),
    "node_pg_migrate": re.compile(r"^[ \t]*--[ \t-]*up[ \t]+migration.*$", re.IGNORECASE | re.MULTILINE),
}
_DOWN: Mapping[str, re.Pattern[str]] = {
    "goose": re.compile(r"^--[ \t]*\+goose[ \t]+down\b.*$", re.IGNORECASE | re.MULTILINE),
    "dbmate": re.compile(r"^--[ \t]*migrate:down\b.*$", re.IGNORECASE | re.MULTILINE),
    "sql_migrate": re.compile(r"^--[ \t]*\+migrate[ \t]+down\b.*$", re.IGNORECASE | re.MULTILINE),
    "node_pg_migrate": re.compile(r"^[ \t]*--[ \t-]*down[ \t]+migration.*$", re.IGNORECASE | re.MULTILINE),
}
_FIRST_ONLY = ("node_pg_migrate",)  # a second mark of a kind is a comment
_WITHOUT_MARK = ("node_pg_migrate",)  # a text without the line that begins the migration is one from its first line on
_REPEATED = ("dbmate", "sql_migrate")  # these take several parts of each kind
_ALONE = re.compile(r"transaction:false|\bnotransaction\b", re.IGNORECASE)
_WHOLE_FILE_ALONE = re.compile(r"^--[ \t]*\+goose[ \t]+no[ \t]+transaction\b", re.IGNORECASE | re.MULTILINE)
# goose puts variables of its environment in place of $NAME, ${NAME} and ${NAME:-...} behind this mark; $tag$ is a quote
_FILLED = re.compile(
    r"^--[ \t]*\+goose[ \t]+envsub[ \t]+on\b.*?(?P<variable>\$\{[A-Za-z_]\w*|(?<![\w$])\$[A-Za-z_]\w*(?![\w$]))",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_HEADER = "-- transaction: none"

TOOLS = tuple(_UP)


class Parts(NamedTuple):
    """The two texts, each with the lines of the other one blank, so that line numbers stay; rollback: None without such a part."""

    migration: str
    rollback: str | None


def split_ways(text: str, tool: str, file: str) -> Parts:
    """Take a file apart.

    Raises:
        TitanError: it has no part to apply, or its parts are in an order that the tool does not take; names the file.
    """
    marks = sorted(
        (found.start(), found.end(), found.group(), which)
        for which, pattern in (("up", _UP[tool]), ("down", _DOWN[tool]))
        for found in pattern.finditer(text)
    )
    if tool in _FIRST_ONLY:
        marks = [mark for at, mark in enumerate(marks) if mark[3] not in {before[3] for before in marks[:at]}]
    if tool in _WITHOUT_MARK and not any(which == "up" for *_place, which in marks):
        marks.insert(0, (0, 0, "", "up"))
    begins = {"goose": "-- +goose Up", "dbmate": "-- migrate:up", "sql_migrate": "-- +migrate Up"}.get(tool, "up")
    if not any(which == "up" for *_place, which in marks):
        raise TitanError(
            f"{file}: the line {begins!r} is missing, which begins the migration in files of this naming.", file=file
        )
    if marks[0][3] == "down":
        raise TitanError(f"{file}: its rollback stands before its migration. Put it behind.", file=file)
    if outside(text[: marks[0][0]]):
        raise TitanError(
            f"{file}: SQL stands before the line {marks[0][2].strip()[:60]!r}, where no part begins. Move or remove it.",
            file=file,
        )
    _refuse_repeated(text, tool, file, marks)
    _refuse_filled(text, tool, file)
    alone = _WHOLE_FILE_ALONE.search(text) is not None
    parts = {"up": blank(text[: marks[0][0]]), "down": blank(text[: marks[0][0]])}
    for (start, end, line, which), after in zip(marks, [*[mark[0] for mark in marks[1:]], len(text)]):
        parts[which] += _mark(line, alone) + text[end:after]
        other = "down" if which == "up" else "up"
        parts[other] += blank(text[start:after])
    return Parts(parts["up"], parts["down"] if any(mark[3] == "down" for mark in marks) else None)


def _refuse_repeated(text: str, tool: str, file: str, marks: Sequence[tuple[int, int, str, str]]) -> None:
    """Raise where the tool itself takes one part of each kind, or where a later part runs otherwise than the first one.

    Raises:
        TitanError: names the line.
    """
    seen: dict[str, str] = {}
    for start, _end, line, which in marks:
        first = seen.setdefault(which, line)
        if first is line:
            continue
        if tool not in _REPEATED:
            problem = "begins a part that the file has already"
        elif bool(_ALONE.search(first)) != bool(_ALONE.search(line)):
            problem = "begins a part that runs otherwise than the first one, in a transaction or without"
        else:
            continue
        number = text.count("\n", 0, start) + 1
        raise TitanError(
            f"{file}, line {number}: {line.strip()[:60]!r} {problem}. Split the file.", file=file, line=number
        )


def _refuse_filled(text: str, tool: str, file: str) -> None:
    """Raise where goose would fill in variables of its environment: they would be taken as they are written.

    Raises:
        TitanError: names the line.
    """
    found = _FILLED.search(text) if tool == "goose" else None
    if found is not None:
        number = text.count("\n", 0, found.start("variable")) + 1
        raise TitanError(
            f"{file}, line {number}: goose puts a variable of its environment in place of {found['variable']!r} (ENVSUB ON), and "
            "here it would stay as it is. Write the value.",
            file=file,
            line=number,
        )


def _mark(line: str, alone: bool) -> str:
    """What stands in place of the line that begins a part."""
    return _HEADER if alone or _ALONE.search(line) else ""


def blank(text: str) -> str:
    """Its line ends alone: what stands behind it stays in its line."""
    return "".join(char for char in text if char in "\r\n")


def outside(text: str) -> bool:
    """Whether anything but comments stands there."""
    return bool(re.sub(r"--[^\r\n]*|/\*.*?\*/", "", text.lstrip("\ufeff"), flags=re.DOTALL).strip())
