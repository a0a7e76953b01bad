# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a limit that ended a statement or a session comes from."""

from __future__ import annotations

import re

from ...errors import DatabaseError, TitanError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Row, connect
from ...postgres.session_settings import SERVER_SETTINGS
from ...postgres.sqlstates import QUERY_CANCELED
from ..sql.tokens import line_of

_REASON = re.compile(r"due to (statement|transaction|idle-in-transaction|idle-session) timeout")
_LIMITS = {
    "statement": "statement_timeout",
    "transaction": "transaction_timeout",
    "idle-in-transaction": "idle_in_transaction_session_timeout",
    "idle-session": "idle_session_timeout",
}
_QUERY = """
SELECT source, pg_catalog.current_setting(name) AS value, pg_catalog.coalesce(sourcefile || ', line ' || sourceline, '') AS file,
       pg_catalog.quote_ident(session_user) AS "user", pg_catalog.quote_ident(pg_catalog.current_database()) AS database
  FROM pg_catalog.pg_settings WHERE name = %s
""".replace("pg_catalog.coalesce", "coalesce")


def origin_of_limit(settings: ConnectionSettings, error: DatabaseError, text: str) -> str:
    """A sentence that says which limit ended the statement, and who has set it; empty if none did.

    A new connection is asked: the one that failed is in a failed transaction, or gone.

    Args:
        text: The file, which may have set the limit itself.
    """
    found = _REASON.search(error.message)
    if not found or error.sqlstate not in ("", QUERY_CANCELED):
        return ""
    name = _LIMITS[found[1]]
    own = re.search(rf"\b{name}\b", text, re.IGNORECASE)
    if own:
        return f" The file itself names {name} in line {line_of(text, own.start())}."
    try:
        with connect(settings, "migration", fixed_settings=False) as other:
            row = other.row(_QUERY, (name,))
    except TitanError:
        return ""
    return f" {_sentence(name, row)}" if row else ""


def _sentence(name: str, row: Row) -> str:
    """Which source of pg_settings stands for what. Pure."""
    user, database = row["user"], row["database"]
    place = {
        "database": f"by ALTER DATABASE {database} SET {name}",
        "user": f"by ALTER ROLE {user} SET {name}",
        "database user": f"by ALTER ROLE {user} IN DATABASE {database} SET {name}",
        "global": f"by ALTER ROLE ALL SET {name}",
        "configuration file": f"in the server's configuration{' (' + row['file'] + ')' if row['file'] else ''}",
        "command line": "on the server's command line",
        "client": "by this collection for its own sessions"
        if name in SERVER_SETTINGS
        else "by the connection's options (PGOPTIONS)",
    }.get(row["source"], f"by the server ({row['source']})")
    return (
        f"The limit {name} is {row['value']}, set {place}. Raise it there for the role of the migrations, or begin the file with "
        f"SET {name}."
    )
