# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role lacks when PostgreSQL says no. Pure."""

from __future__ import annotations

import re

from .sqlstates import INSUFFICIENT_PRIVILEGE

NOT_ALLOWED = INSUFFICIENT_PRIVILEGE  # the name under which others know it
# Compiled when something was refused: few runs ever are, and all of them would wait for it.
_OWNER = r"must be owner of (.+)"
_BY_VERB = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
_BY_KIND = {
    "schema": "USAGE on {0} (and CREATE, to create something in it)",
    "database": "CREATE on {0} (or a schema made for it beforehand)",
    "function": "EXECUTE on {0}",
    "procedure": "EXECUTE on {0}",
    "language": "USAGE on {0}",
    "type": "USAGE on {0}",
    "sequence": "USAGE and SELECT on {0}",
    "tablespace": "CREATE on {0}",
}
_TABLES = ("table", "view", "materialized view", "foreign table")
_OBJECT = f"permission denied for ({'|'.join((*_BY_KIND, *_TABLES))}) (.+)"


def missing_grant(message: str, statement: str, role: str) -> str:
    """What to grant, as the end of a sentence; empty when the message does not tell.

    Args:
        message: The server's primary message of SQLSTATE 42501.
        statement: What was executed; its first word says which right on a table was used.
        role: Who executed it; may be empty.
    """
    who = f"the role {role!r}" if role else "the role"
    if "permission denied to create database" in message:
        return f"{who} needs CREATEDB (ALTER ROLE ... CREATEDB)"
    if found := re.search(_OWNER, message):
        return f"only the owner of {found.group(1)} may do that: {who} has to be the owner or a member of it"
    found = re.search(_OBJECT, message)
    if not found:
        return ""
    kind, name = found.group(1), f"{found.group(1)} {found.group(2)}"
    if kind in _BY_KIND:
        return f"{who} needs {_BY_KIND[kind].format(name)}"
    verb = (statement.split(None, 1) or [""])[0].upper()
    return f"{who} needs {verb if verb in _BY_VERB else 'a privilege'} on {name}"
