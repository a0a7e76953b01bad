# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""psycopg2, where it is installed, and its errors as the engine's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DatabaseError
from ..typed import TYPE_CHECKING, Any
from .sqlstates import INSUFFICIENT_PRIVILEGE

try:
    import psycopg2
    import psycopg2.extensions
except ImportError:  # the door reports it: this file must import without
    psycopg2 = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from psycopg2 import sql
else:

    class _WhenUsed:
        """psycopg2's module sql, which a run without news does not need."""

        def __getattr__(self, name: str) -> Any:
            from psycopg2 import sql as module

            value = getattr(module, name)
            setattr(self, name, value)
            return value

    sql = _WhenUsed()

__all__ = ["database_error", "psycopg2", "sql", "translated"]


@contextmanager
def translated(query: Any = None, params: Any = None) -> Iterator[None]:
    """Turn psycopg2's errors into DatabaseError, which holds no row: psycopg2's own text does, so it is not chained.

    Args:
        query, params: What is sent; a text without params is somebody's own words, of which a message may show some.
    """
    try:
        yield
    except psycopg2.Error as error:
        raise database_error(error, query if isinstance(query, str) and params is None else "") from None
    except UnicodeEncodeError:
        raise DatabaseError(
            "A name or a value that was given is not UTF-8 text, and the server was not asked. Write it in UTF-8: see LANG and LC_ALL of "
            "the terminal."
        ) from None


def database_error(error: Any, sent: str = "") -> DatabaseError:
    """The engine's error for one of psycopg2's, with the server's own fields as details, as far as they hold no row."""
    # Both cost time that a run without an error need not take.
    from .grants import missing_grant
    from .server_messages import error_fields, without_rows

    fields = error_fields(error, _reason_of_end(error))
    shown = without_rows(fields, sent)
    named = {
        "detail": shown.detail,
        "hint": shown.hint,
        "position": getattr(getattr(error, "diag", None), "statement_position", None),
    }
    extra = {name: value for name, value in named.items() if value}
    message = shown.message
    if fields.sqlstate.startswith("53") and extra.get(
        "hint"
    ):  # something has run out; only the hint says what to raise
        message = f"{message}. {extra['hint'].rstrip('.')}"
    if fields.sqlstate == INSUFFICIENT_PRIVILEGE:
        missing = missing_grant(message, *_statement_and_role(error))
        message += f"; {missing}" if missing else ""
    return DatabaseError(f"PostgreSQL says: {message}", fields.sqlstate, primary=fields.primary, **extra)


def _reason_of_end(error: Any) -> str:
    """Why the server ended the session. The driver keeps libpq's last message only, that the connection is gone; the
    connection itself knows what the server had said before; empty if it said nothing.
    """
    connection = getattr(getattr(error, "cursor", None), "connection", None)
    if connection is None:
        return ""
    everything = str(connection.info.error_message or "")
    before = everything.removesuffix(str(error)) if everything != str(error) else ""
    _severity, colon, reason = " ".join(before.split()).partition(": ")
    return f"{reason.strip()} (the server closed the connection)" if colon else ""


def _statement_and_role(error: Any) -> tuple[str, str]:
    """What was executed, and by whom, as far as psycopg2 still knows."""
    cursor = getattr(error, "cursor", None)
    if cursor is None:
        return "", ""
    query = cursor.query or b""
    return query[:200].decode(errors="replace"), str(cursor.connection.info.user or "")
