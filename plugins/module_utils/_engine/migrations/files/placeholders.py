# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Placeholders: :"name" becomes a quoted identifier, :'name' a quoted literal; ${name} in files of Flyway and Liquibase. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from ...errors import TitanError
from ...text.quoted import quoted_name
from ..sql.client_lines import sql_only
from ..sql.tokens import QUOTED, STRING, LexerError, line_of, tokenize


def fill_as(naming: str, text: str, values: Mapping[str, str], file: str) -> str:
    """The text with its placeholders replaced, as files of this naming have them.

    Raises:
        TitanError: a placeholder without a value; names file and line.
    """
    return (fill_flyway if naming in ("flyway", "liquibase") else fill)(text, values, file)


def fill(text: str, values: Mapping[str, str], file: str) -> str:
    """The text with its placeholders replaced; anything inside quotes or comments is left alone.

    Raises:
        TitanError: a placeholder without a value; names file and line.
    """
    if ":'" not in text and ':"' not in text:
        return text
    try:
        tokens = tokenize(sql_only(text))
    except LexerError:
        return text  # reported with its line when the file is cut
    pieces, last = [], 0
    for at in range(1, len(tokens)):
        colon, quoted = tokens[at - 1], tokens[at]
        if colon.text != ":" or colon.end != quoted.start or quoted.text[0] not in "'\"":
            continue
        if quoted.kind not in (QUOTED, STRING) or (
            at > 1 and tokens[at - 2].text == ":" and tokens[at - 2].end == colon.start
        ):
            continue
        name = quoted.text[1:-1]
        if name not in values:
            known = ", ".join(sorted(values)) or "none"
            line = line_of(text, colon.start)
            raise TitanError(
                f"{file}, line {line}: the placeholder {colon.text}{quoted.text} has no value. Defined in placeholders: {known}.",
                file=file,
                line=line,
            )
        value = str(values[name])
        pieces += [text[last : colon.start], quoted_name(value) if quoted.kind == QUOTED else _literal(value)]
        last = quoted.end
    return "".join([*pieces, text[last:]])


_FLYWAY = re.compile(r"\$\{([^}\s]+)\}")


def fill_flyway(text: str, values: Mapping[str, str], file: str) -> str:
    """The text with each ${name} replaced as Flyway does: wherever it stands, and as it is.

    flyway:filename and flyway:timestamp need no value.

    Raises:
        TitanError: a placeholder without a value; names file and line.
    """
    if "${" not in text:
        return text
    known = {
        "flyway:filename": file.rsplit("/", 1)[-1],
        "flyway:timestamp": time.strftime("%Y-%m-%d %H:%M:%S"),
        **values,
    }

    def value(found: re.Match[str]) -> str:
        if found[1] not in known:
            line = line_of(text, found.start())
            raise TitanError(
                f"{file}, line {line}: the placeholder {found[0]} has no value. Defined in placeholders: "
                f"{', '.join(sorted(values)) or 'none'}.",
                file=file,
                line=line,
            )
        return str(known[found[1]])

    return _FLYWAY.sub(value, text)


def _literal(value: str) -> str:
    quoted = "'" + value.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted
