# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of PostgreSQL's programs keep their cause and lose the rows."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.messages import without_rows


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            'pg_restore: error: COPY failed for table "users": ERROR:  new row for relation "users" violates check constraint "c"\n'
            "DETAIL:  Failing row contains (SECRET, SEC\nRET).\nCONTEXT:  COPY users, line 3: \"SECRET\tSECRET\"\n"
            "pg_restore: error: a worker process died unexpectedly\n",
            ['check constraint "c"', "COPY users, line 3", "a worker process died"],
        ),
        (
            'psql:<stdin>:45: ERROR:  could not create unique index "u"\nDETAIL:  Key (mail)=(SECRET) is duplicated.\n',
            ['psql:<stdin>:45: ERROR:  could not create unique index "u"'],
        ),
        (
            'psql:<stdin>:45: ERROR:  invalid input syntax for type integer: "SECRET\nSECRET"\n'
            'CONTEXT:  COPY t, line 1, column a: "SECRET"\n',
            ["invalid input syntax for type integer", "COPY t, line 1"],
        ),
        ('psql:<stdin>:4: ERROR:  value "SECRET" is out of range for type integer\n', ["a value is out of range"]),
        (
            'pg_restore: error: COPY failed for table "users": ERROR:  bad mail SECRET\n'
            "CONTEXT:  PL/pgSQL function public.ok(text) line 1 at RAISE\nCOPY users, line 1: \"SECRET\"\n",
            ["function public.ok(text) raised an error", "COPY users, line 1"],
        ),
        (
            "pg_restore: error: could not execute query: ERROR:  no changes on Sundays\n"
            "CONTEXT:  PL/pgSQL function public.on_ddl() line 1 at RAISE\n"
            "Command was: CREATE USER MAPPING FOR postgres SERVER far OPTIONS (password 'SECRET');\n",
            ["function public.on_ddl() raised an error", "Command was: CREATE USER MAPPING FOR postgres"],
        ),
        (
            'psql:<stdin>:9: ERROR:  relation "rates" does not exist\nLINE 1: RETURN n * (SELECT SECRET FROM rates)\n'
            "QUERY:  RETURN n * (SELECT SECRET)\nCONTEXT:  PL/pgSQL function times_rate(numeric) line 1 at RETURN\n",
            ['relation "rates" does not exist'],
        ),
        (
            'pg_restore: error: COPY failed for table "t": ERROR:  relation "SECRET" does not exist\n'
            'CONTEXT:  COPY t, line 1, column a: "SECRET"\n',
            ["an error, whose text may hold a row", "COPY t, line 1"],
        ),
        (
            'psql:<stdin>:9: ERROR:  42P01: relation "SECRET" does not exist\nCONTEXT:  COPY t, line 1, column a: "SECRET"\n'
            "LOCATION:  RangeVarGetRelidExtended, namespace.c:636\n",
            ["undefined table (42P01)", "COPY t, line 1"],
        ),
        ("psql:<stdin>:9: error: invalid command \\SECRET\n", ["invalid command"]),
        (
            'psql:<stdin>:9: FEHLER:  doppelter Schl\u00fcsselwert "SECRET"\nDETAIL:  SECRET\nZEILE 1: SECRET\n',
            ["an error, whose text may hold a row"],
        ),
        (
            'pg_dump: error: connection to server at "localhost" (::1), port 1 failed: Connection refused\n'
            "\tIs the server running on that host and accepting TCP/IP connections?\n"
            'connection to server at "localhost" (127.0.0.1), port 1 failed: FATAL:  password authentication failed for user "me"\n',
            ["Connection refused", 'password authentication failed for user "me"'],
        ),
        (
            'pg_dump: error: Dumping the contents of table "t" failed: PQgetResult() failed.\n'
            "pg_dump: detail: Error message from server: ERROR:  invalid page in block 0 of relation base/5/16390\n"
            "pg_dump: detail: Command was: COPY public.t (a) TO stdout;\n",
            ['contents of table "t"', "invalid page in block 0", "Command was: COPY public.t"],
        ),
        (
            'pg_restore: error: could not execute query: ERROR:  could not open extension control file '
            '"/usr/share/postgresql/x.control": No such file or directory\nCommand was: CREATE EXTENSION IF NOT EXISTS x;\n',
            ["could not open extension control file", "No such file or directory"],
        ),
        (
            "psql:<stdin>:9: ERROR:  syntax error at or near \"x\"\nLINE 1: INSERT INTO t VALUES ('SECRET'\n        ^\n",
            ["syntax error"],
        ),
    ],
)  # fmt: skip
def test_a_message_keeps_its_cause_and_loses_the_row(text: str, kept: list[str]) -> None:
    said = without_rows(text)
    assert "SEC" not in said and "RET" not in said.replace("RETURN", "")
    assert all(words in said for words in kept), said
