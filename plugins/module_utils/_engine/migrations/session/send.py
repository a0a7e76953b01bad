# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a text of several statements as psql would: the rows behind a COPY ... FROM STDIN in the COPY protocol."""

from __future__ import annotations

import io

from ...errors import DatabaseError
from ...postgres.database import Database
from ..sql.client_lines import client_lines
from ..sql.tokens import tokenize


def send(database: Database, text: str) -> None:
    """Run the text.

    Raises:
        DatabaseError: the server refused a statement; its position counts from the text's beginning.
    """
    copies = client_lines(text).copies if "stdin" in text.lower() else ()
    position = 0
    for copy in copies:
        _send_sql(database, text, position, copy.start)
        rows = text[copy.data_start : copy.data_end].replace("\r\n", "\n")
        database.copy_in(text[copy.start : copy.end], io.BytesIO(rows.encode("utf-8", "surrogatepass")))
        position = copy.after
    _send_sql(database, text, position, len(text))


def _send_sql(database: Database, text: str, start: int, end: int) -> None:
    if (start or end < len(text)) and not tokenize(text[start:end]):
        return  # the driver takes a text without a statement for an error
    try:
        database.execute(text[start:end])
    except DatabaseError as error:
        if start and error.details.get("position"):
            error.details["position"] = str(int(error.details["position"]) + start)
        raise
