# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL's programs say, without the rows and secrets in it. Pure.

The server prints a refused row in DETAIL and CONTEXT, a refused value at the end of the message, and pg_restore the whole
statement that failed. Messages go into logs, alerts and manifests; rows do not.
"""

from __future__ import annotations

import re

_BLOCK = re.compile(r"^(?=(?:pg_\w+|psql)[: ])", re.MULTILINE)
_PART = re.compile(r"^(DETAIL|CONTEXT|HINT|LINE \d+|STATEMENT|QUERY|Command was)\b: *", re.MULTILINE)
_COPY = re.compile(r"^COPY (?P<table>.+?), line (?P<line>\d+)", re.MULTILINE)
_RAISED = re.compile(
    r"^PL/pgSQL function (?P<function>.+?) line \d+ at RAISE|^PL/(?!pgSQL)\w+ .*?function \"?(?P<other>[\w.]+)",
    re.MULTILINE,
)
_ROWS_AT_WORK = re.compile(r"(?:CREATE (?:UNIQUE )?INDEX|ALTER TABLE|REFRESH|COPY|INSERT)\b")
_VALUE_AT_END = re.compile(r': "(?!.*ERROR: ).*', re.DOTALL)
_VALUE_INSIDE = re.compile(r'\bvalue ".*" is out of range', re.DOTALL)
_STATEMENT = re.compile(r"[^'\"($\n]{0,80}(?:\"[^\"\n]{1,63}\"[^'\"($\n]{0,80})?")


def without_rows(text: str) -> str:
    """The messages of psql, pg_restore or pg_dump, each without what may be a row, a value or a secret.

    Args:
        text: What the program printed on standard error, with its line ends.
    """
    return "\n".join(_without_rows(block) for block in _BLOCK.split(text) if block.strip())


def _without_rows(block: str) -> str:
    pieces = _PART.split(block)
    primary, rest = pieces[0].strip(), dict(zip(pieces[1::2], pieces[2::2]))
    context, command = rest.get("CONTEXT", ""), rest.get("Command was", "")
    copied = _COPY.search(context)
    raised = _RAISED.search(context)
    if raised and (copied or _ROWS_AT_WORK.match(command)):
        function = raised["function"] or raised["other"]
        primary = f"{primary.partition('ERROR:')[0]}ERROR: function {function} raised an error, whose text may hold a row and is not shown"
    said = [_without_values(primary)]
    if copied:
        said.append(f"CONTEXT: COPY {copied['table']}, line {copied['line']}")
    if "HINT" in rest:
        said.append(f"HINT: {rest['HINT'].strip().splitlines()[0]}")
    if command:
        found = _STATEMENT.match(command.strip())
        said.append(f"Command was: {found[0].strip() if found else ''} ...")
    return "\n".join(said)


def _without_values(primary: str) -> str:
    return _VALUE_INSIDE.sub("value is out of range", _VALUE_AT_END.sub("", primary))
