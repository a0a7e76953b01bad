# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The header lines of a migration file. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import TitanError

# How other tools say that a file runs by statement: goose, sql-migrate, dbmate, sqlx, graphile-migrate, Atlas, Liquibase, tern.
_NO_TRANSACTION = re.compile(
    r"--!?[ \t]*(?:\+goose[ \t]+no[ \t]+transaction\b|\+migrate[ \t]+up\b.*\bnotransaction\b|migrate:up\b.*\btransaction:[ \t]*false\b"
    r"|no-transaction\b|atlas:txmode[ \t]+none\b|changeset\b.*\brunInTransaction:\"?false\b|--[ \t]*tern:[ \t]*disable-tx\b)",
    re.IGNORECASE,
)
_HEADER = re.compile(r"^--[ \t]*(require|verify|transaction):[ \t]*(.*)$")


@dataclass(frozen=True)
class Headers:
    """The header lines of a file: queries that must be true before and after, each with its line."""

    require: tuple[tuple[int, str], ...] = ()
    verify: tuple[tuple[int, str], ...] = ()
    transaction: str = ""


def headers(text: str, file: str) -> Headers:
    """The header lines before the first statement.

    Raises:
        TitanError: an empty header, or an unknown value of ``transaction``.
    """
    found: dict[str, list[tuple[int, str]]] = {"require": [], "verify": [], "transaction": []}
    open_list: list[tuple[int, str]] | None = None
    for number, line in enumerate(re.split("\r\n|\r|\n", text), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("--"):
            break
        if open_list is not None and stripped.startswith("--"):
            content = stripped[2:].strip()
            first, query = open_list[-1]
            open_list[-1] = (first, f"{query} {content.rstrip(chr(92)).strip()}".strip())
            open_list = open_list if content.endswith("\\") else None
            continue
        if _NO_TRANSACTION.match(stripped):
            found["transaction"].append((number, "none"))
        match = _HEADER.match(stripped)
        if match is None:
            open_list = None
            continue
        content = match[2].strip()
        found[match[1]].append((number, content.rstrip("\\").strip()))
        open_list = found[match[1]] if content.endswith("\\") else None
    for word, entries in found.items():
        for number, content in entries:
            if not content:
                raise TitanError(f"{file}, line {number}: the header {word!r} is empty.", file=file, line=number)
    modes = [content for _number, content in found["transaction"]]
    if any(mode not in ("none", "one") for mode in modes):
        raise TitanError(
            f"{file}, line {found['transaction'][0][0]}: the header 'transaction' is {modes[0]!r}; allowed: one, none.",
            file=file,
            line=found["transaction"][0][0],
        )
    return Headers(tuple(found["require"]), tuple(found["verify"]), modes[-1] if modes else "")
