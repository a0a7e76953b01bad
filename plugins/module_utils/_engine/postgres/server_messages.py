# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the server's errors may be shown: their condition and the names in them, no row and no value. Pure.

What decides is what the server says in fields of their own (SQLSTATE, the source file that raised the error, the names of
table, column and constraint), not how a text looks: messages are translated, and a row may look like anything.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ..text.one_line import one_line
from .sqlstates import DATA_EXCEPTION, SYNTAX_ERROR

# SQLSTATE classes whose primary message holds nothing but names, types, numbers of the server's and fixed words.
_NAMES_ONLY = (
    "08", "0A", "0L", "0P", "21", "23", "24", "25", "26", "28", "2B", "2D", "34", "3B", "3D", "3F", "40", "42", "44", "53",
    "54", "55", "57", "58",
)  # fmt: skip
_CORRUPTION = ("XX001", "XX002")  # block and relation numbers
# ... and those of them whose DETAIL and HINT do, too: of the others, DETAIL is a row or a key.
_DETAIL_OF_NAMES = ("0A", "2B", "3D", "3F", "42", "53", "55")
# Where the server passes a text on that a function has made: RAISE and its kind.
_RAISED_BY = ("exec_stmt_raise", "exec_stmt_assert")
_RAISED_IN = re.compile(r"plpy_|plperl\.c|pltcl\.c|plv8|plr|pljava|JNICalls", re.IGNORECASE)
_FUNCTION = re.compile(
    r'^PL/pgSQL function (?P<name>.+?) line \d+ at |^PL/\w+ .*?function "?(?P<other>[\w.]+)', re.MULTILINE
)
# Statements of a function whose SQL is the function's own text; that of EXECUTE may be put together from rows.
_STATIC = re.compile(
    r"PL/pgSQL function .+ line \d+ at (?:SQL statement|assignment|RETURN|RETURN NEXT|PERFORM|IF|CASE|WHILE|CALL|"
    r"FOR over SELECT rows|FOR with integer loop variable|during statement block local variable initialization)$"
    r'|PL/pgSQL function .+ line \d+ during |SQL function "'
)
_RAISE = re.compile(r"\bRAISE\s+(?:EXCEPTION\s+)?'((?:[^']|'')+)'", re.IGNORECASE)
_TOKEN = re.compile(r'(?:at or near|at end of input)(?: "(.+)")?$', re.DOTALL)
_HOLDS_SECRETS = re.compile(r"\bpassword\b", re.IGNORECASE)
# Names that are not there: schema, column, object, function, table; and those that are no names at all.
_UNDEFINED = ("3F000", "42602", "42703", "42704", "42883", "42P01")
_QUOTED = re.compile(r'"([^"]+)"')
_WITHOUT_VALUE = re.compile(
    r'[a-z ]+(?:\(\d+\))?|unrecognized parameter "[a-z_]+"|security label provider "[\w-]+" is not loaded'
)
_WITHHELD = "its text may hold a row and is not shown"


class ServerError(NamedTuple):
    """The fields of one error, empty where the server sent none (PostgreSQL's protocol, "Error and Notice Message Fields")."""

    sqlstate: str
    primary: str
    detail: str = ""
    hint: str = ""
    context: str = ""
    internal_query: str = ""
    position: str = ""
    schema: str = ""
    table: str = ""
    column: str = ""
    constraint: str = ""
    source_file: str = ""
    source_function: str = ""


class Shown(NamedTuple):
    """What of an error may stand in logs and results; empty where there is nothing."""

    message: str
    detail: str = ""
    hint: str = ""


def error_fields(error: Any, reason: str = "") -> ServerError:
    """The fields of an error of psycopg2; without the server's, the reason or its own text is the primary message."""
    diag = getattr(error, "diag", None)

    def field(name: str) -> str:
        return getattr(diag, name, None) or ""

    return ServerError(
        getattr(error, "pgcode", None) or "",
        field("message_primary") or reason or " ".join(str(error).split()) or "the connection was lost",
        field("message_detail"), field("message_hint"), field("context"), field("internal_query"),
        field("statement_position"),
        field("schema_name"), field("table_name"), field("column_name"), field("constraint_name"), field("source_file"),
        field("source_function"),
    )  # fmt: skip


