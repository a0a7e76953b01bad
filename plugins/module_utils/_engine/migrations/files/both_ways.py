# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold a migration and its rollback, told apart by the comments of the tool that they were written for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
_WITHOUT_MARK = ("node_pg_migrate",)  # a text without the line that begins the migration is one from its first line on
_ALONE = re.compile(r"transaction:false|\bnotransaction\b", re.IGNORECASE)
_WHOLE_FILE_ALONE = re.compile(r"^--[ \t]*\+goose[ \t]+no[ \t]+transaction\b", re.IGNORECASE | re.MULTILINE)
_HEADER = "-- transaction: none"

TOOLS = tuple(_UP)


class Parts(NamedTuple):
    """The two texts, each with the lines of the other one blank, so that line numbers stay; rollback: None without such a part."""

    migration: str
    rollback: str | None


def split_ways(text: str, tool: str, file: str) -> Parts:
    """Take a file apart.

    Raises:
        TitanError: it has no part to apply, or its parts are in the wrong order; names the file.
    """
    up, down = _UP[tool].search(text), _DOWN[tool].search(text)
    if up is None and tool in _WITHOUT_MARK:
        up = re.match("", text)
    if up is None:
        begins = {"goose": "-- +goose Up", "dbmate": "-- migrate:up", "sql_migrate": "-- +migrate Up"}[tool]
        raise TitanError(
            f"{file}: the line {begins!r} is missing, which begins the migration in files of this naming.", file=file
        )
    if down is not None and down.start() < up.start():
        raise TitanError(f"{file}: its rollback stands before its migration. Put it behind.", file=file)
    end = down.start() if down else len(text)
    alone = _WHOLE_FILE_ALONE.search(text) is not None
    head = blank(text[: up.start()])
    migration = head + _mark(up.group(), alone) + text[up.end() : end]
    if down is None:
        return Parts(migration, None)
    return Parts(migration, blank(text[: down.start()]) + _mark(down.group(), alone) + text[down.end() :])


def _mark(line: str, alone: bool) -> str:
    """What stands in place of the line that begins a part."""
    return _HEADER if alone or _ALONE.search(line) else ""


def blank(text: str) -> str:
    """Its line ends alone: what stands behind it stays in its line."""
    return "".join(char for char in text if char in "\r\n")
