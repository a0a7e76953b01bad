# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the tool that a file was written for heeds: a part for the rollback, output for a terminal. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import TitanError
from .client_lines import CopyData
from .lexer import Statement
from .tokens import line_of

# How goose, sql-migrate and micrate, dbmate, rambler, node-pg-migrate and tern begin that part.
_DOWN = re.compile(
    r"^[ \t]*(?P<mark>--[ \t]*(?:\+(?:goose|migrate|micrate)[ \t]+down|migrate:down|rambler[ \t]+down|down[ \t]+migration)\b.*"
    r"|---- create above / drop below ----)",
    re.IGNORECASE | re.MULTILINE,
)


def refuse_rollback_part(text: str, file: str, statements: Sequence[Statement]) -> None:
    """Raise if a statement follows such a comment: a file is run to its end, so it would be rolled back at once.

    Raises:
        TitanError: names the line and what to do.
    """
    found = _DOWN.search(text) if "own" in text or "OWN" in text or "drop below" in text else None
    if found is None or any(item.start < found.start() < item.end for item in statements):
        return
    if not any(item.start > found.end() for item in statements):
        return
    line = line_of(text, found.start("mark"))
    raise TitanError(
        f"{file}, line {line}: {found['mark'].strip()[:60]!r} begins the rollback, which would run right after the "
        "migration: a file is run to its end. Set the option naming to that tool's, move what follows into the migration's rollback file (see the "
        "option naming), or remove it.",
        file=file,
        line=line,
    )


_FROM_CLIENT = {("from", "stdin"), ("from", "stdout")}  # PostgreSQL takes either word


def refuse_odd_input(statements: Sequence[Statement], copies: Sequence[CopyData], file: str) -> None:
    """Raise if the rows of a COPY ... FROM STDIN could not be told from the SQL around it.

    Raises:
        TitanError: names the line and what to do.
    """
    known = {copy.start for copy in copies}
    for statement in statements:
        words = statement.key()
        if words[0] == "copy" and _FROM_CLIENT.intersection(zip(words, words[1:])) and statement.start not in known:
            raise TitanError(
                f"{file}, line {statement.line}: this COPY ... FROM STDIN has to begin a line and to end in a semicolon, with its "
                "rows in the lines behind it. Or use INSERT.",
                file=file,
                line=statement.line,
            )
