# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL's programs say, without the rows and secrets in it. Pure.

psql is asked for every field of an error (VERBOSITY verbose), so the SQLSTATE decides. pg_dump and pg_restore cannot be
asked: of the server's text in their messages only what is known to hold nothing but names passes (see server_texts).
"""

from __future__ import annotations

import re

from ...postgres.server_messages import ServerError, function_in, is_static
from ...postgres.server_messages import without_rows as shown_of
from ...text.one_line import one_line
from .server_texts import names_only

_BLOCK = re.compile(r"^(?=(?:pg_\w+|psql)[: ])", re.MULTILINE)
_LABELS = "DETAIL|CONTEXT|HINT|STATEMENT|QUERY|Command was|SCHEMA NAME|TABLE NAME|COLUMN NAME|DATATYPE NAME|CONSTRAINT NAME|LOCATION"
_PART = re.compile(rf"^({_LABELS}|LINE \d+)\b: *", re.MULTILINE)
# The server's part of a message: severity, in whatever language, and two spaces.
_SERVER = re.compile(r"(?P<severity>[^\s:\"']+):  (?:(?P<sqlstate>[0-9A-Z]{5}): )?(?P<primary>.*)", re.DOTALL)
_LOCATION = re.compile(r"(?P<function>\w+), (?P<file>[\w./]+):\d+\s*$")
_COPY = re.compile(r"^COPY (?P<table>.+?), line (?P<line>\d+)", re.MULTILINE)
_NAME = r"(?:\"[^\"\n]{1,130}\"|[\w$]{1,63})"
_STATEMENT = re.compile(rf"(?:[A-Z]{{2,}} )+{_NAME}(?:\.{_NAME})?")
_ASKED = re.compile(r"(?P<what>detail: (?:Command|Query) was): (?P<statement>.*)", re.DOTALL)
# Lines of libpq's that follow a first one: further addresses that it tried, and what to check.
_LIBPQ = re.compile(r"connection to server |\t?Is the server |\t?Are you |\tconnection to ")
_BACKSLASH = re.compile(r"invalid command \\.*", re.DOTALL)


def without_rows(text: str) -> str:
    """The messages of psql, pg_restore or pg_dump, each without what may be a row, a value or a secret.

    Args:
        text: What the program printed on standard error, with its line ends.
    """
    return "\n".join(_without_rows(block) for block in _BLOCK.split(text) if block.strip())


def _without_rows(block: str) -> str:
    pieces = _PART.split(block)
    first, labelled = pieces[0].strip(), dict(zip(pieces[1::2], (piece.rstrip("\n") for piece in pieces[2::2])))
    asked = _ASKED.search(first)
    if asked:
        return one_line(first[: asked.start()] + _statement(asked["what"], asked["statement"]))
    server = _SERVER.search(first)
    if server is None:
        return _own(first)
    context = labelled.get("CONTEXT", "")
    said = [_own(first[: server.start()]) + f" {server['severity']}:  {_server_text(server, labelled, context)}"]
    if copied := _COPY.search(context):
        said.append(f"CONTEXT: COPY {one_line(copied['table'], 130)}, line {copied['line']}")
    if "Command was" in labelled:
        said.append(_statement("Command was", labelled["Command was"]))
    return "\n".join(said)


def _server_text(server: re.Match[str], labelled: dict[str, str], context: str) -> str:
    """What may be shown of an error of the server's, with its hint."""
    location = _LOCATION.search(labelled.get("LOCATION", ""))
    if server["sqlstate"] and location:
        shown = shown_of(
            ServerError(
                server["sqlstate"], server["primary"].strip(), labelled.get("DETAIL", ""), labelled.get("HINT", ""), context,
                labelled.get("QUERY", ""), "", labelled.get("SCHEMA NAME", ""), labelled.get("TABLE NAME", ""),
                labelled.get("COLUMN NAME", ""), labelled.get("CONSTRAINT NAME", ""), location["file"], location["function"],
            )
        )  # fmt: skip
        return "\n".join(filter(None, (shown.message, shown.hint and f"HINT: {shown.hint}")))
    inside = context.startswith("PL/") or "QUERY" in labelled or re.search(r"\bRAISE\b", context)
    words = names_only(server["primary"].strip())
    if context.startswith("COPY ") and words.endswith(("does not exist", "already exists")):
        words = ""  # the name may be a value, of a type such as regclass
    if words and (not inside or is_static(context)):
        hint = one_line(labelled.get("HINT", "")) if words == server["primary"].strip() else ""
        return "\n".join(filter(None, (words, hint and f"HINT: {hint}")))
    function = function_in(context)
    return f"{f'the function {function} raised' if function else ''} an error, whose text may hold a row and is not shown".strip()


def _own(text: str) -> str:
    """The program's own words: of several lines, those that libpq or the program itself has written."""
    lines = text.split("\n")
    kept = [lines[0], *(line for line in lines[1:] if _LIBPQ.match(line))]
    return one_line(_BACKSLASH.sub("invalid command", " ".join(kept)), 1000)


def _statement(label: str, text: str) -> str:
    found = _STATEMENT.match(text.strip())
    return f"{label}: {found[0] if found else ''} ..."
