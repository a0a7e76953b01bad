# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a text of several statements as psql would: the rows behind a COPY ... FROM STDIN in the COPY protocol.

Those of a COPY ... TO STDOUT are read, so that the statement runs, and kept nowhere.
"""

from __future__ import annotations

import io
from operator import itemgetter
from typing import Any

from ...errors import DatabaseError
from ...postgres.database import Database
from ..sql.client_lines import CopyData, client_lines, names_client
from ..sql.lexer import Statement, split
from ..sql.statements import copies_out
from ..sql.tokens import tokenize


class _Nowhere(io.BytesIO):
    """Takes rows and keeps none."""

    def write(self, data: Any) -> int:
        return len(data)


def send(database: Database, text: str) -> None:
    """Run the text.

    Raises:
        DatabaseError: the server refused a statement; its position counts from the text's beginning.
    """
    named = names_client(text)
    copies = client_lines(text).copies if named else ()
    outputs = [item for item in split(text) if copies_out(item)] if named else []
    position = 0
    both: list[tuple[int, CopyData | Statement]] = [
        *((item.start, item) for item in copies),
        *((item.start, item) for item in outputs),
    ]
    for start, copy in sorted(both, key=itemgetter(0)):
        _send_sql(database, text, position, start)
        try:
            if isinstance(copy, CopyData):
                rows = text[copy.data_start : copy.data_end].replace("\r\n", "\n")
                database.copy_in(text[start : copy.end], io.BytesIO(rows.encode("utf-8", "surrogatepass")))
                position = copy.after
            else:
                database.copy_out(text[start : copy.end], _Nowhere())
                position = copy.end
        except DatabaseError as error:
            _count_from(start, error)
            raise
    _send_sql(database, text, position, len(text))


def _send_sql(database: Database, text: str, start: int, end: int) -> None:
    if (start or end < len(text)) and all(token.text == ";" for token in tokenize(text[start:end])):
        return  # the driver takes a text without a statement for an error
    try:
        database.execute(text[start:end])
    except DatabaseError as error:
        _count_from(start, error)
        raise


def _count_from(start: int, error: DatabaseError) -> None:
    """Let the error's position count from the text's beginning."""
    if start and error.details.get("position"):
        error.details["position"] = str(int(error.details["position"]) + start)