def without_rows(error: ServerError, sent: str = "") -> Shown:
    """What may be shown of the error.

    Args:
        error: Its fields.
        sent: The statements that somebody wrote and we sent as they are: what stands in them is no row.
    """
    sent = "" if _HOLDS_SECRETS.search(sent) else sent
    if not error.sqlstate:
        return Shown(one_line(error.primary))  # libpq's own words about the connection
    if error.source_function in _RAISED_BY or _RAISED_IN.match(error.source_file):
        return Shown(_raised(error, sent))
    if error.sqlstate == SYNTAX_ERROR:
        return Shown(_syntax_error(error, sent))
    names_only = error.sqlstate[:2] in _NAMES_ONLY or error.sqlstate in _CORRUPTION
    if error.internal_query and not is_static(error.context):
        names_only = False
    if error.sqlstate in _UNDEFINED and _may_be_a_value(error, sent):
        names_only = False
    if names_only:
        details = error.sqlstate[:2] in _DETAIL_OF_NAMES
        return Shown(one_line(error.primary), one_line(error.detail, 1000) if details else "", one_line(error.hint))
    if (
        error.sqlstate[:2] == DATA_EXCEPTION[:2]
        and _WITHOUT_VALUE.fullmatch(error.primary)
        and not error.internal_query
    ):
        return Shown(error.primary)  # "division by zero"
    return Shown(f"{condition(error.sqlstate)}{_names(error)}; {_WITHHELD}")


def _may_be_a_value(error: ServerError, sent: str) -> bool:
    """Whether the name that is not there may be a value of a type such as regclass: those come without a position."""
    if error.context.startswith("COPY "):
        return True
    if not sent or error.position or error.internal_query:
        return False
    return not all(name.lower() in sent.lower() for name in _QUOTED.findall(error.primary))


def is_static(context: str) -> bool:
    """Whether the innermost function's statement is text of the function itself, by the error's CONTEXT."""
    return _STATIC.match(context.partition("\n")[0]) is not None


def function_in(context: str) -> str:
    """The function that raised an error, by its CONTEXT; empty if it names none."""
    found = _FUNCTION.search(context)
    return one_line(found["name"] or found["other"], 130) if found else ""


def condition(sqlstate: str) -> str:
    """The name that PostgreSQL gives to the SQLSTATE, in words, and the SQLSTATE."""
    import psycopg2.errors  # only after an error: a run without one need not wait for it

    try:
        name = psycopg2.errors.lookup(sqlstate).__name__
    except KeyError:
        return f"an error of SQLSTATE {one_line(sqlstate, 5)}"
    return f"{re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name.rstrip('_')).lower()} ({sqlstate})"


def _raised(error: ServerError, sent: str) -> str:
    """The text of a RAISE as it stands in what was sent, with "%" for what the server put in."""
    for literal in _RAISE.findall(sent):
        text = literal.replace("''", "'")
        pieces = [re.escape(piece).replace("%%", "%") for piece in re.split(r"(?<!%)%(?!%)", text)]
        if re.fullmatch(".*".join(pieces), error.primary, re.DOTALL):
            return one_line(text)
    function = function_in(error.context)
    return f"{'the function ' + function if function else 'a function'} raised an error ({error.sqlstate}); {_WITHHELD}"


def _syntax_error(error: ServerError, sent: str) -> str:
    """The token of a syntax error is shown where it is a word of what was sent, but not if it is a value."""
    found = _TOKEN.search(error.primary)
    token = found[1] if found else ""
    if (
        not error.internal_query
        and sent
        and (found is None or not token or (token in sent and not token.startswith(("'", "$"))))
    ):
        return one_line(error.primary)
    return "syntax error"


def _names(error: ServerError) -> str:
    """Where it happened, by the fields that hold names."""
    table = ".".join(filter(None, (error.schema, error.table)))
    pieces = ((" in table ", table), (", column ", error.column), (", constraint ", error.constraint))
    return "".join(f"{label}{one_line(name, 130)}" for label, name in pieces if name)
